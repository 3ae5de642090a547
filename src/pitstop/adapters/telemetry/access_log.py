"""Users' requests as the proxy wrote them down: JSON lines in a log and its rotated files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

from pitstop.adapters.telemetry.asked import Asked
from pitstop.gate import Interval
from pitstop.ports import CannotTell

_MARGIN = 2.0  # seconds by which lines may be out of order, when the machine's clock is set
_NEAR = 65536


@dataclass
class _Second:
    requests: int = 0
    errors: int = 0
    latencies_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class _Line:
    ended: float
    status: int
    ms: float
    deployment: str


class AccessLog:
    """Counts requests in the second in which they were answered.

    By the end of a request, not its start: so a second, once over, never changes, and the lines
    stand in order. The proxy writes every 100 ms: the last moment before now is not complete yet.
    """

    def __init__(self, paths: Callable[[], list[Path]]) -> None:
        self._paths = paths

    def intervals(
        self, since: datetime, until: datetime, deployment_id: str | None = None
    ) -> list[Interval]:
        """Return one-second intervals that hold traffic, ``at`` in seconds after ``since``."""
        start, end = since.timestamp(), until.timestamp()
        seconds: dict[int, _Second] = {}
        with ExitStack() as stack:
            try:
                for file in self._opened(stack):
                    for line in _between(file, start, end):
                        if deployment_id in (None, line.deployment):
                            _count(seconds.setdefault(int(line.ended - start), _Second()), line)
            except OSError as error:
                raise CannotTell(f"The access log cannot be read: {error}.") from error
        return [
            Interval(float(at), each.requests, each.errors, tuple(each.latencies_ms))
            for at, each in sorted(seconds.items())
        ]

    def follow(self, since: datetime, deployment_id: str | None = None) -> Asked:
        """Return what is heard from a moment on."""
        return Asked(self.intervals, since, deployment_id)

    def _opened(self, stack: ExitStack) -> list[IO[bytes]]:
        """Open all files, oldest first; again if they were rotated meanwhile."""
        for _ in range(20):
            paths = self._paths()
            try:
                found: list[IO[bytes]] = [stack.enter_context(path.open("rb")) for path in paths]
                same = all(
                    os.path.samestat(os.fstat(file.fileno()), path.stat())
                    for file, path in zip(found, paths, strict=True)
                )
            except FileNotFoundError:
                continue
            if found and same and paths == self._paths():
                return found
        raise CannotTell(
            "There is no access log: the service was never up. Do it: pitstop local up"
        )


def _count(second: _Second, line: _Line) -> None:
    second.requests += 1
    second.errors += line.status >= 500
    second.latencies_ms.append(line.ms)


def _between(file: IO[bytes], start: float, end: float) -> Iterator[_Line]:
    """Yield users' requests that ended in a stretch of time; the rest of the file is not read."""
    file.seek(_offset(file, start - _MARGIN))
    for raw in file:
        line = _line(raw)
        if line is None:
            continue
        if line.ended >= end + _MARGIN:
            return
        if start <= line.ended < end and line.status:
            yield line


def _offset(file: IO[bytes], moment: float) -> int:
    """Return where the lines of a moment begin, or a little before; found by halving."""
    low, high = 0, os.fstat(file.fileno()).st_size
    while high - low > _NEAR:
        middle = (low + high) // 2
        ended = _first_end(file, middle, high)
        if ended is None or ended >= moment:
            high = middle
        else:
            low = middle
    if low:
        file.seek(low)
        file.readline()
        return file.tell()
    return 0


def _first_end(file: IO[bytes], offset: int, limit: int) -> float | None:
    """Return when the first whole line after an offset ended."""
    file.seek(offset)
    file.readline()
    while file.tell() < limit:
        if line := _line(file.readline()):
            return line.ended
    return None


def _line(raw: bytes) -> _Line | None:
    """Read one line; None for what is torn, or not a request that was answered."""
    if not raw.endswith(b"\n"):
        return None
    try:
        held = json.loads(raw)
        ended = float(held["at"]) + float(held["ms"]) / 1000
        # 0: the client went away before it had an answer, nobody's error. One that hangs up on the
        # answer it was given (many do, on a 5xx) was answered, whatever the flags say.
        status = int(held["status"])
        return _Line(ended, status, float(held["ms"]), str(held.get("deployment") or ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None

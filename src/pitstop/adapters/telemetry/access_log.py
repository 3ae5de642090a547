"""Users' requests as a server wrote them down, in a log and its rotated files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from glob import glob
from pathlib import Path
from typing import IO, Literal

from pydantic import model_validator

from pitstop.adapters.telemetry import formats
from pitstop.adapters.telemetry.formats import Reader, Request
from pitstop.adapters.telemetry.seconds import seconds
from pitstop.adapters.telemetry.tail import Tail
from pitstop.config import Part
from pitstop.gate import Interval
from pitstop.ports import CannotTell

_MARGIN = 2.0  # seconds by which lines may be out of order, when the machine's clock is set
_NEAR = 65536
_FEWEST, _SENSE = 20, 0.1  # of so many lines, this share at least must be requests
_REMEMBERED = 100_000  # numbers of requests, by which one that comes twice is known


ABSENT = "telemetry.paths name no file."


class AccessLogSettings(Part):
    """``[telemetry] use = "access-log"``."""

    paths: list[str]
    """files or patterns, relative to the repository; rotated ones too, not those that are packed"""
    format: Literal["pitstop", "envoy", "caddy", "nginx", "apache", "json"] = "json"
    """what each line is"""
    mapping: dict[str, str] = {}  # noqa: RUF012 - pydantic copies what a default holds
    """of json: at, status, ms (or seconds, us), deployment, client, agent, id; keys with dots between"""
    at_is: Literal["start", "end"] = "end"
    """of json: whether at is when a request came, or when it was answered"""

    @model_validator(mode="after")
    def _says_where_things_stand(self) -> AccessLogSettings:
        known = {"at", "status", "ms", "seconds", "us", "deployment", "client", "agent", "id"}
        if odd := sorted(set(self.mapping) - known):
            raise ValueError(f"mapping has no {odd[0]}; use {', '.join(sorted(known))}")
        if self.format == "json" and not {"at", "status"} <= set(self.mapping):
            raise ValueError("mapping must say where at and status stand")
        return self


def access_log(settings: AccessLogSettings, folder: Path) -> AccessLog:
    """Return the log that settings name; ``folder`` is where relative paths begin."""
    if settings.format == "json":
        reader = formats.mapped(settings.mapping, at_is_start=settings.at_is == "start")
    else:
        reader = getattr(formats, settings.format)
    files, mapping = (lambda: log_files(settings.paths, folder)), settings.mapping or None
    return AccessLog(files, reader, mapping, absent=ABSENT)


class AccessLog:
    """Counts requests in the second in which they were answered.

    By the end of a request, not its start: so a second, once over, never changes, and the lines
    stand in order. Servers write with a delay: the last moment before now is not complete yet.
    """

    def __init__(
        self,
        paths: Callable[[], list[Path]],
        read: Reader = formats.pitstop,
        mapping: Mapping[str, str] | None = None,
        *,
        sparse: bool = False,
        absent: str = "the service was never up. Do it: pitstop local up",
    ) -> None:
        """``sparse``: most lines may be something else. ``absent``: why there may be no log."""
        self._paths, self._read = paths, read
        self._mapping, self._sparse = mapping, sparse
        self._absent = f"There is no access log: {absent}"

    def intervals(
        self, since: datetime, until: datetime, deployment_id: str | None = None
    ) -> list[Interval]:
        """Return one-second intervals that hold traffic, ``at`` in seconds after ``since``."""
        start, end = since.timestamp(), until.timestamp()
        sense = Sense(self._mapping, self._sparse)
        with ExitStack() as stack:
            try:
                files = self._opened(stack)
                found = self._between(files, start, end, deployment_id, sense)
                return seconds(found, start)
            except OSError as error:
                raise CannotTell(f"The access log cannot be read: {error}.") from error

    def follow(self, since: datetime, deployment_id: str | None = None) -> LogStream:
        """Return what is heard from a moment on."""
        start = since.timestamp() - _MARGIN
        tail = Tail(self._paths, lambda file: _offset(file, start, self._read))
        sense = Sense(self._mapping, self._sparse)
        return LogStream(tail, self._read, since.timestamp(), deployment_id, sense, self._absent)

    def _between(
        self,
        files: list[IO[bytes]],
        start: float,
        end: float,
        deployment_id: str | None,
        sense: Sense,
    ) -> Iterator[Request]:
        """Yield users' requests that ended in a stretch of time; the rest of a file is not read."""
        once = _Once()
        for file in files:
            file.seek(_offset(file, start - _MARGIN, self._read))
            for raw in file:
                one = self._read(raw) if raw.endswith(b"\n") else None
                sense.saw(raw, one)
                if one is None:
                    continue
                if one.ended >= end + _MARGIN:
                    break
                if start <= one.ended < end and deployment_id in (None, one.deployment):
                    if once.is_new(one):
                        yield one
        sense.check()

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
        raise CannotTell(self._absent)


class LogStream:
    """Each request of a log once, from a moment on, also what arrives late."""

    def __init__(
        self,
        tail: Tail,
        read: Reader,
        start: float,
        deployment_id: str | None,
        sense: Sense,
        absent: str,
    ) -> None:
        self._tail, self._reader, self._start, self._absent = tail, read, start, absent
        self._deployment, self._sense = deployment_id, sense
        self._early: list[Request] = []  # ended after what was asked for so far
        self._newest: float | None = None
        self._once = _Once()

    def read(self, until: datetime) -> list[Interval]:
        """Return what was answered before ``until`` and not returned yet."""
        end = until.timestamp()
        heard, self._early = self._early, []
        try:
            heard += self._new()
        except FileNotFoundError:
            raise CannotTell(self._absent) from None
        except OSError as error:
            raise CannotTell(f"The access log cannot be read: {error}.") from error
        self._early = [one for one in heard if one.ended >= end]
        self._sense.check()
        return seconds((one for one in heard if one.ended < end), self._start)

    def fresh(self) -> datetime | None:
        """Return when the newest line was written."""
        return None if self._newest is None else datetime.fromtimestamp(self._newest, UTC)

    def _new(self) -> list[Request]:
        found = []
        for raw in self._tail.lines():
            one = self._reader(raw)
            self._sense.saw(raw, one)
            if one is None:
                continue
            self._newest = max(self._newest or one.ended, one.ended)
            if one.ended >= self._start and self._deployment in (None, one.deployment):
                if self._once.is_new(one):
                    found.append(one)
        return found


class Sense:
    """Notices that (nearly) no line of a log is a request: then it is not silence that is heard."""

    def __init__(self, mapping: Mapping[str, str] | None, sparse: bool = False) -> None:
        self._mapping = mapping
        self._share = 0.0 if sparse else _SENSE
        self._lines = self._requests = 0
        self._example = b""

    def saw(self, line: bytes, one: Request | None) -> None:
        """Count a line."""
        self._lines += 1
        if one is not None:
            self._requests += 1
        elif line.strip():
            self._example = line

    def check(self) -> None:
        """Raise CannotTell with an example where the format must be another one."""
        if self._lines < _FEWEST or (
            self._requests and self._requests >= self._share * self._lines
        ):
            return
        lacks = formats.lacks(self._mapping, self._example) if self._mapping else []
        missing = f" It has no {', '.join(lacks)}." if lacks else ""
        raise CannotTell(
            f"{self._lines - self._requests} of {self._lines} lines of the access log are no "
            f"requests in the format that is configured, such as: {_harmless(self._example)}."
            f"{missing} See telemetry.format and telemetry.mapping."
        )


class _Once:
    """Knows a request that comes a second time, where requests have numbers."""

    def __init__(self) -> None:
        self._new: set[str] = set()
        self._old: set[str] = set()

    def is_new(self, one: Request) -> bool:
        if not one.id:
            return True
        if one.id in self._new or one.id in self._old:
            return False
        self._new.add(one.id)
        if len(self._new) > _REMEMBERED:
            self._old, self._new = self._new, set()
        return True


def _harmless(line: bytes) -> str:
    """Return the beginning of a line without what may be secret in an address."""
    text = line.decode("utf-8", "replace").strip()
    return "".join(c for c in text.partition("?")[0] if c.isprintable())[:160]


def log_files(patterns: list[str], folder: Path) -> list[Path]:
    """Return the files that patterns name, the one that was written last at the end."""
    found = {Path(name) for one in patterns for name in glob(str(folder / one))}
    whole = [path for path in found if path.suffix not in (".gz", ".zst", ".bz2", ".xz")]
    return sorted(whole, key=_written)


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _offset(file: IO[bytes], moment: float, read: Reader) -> int:
    """Return where the lines of a moment begin, or a little before; found by halving."""
    low, high = 0, os.fstat(file.fileno()).st_size
    while high - low > _NEAR:
        middle = (low + high) // 2
        ended = _first_end(file, middle, high, read)
        if ended is None or ended >= moment:
            high = middle
        else:
            low = middle
    if low:
        file.seek(low)
        file.readline()
        return file.tell()
    return 0


def _first_end(file: IO[bytes], offset: int, limit: int, read: Reader) -> float | None:
    """Return when the first whole line after an offset ended."""
    file.seek(offset)
    file.readline()
    while file.tell() < limit:
        raw = file.readline()
        if raw.endswith(b"\n") and (one := read(raw)):
            return one.ended
    return None

"""Traffic that somebody recorded: JSON lines ``{at, status, ms}`` or CSV with that header."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import floor, isfinite
from pathlib import Path
from typing import IO, Any, cast

from pitstop.adapters.telemetry.formats import Request, moment
from pitstop.adapters.telemetry.seconds import seconds
from pitstop.gate import Interval

LIKE = '{"at": 1767323045.2, "status": 200, "ms": 12.5}'
NO_REQUEST = "lines that are no request"
NO_STATUS = "lines without a status"
NO_LATENCY = "durations that make no sense"
ASTRAY = "requests more than a week from the others"
CUT_OFF = "the rest: the packed file is cut off"
_PACKED = b"\x1f\x8b"
_LONGEST = 1 << 20  # bytes of a line; more is no request
_ASTRAY = 7 * 86400.0  # seconds
_FARTHEST = 1e11  # seconds; a later time is none
_WRONG = (ValueError, KeyError, TypeError, IndexError, OverflowError, csv.Error)
_Fields = Callable[[str], Mapping[str, Any]]


class Unreadable(Exception):
    """The file is no recorded traffic. One sentence."""


@dataclass
class Recorded:
    """What a file holds, second by second in order, and how much of what was left out.

    ``at`` as it stands in the file, in seconds. A line with a time and no status says that nothing
    was known then: its second is there, without requests.
    """

    intervals: list[Interval] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)  # how many, by what they were


def read(path: Path) -> Recorded:
    """Read a file, packed with gzip or not. Raises Unreadable.

    ``at``: seconds, or a time as people write it; ``status``: an HTTP status, 500 and above are
    errors; ``ms``: how long the answer took, may be missing; ``client``: who asked, may be missing.
    Lines may stand in any order. A file without a line is one in which nothing was heard.
    """
    found, silent = Recorded(), set[int]()
    try:
        with ExitStack() as stack:
            lines = _lines(_opened(path, stack), found)
            requests = list(_requests(lines, found, silent, path))
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror or error}.") from error
    if found.left_out[NO_REQUEST] > len(requests) + found.left_out[NO_STATUS]:
        raise Unreadable(
            f"{path}: {found.left_out[NO_REQUEST]} lines are no request and {len(requests)} are. "
            f"Each must be like {LIKE}, or the file CSV with the header at,status,ms."
        )
    heard = seconds(requests, 0.0)
    silent -= {int(one.at) for one in heard}
    heard += [Interval(float(at), 0, 0) for at in silent]
    found.intervals = _together(sorted(heard, key=lambda one: one.at), found)
    return found


def _together(heard: list[Interval], found: Recorded) -> list[Interval]:
    """Return the intervals without those of a clock gone astray: one of them would be the deploy."""
    if not heard:
        return heard
    middle = heard[len(heard) // 2].at
    kept = [one for one in heard if abs(one.at - middle) <= _ASTRAY]
    found.left_out[ASTRAY] = sum(one.requests for one in heard) - sum(o.requests for o in kept)
    return kept


def _opened(path: Path, stack: ExitStack) -> IO[bytes]:
    raw = stack.enter_context(path.open("rb"))
    if raw.peek(2)[:2] != _PACKED:
        return raw
    unpacked: Any = stack.enter_context(gzip.GzipFile(fileobj=raw))
    return cast("IO[bytes]", unpacked)


def _lines(file: IO[bytes], found: Recorded) -> Iterator[str]:
    """Yield lines that hold something; of a packed file that is cut off, those before the cut."""
    try:
        while raw := file.readline(_LONGEST):
            if line := raw.decode("utf-8-sig", "replace").strip():
                yield line
    except (EOFError, zlib.error, gzip.BadGzipFile):
        found.left_out[CUT_OFF] += 1


def _requests(
    lines: Iterator[str], found: Recorded, silent: set[int], path: Path
) -> Iterator[Request]:
    """Yield the requests; note what is none, and the seconds of which nothing is known."""
    first = next(lines, None)
    if first is None:
        return
    if not first.startswith("{"):
        fields = _csv(first, path)
    else:
        fields = json.loads
        lines = _again(first, lines)
    for line in lines:
        try:
            held = fields(line)
            at = moment(held["at"])
            if not abs(at) < _FARTHEST:
                raise ValueError("no time")
            status = held["status"]
            if _unknown(status):
                found.left_out[NO_STATUS] += 1
                silent.add(floor(at))
                continue
            request = Request(
                at,
                _status(status),
                _ms(held.get("ms"), found),
                client=str(held.get("client") or ""),
            )
        except _WRONG:
            found.left_out[NO_REQUEST] += 1
            continue
        yield request


def _again(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _csv(header: str, path: Path) -> _Fields:
    """Return what reads a row under this header."""
    names = [name.strip().lower() for name in header.split(",")]
    if not {"at", "status"} <= set(names):
        raise Unreadable(
            f"{path} begins with {header[:60]!r}. It must hold lines like {LIKE}, or be CSV with the "
            "header at,status,ms."
        )

    def fields(line: str) -> dict[str, str]:
        values = next(csv.reader([line])) if '"' in line else line.split(",")
        return dict(zip(names, values, strict=False))

    return fields


def _unknown(status: object) -> bool:
    """Return whether a status says that nobody knows it."""
    if isinstance(status, str):
        return status.strip().lower() in ("", "nan", "null", "none", "-")
    return status is None or status != status  # NaN is not itself


def _status(value: Any) -> int:
    status = int(value)
    if isinstance(value, bool) or not 100 <= status <= 599 or status != float(value):
        raise ValueError(f"{value!r} is no HTTP status")
    return status


def _ms(value: Any, found: Recorded) -> float:
    """Return a duration in ms; below zero where it is not known."""
    if value is None or value == "":
        return -1.0
    try:
        ms = float(value)
    except (ValueError, TypeError):
        ms = -1.0
    if not isfinite(ms) or ms < 0:
        found.left_out[NO_LATENCY] += 1
        return -1.0
    return ms

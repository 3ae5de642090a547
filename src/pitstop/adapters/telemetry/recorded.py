"""Recorded traffic: JSON lines ``{at, status, ms}`` or CSV with that header, packed or not."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from math import floor, isfinite
from pathlib import Path
from typing import IO

from pitstop.adapters.telemetry.formats import Request, moment
from pitstop.adapters.telemetry.seconds import Second
from pitstop.gate import Interval

_HEADER = ("at", "status", "ms")
_LATE = 5  # seconds by which lines may be out of order
_ASTRAY = 7 * 86_400.0  # seconds without a line; more is no silence
_LONGEST_MS = 86_400_000.0
_STATUSES = range(100, 600)


class Unreadable(Exception):
    """A file that is no recorded traffic. One sentence, with its name and the line."""


class Recorded:
    """The seconds of a recording, in order; ``left_out`` counts what made no sense, by its reason.

    Iterated once: the file is read as it goes, so that its size does not matter.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.left_out: Counter[str] = Counter()
        self._opened().close()  # what is not there is said at once

    def __iter__(self) -> Iterator[Interval]:
        """Yield one interval for each second with requests, ``at`` in whole seconds."""
        try:
            with self._opened() as source:
                yield from self._seconds(self._requests(source))
        except (OSError, EOFError, zlib.error) as error:  # packed, and torn
            raise Unreadable(f"{self._path} cannot be read to its end: {error}.") from None

    def _opened(self) -> IO[str]:
        try:
            with self._path.open("rb") as file:
                packed = file.read(2) == b"\x1f\x8b"
            opened = gzip.open if packed else open
            found: IO[str] = opened(self._path, "rt", encoding="utf-8-sig", errors="replace")
            return found
        except OSError as error:
            raise Unreadable(f"{self._path} cannot be read: {error.strerror}.") from None

    def _requests(self, source: IO[str]) -> Iterator[Request]:
        first = source.readline()
        if not first.strip():
            return
        if first.lstrip().startswith("{"):
            yield from self._checked(self._of_json(first, source))
            return
        columns = [name.strip() for name in next(csv.reader([first]))]
        if missing := [name for name in _HEADER if name not in columns]:
            raise Unreadable(
                f"{self._path}:1: neither JSON lines nor CSV with the header at,status,ms "
                f"({', '.join(missing)} is missing)."
            )
        rows = csv.reader(source)
        places = [columns.index(name) for name in _HEADER]
        yield from self._checked(self._of_csv(rows, places))

    def _of_json(self, first: str, source: IO[str]) -> Iterator[tuple[object, object, object]]:
        lines = found = 0
        for line in _again(first, source):
            if not line.strip():
                continue
            lines += 1
            try:
                held = json.loads(line)
                row = held["at"], held["status"], held.get("ms")
                found += 1
            except (ValueError, KeyError, TypeError):
                self.left_out["not a whole line of {at, status, ms}"] += 1
                continue
            yield row
        if lines and not found:
            raise Unreadable(f"{self._path}:1: no line holds at, status and ms.")

    def _of_csv(
        self, rows: Iterator[list[str]], places: list[int]
    ) -> Iterator[tuple[object, object, object]]:
        try:
            for row in rows:
                if len(row) > max(places):
                    yield row[places[0]], row[places[1]], row[places[2]]
                elif row:
                    self.left_out["not a whole line of {at, status, ms}"] += 1
        except csv.Error as error:
            raise Unreadable(f"{self._path}: {error}.") from None

    def _checked(self, rows: Iterator[tuple[object, object, object]]) -> Iterator[Request]:
        """Yield the requests. One whose duration makes no sense is one still: it may have failed."""
        newest: float | None = None
        for at, status, ms in rows:
            try:
                one = Request(moment(at), int(float(str(status))), self._duration(ms))
            except (ValueError, OverflowError, TypeError):
                self.left_out["no number where one belongs"] += 1
                continue
            if not isfinite(one.ended) or one.status not in _STATUSES:
                self.left_out["a time or a status that cannot be"] += 1
            elif newest is not None and one.ended > newest + _ASTRAY:
                self.left_out["a clock gone astray"] += 1  # it would close all seconds before it
            else:
                newest = max(one.ended, newest or one.ended)
                yield one

    def _duration(self, ms: object) -> float:
        """Return a duration in ms, below zero where it is not known."""
        if ms is None or ms == "":
            return -1.0
        found = float(str(ms))
        if 0 <= found <= _LONGEST_MS:
            return found
        self.left_out["a duration that cannot be"] += 1
        return -1.0

    def _seconds(self, requests: Iterator[Request]) -> Iterator[Interval]:
        open_: dict[int, Second] = {}
        newest, done = None, None
        for one in requests:
            at = floor(one.ended)
            if done is not None and at <= done:
                self.left_out[f"more than {_LATE} s out of order"] += 1
                continue
            second = open_.get(at)
            if second is None:
                second = open_[at] = Second()
            second.count(one)
            if newest is None or at > newest:
                newest = at
                for over in sorted(old for old in open_ if old < at - _LATE):
                    done = over
                    yield _interval(over, open_.pop(over))
        for over in sorted(open_):
            yield _interval(over, open_[over])


def read(path: Path) -> Recorded:
    """Return the recording in a file. Raises Unreadable, at once or while it is read."""
    return Recorded(path)


def _interval(at: int, second: Second) -> Interval:
    return Interval(
        float(at), second.requests, second.errors, second.latencies_ms, statuses=second.statuses
    )


def _again(first: str, source: IO[str]) -> Iterator[str]:
    yield first
    yield from source

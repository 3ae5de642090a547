"""Meters and probes beside users' requests: recorded in a file, so that a crash loses no baseline."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from math import floor
from pathlib import Path
from typing import Any

from pitstop.adapters.telemetry.tail import Tail
from pitstop.gate import Interval
from pitstop.ports import CannotTell, Meter, Stream, Telemetry

Line = dict[str, Any]
EVERY = 5.0  # seconds between two readings


class Recorder:
    """Reads meters in a thread of its own, and writes down what they say, a line each.

    A meter that fails is asked again; meanwhile its trouble is kept in its own words.
    """

    def __init__(self, meters: Sequence[Meter], file: Path, every: float = EVERY) -> None:
        self._meters, self._file, self._every = meters, file, every
        self._end, self._lock = threading.Event(), threading.Lock()
        self._troubles: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name="meters", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._end.set()
        if self._thread.ident:
            self._thread.join(self._every + 10)

    def troubles(self) -> list[str]:
        """Return what fails now, a sentence for each meter."""
        return list(self._troubles.values())

    def note(self, at: float, **found: object) -> None:
        """Write a line; a full disk loses it and stops nothing."""
        line = json.dumps({"at": at, **found}) + "\n"
        try:
            with self._lock, self._file.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            self._troubles["file"] = f"Readings cannot be kept: {error}."

    def probed(self, at: float, failed: bool, ms: float) -> None:
        """Write down what a probe met."""
        self.note(at, probe={"failed": failed, "ms": round(ms, 2)})

    def read_once(self) -> None:
        """Read every meter."""
        for meter in self._meters:
            try:
                found = dict(meter.read())
                self._troubles.pop(meter.name, None)
            except CannotTell as unknown:
                self._troubles[meter.name] = f"The meter {meter.name} failed: {unknown}"
                continue
            if found:
                self.note(time.time(), readings=found)

    def _run(self) -> None:
        while True:
            try:
                self.read_once()
            except Exception as error:  # noqa: BLE001 - a thread that dies silently would be silence
                self._troubles["meters"] = f"The meters failed: {error!r}"
            if self._end.wait(self._every):
                return


class Combined:
    """Users' requests of one telemetry, with what a recorder wrote down beside them."""

    def __init__(
        self, telemetry: Telemetry, recorder: Recorder, file: Path, probe_trouble: Callable[[], str]
    ) -> None:
        self._telemetry, self._recorder, self._file = telemetry, recorder, file
        self._probe_trouble = probe_trouble

    def intervals(
        self, since: datetime, until: datetime, deployment_id: str | None = None
    ) -> list[Interval]:
        """Return users' requests, readings and probes. Raises CannotTell for the requests."""
        found = self._telemetry.intervals(since, until, deployment_id)
        return [*found, *recorded(self._file, since, until)]

    def follow(self, since: datetime, deployment_id: str | None = None) -> CombinedStream:
        """Return what is heard from a moment on."""
        return CombinedStream(self._telemetry.follow(since, deployment_id), self._file, since)

    def troubles(self) -> list[str]:
        """Return what fails now, a sentence for each source."""
        return [one for one in (*self._recorder.troubles(), self._probe_trouble()) if one]


class CombinedStream:
    """A stream of requests, and the lines of the recorder that came since."""

    def __init__(self, stream: Stream, file: Path, since: datetime) -> None:
        self._stream, self._since = stream, since
        self._tail = Tail(lambda: [file], lambda _: 0)
        self._early: list[Line] = []

    def read(self, until: datetime) -> list[Interval]:
        """Return what is new; where the requests cannot be told, nothing is told twice."""
        found = self._stream.read(until)
        return [*found, *self._beside(until)]

    def _beside(self, until: datetime) -> list[Interval]:
        try:
            new = [line for raw in self._tail.lines() if (line := _line(raw))]
        except FileNotFoundError:
            new = []
        lines, end = [*self._early, *new], until.timestamp()
        self._early = [line for line in lines if line["at"] >= end]
        return _intervals(lines, self._since, until)

    def fresh(self) -> datetime | None:
        """Return until when the requests were told."""
        return self._stream.fresh()


def recorded(file: Path, since: datetime, until: datetime) -> list[Interval]:
    """Return what a recorder wrote down: readings as they are, probes by the second."""
    try:
        with file.open("rb") as lines:
            return _intervals([line for raw in lines if (line := _line(raw))], since, until)
    except FileNotFoundError:
        return []


def _intervals(lines: list[Line], since: datetime, until: datetime) -> list[Interval]:
    start, end = since.timestamp(), until.timestamp()
    found: list[Interval] = []
    probes: dict[int, list[dict[str, float]]] = {}
    for line in lines:
        if not start <= line["at"] < end:
            continue
        if "probe" in line:
            probes.setdefault(floor(line["at"] - start), []).append(line["probe"])
        else:
            found.append(Interval(line["at"] - start, 0, 0, readings=line["readings"]))
    for second, answers in sorted(probes.items()):
        failed = sum(bool(one["failed"]) for one in answers)
        latencies = [one["ms"] for one in answers]
        found.append(Interval(float(second), len(answers), failed, latencies, users=False))
    return found


def _line(raw: bytes) -> Line | None:
    """Read one line; None for one that a crash cut off."""
    try:
        held: Line = json.loads(raw)
        return held if "at" in held and ("readings" in held or "probe" in held) else None
    except (ValueError, TypeError):
        return None

"""What is seen of production while somebody looks: health, traffic, memory, database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from pitstop.cli.compared import Counted, compared, gate_of, stamp
from pitstop.cli.drawing import percent
from pitstop.cli.latencies import Latencies
from pitstop.cli.measured import Measured
from pitstop.gate import MEMORY, Interval
from pitstop.ports import CannotTell, Stream

_WRITTEN = timedelta(seconds=1)  # a request that ended is in the record by then
_OUTAGE = timedelta(seconds=10)  # this long without a good answer; a reboot takes less
_METERS = timedelta(seconds=5)  # between two readings
_QUANTILES = {"p50": 0.5, "p95": 0.95}


class Seen:
    """Looks when it is told to, and says what it has seen since it began."""

    def __init__(self, measured: Measured, began: datetime) -> None:
        self._measured, self._began, self._now = measured, began, began
        self._health = {"asked": 0, "good": 0, "unknown": 0}
        self._said = "not asked"
        self._ill_since: datetime | None = None
        self._heard = Counted()
        self._took, self._took_before = Latencies(), Latencies()
        self._readings: dict[str, tuple[float, float]] = {}  # the first and the last of each meter
        self._read_at: datetime | None = None
        self._troubles: dict[str, str] = {}
        self._stream: Stream | None = None
        self._gate = gate_of(measured.settings, self._before())
        self._verdict = self._gate.observe(Interval(0.0, 0, 0))

    def _before(self) -> list[Interval]:
        try:
            since = self._began - self._measured.settings.gate.baseline
            baseline = self._measured.telemetry.intervals(since, self._began)
        except CannotTell as unknown:
            self._troubles["traffic"] = str(unknown)
            return []
        for one in baseline:
            self._took_before.add(one)
        return baseline

    def look(self, now: datetime) -> None:
        """Ask for everything once."""
        self._now = now
        self._ask_health()
        self._hear(now - _WRITTEN)
        if self._read_at is None or now - self._read_at >= _METERS:
            self._read_at = now
            self._read_meters()

    def _ask_health(self) -> None:
        self._health["asked"] += 1
        try:
            well, self._said = self._measured.platform.healthy()
        except CannotTell as unknown:
            self._health["unknown"] += 1
            self._said = str(unknown)
            return
        self._health["good"] += well
        self._ill_since = None if well else self._ill_since or self._now

    def _hear(self, until: datetime) -> None:
        try:
            if self._stream is None:
                self._stream = self._measured.telemetry.follow(self._began)
            found = self._stream.read(until) if until > self._began else []
            self._troubles.pop("traffic", None)
        except CannotTell as unknown:
            self._troubles["traffic"] = str(unknown)
            return
        self._heard.add(found)
        for one in found:
            self._took.add(one)
            self._gate.observe(one)
        self._verdict = self._gate.observe(
            Interval(max(0.0, (until - self._began).total_seconds()), 0, 0)
        )

    def _read_meters(self) -> None:
        for meter in self._measured.meters:
            try:
                readings = dict(meter.read())
                self._troubles.pop(meter.name, None)
            except CannotTell as unknown:
                self._troubles[meter.name] = str(unknown)
                continue
            for name, value in readings.items():
                first, _ = self._readings.get(name, (value, value))
                self._readings[name] = (first, value)
            at = (self._now - self._began).total_seconds()
            self._verdict = self._gate.observe(Interval(at, 0, 0, readings=readings))

    def clear(self) -> bool:
        """Return whether it is clear that something is wrong: no later look changes that."""
        return self._outage() or self._verdict.name == "fail"

    def _outage(self) -> bool:
        return self._ill_since is not None and self._now - self._ill_since >= _OUTAGE

    def _judged(self) -> dict[str, Any]:
        judged = compared(self._verdict, self._heard, self._measured.settings)
        never = self._health["asked"] > 0 == self._health["good"]
        if self._outage() or (self._ill_since and never):
            return judged | {"verdict": "fail", "reason": f"it is not healthy: {self._said}"}
        if never:
            return judged | {"verdict": "inconclusive", "reason": f"health: {self._said}"}
        if judged["verdict"] == "inconclusive" and "traffic" in self._troubles:
            return judged | {"reason": self._troubles["traffic"]}
        return judged

    def told(self) -> dict[str, Any]:
        """Return all that was seen, and what it means, as JSON has it."""
        took = {name: self._took.quantile(share) for name, share in _QUANTILES.items()}
        before = {name: self._took_before.quantile(share) for name, share in _QUANTILES.items()}
        readings = {
            name: {"first": first, "last": last} for name, (first, last) in self._readings.items()
        }
        return {
            "service": self._measured.settings.service.name,
            "since": stamp(self._began),
            "until": stamp(self._now),
            **self._judged(),
            **self._heard.told(),
            "health": self._health | {"said": self._said},
            "latency_ms": took | {f"baseline_{name}": ms for name, ms in before.items()},
            "memory": readings.pop(MEMORY, None),
            "database": readings or None,
            "troubles": sorted(self._troubles.values()),
        }

    def line(self) -> str:
        """Return in one line how it is now."""
        told = self.told()
        health, memory = told["health"], told["memory"]
        said = [
            "up" if self._ill_since is None and health["good"] else "NOT HEALTHY",
            f"errors {percent(told['rate'])} of {told['requests']}"
            if told["requests"]
            else "no traffic",
        ]
        if told["latency_ms"]["p50"] is not None:
            said.append("p50 {p50:.0f} p95 {p95:.0f} ms".format(**told["latency_ms"]))
        if memory:
            said.append(_bytes(memory["last"]))
        said += [f"{name} {one['last']:g}" for name, one in (told["database"] or {}).items()]
        return "  ".join(said)

    def rows(self) -> Iterator[str]:
        """Yield, a row each, what was seen."""
        told = self.told()
        health, took = told["health"], told["latency_ms"]
        yield f"health:    {health['good']} good answers of {health['asked']} ({health['said']})"
        if told["requests"]:
            low, high = (percent(rate) for rate in told["interval"])
            counts = f"{told['errors']} of {told['requests']} requests failed"
            yield f"errors:    {counts}: {percent(told['rate'])}, between {low} and {high}"
        if took["p50"] is not None:
            before = took["baseline_p50"]
            was = f" (before {before:.0f} and {took['baseline_p95']:.0f} ms)" if before else ""
            yield f"latency:   half took less than {took['p50']:.0f} ms, 95 % {took['p95']:.0f} ms{was}"
        if told["memory"]:
            first, last = told["memory"]["first"], told["memory"]["last"]
            yield f"memory:    {_bytes(first)} at first, {_bytes(last)} at the end"
        for name, one in (told["database"] or {}).items():
            yield f"{name + ':':<10} {one['first']:g} at first, {one['last']:g} at the end"
        yield from (f"not known: {trouble}" for trouble in told["troubles"])


def _bytes(count: float) -> str:
    return f"{count / 1e6:.0f} MB"

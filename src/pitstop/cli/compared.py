"""Is what users get worse than before? For commands that look at production outside any run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pitstop.cli.drawing import percent
from pitstop.config import Settings
from pitstop.gate import Gate, Interval, Verdict, confidence
from pitstop.hearing import tolerance

EXIT_CODES = {"pass": 0, "fail": 3, "inconclusive": 6}
WORDS = {"pass": "normal", "fail": "too high", "inconclusive": "cannot tell"}
HALF = 0.5
"""With every second request failing nothing is normal, whatever it was before."""


def gate_of(settings: Settings, baseline: Sequence[Interval]) -> Gate:
    """Return a gate that judges from the first moment on and waits for no deadline."""
    return Gate(
        baseline,
        warmup_seconds=0.0,
        soak_seconds=0.0,
        deadline_seconds=float("inf"),
        watch=True,
        min_requests=settings.gate.min_requests,
        once=False,
        tolerance=tolerance(settings),
        memory_block_seconds=settings.gate.memory_block.total_seconds(),
    )


def through(gate: Gate, heard: Iterable[Interval]) -> Verdict:
    """Give traffic to a gate; return the verdict so far."""
    verdict = gate.observe(Interval(0.0, 0, 0))
    for one in heard:
        verdict = gate.observe(one)
    return verdict


def errors_only(heard: Iterable[Interval]) -> list[Interval]:
    """Return the same without what is not asked for: how long answers took, and meters."""
    return [replace(one, latencies_ms=(), buckets=(), readings={}) for one in heard]


class Counted:
    """Users' requests and errors, added up."""

    def __init__(self) -> None:
        self.requests = self.errors = 0
        self._by_status: Counter[int] = Counter()

    def add(self, heard: Iterable[Interval]) -> None:
        """Take in what was heard."""
        for one in heard:
            self.requests += one.requests
            self.errors += one.errors
            self._by_status.update(one.statuses)

    @property
    def rate(self) -> float | None:
        """Return errors per request, 0 to 1."""
        return self.errors / self.requests if self.requests else None

    def told(self) -> dict[str, Any]:
        """Return requests, errors, their rate, where the true rate lies, and counts by status."""
        requests, errors = self.requests, self.errors
        return {
            "requests": requests,
            "errors": errors,
            "rate": self.rate,
            "interval": list(confidence(errors, requests)) if requests else None,
            "by_status": {str(status): n for status, n in sorted(self._by_status.items())},
        }


def compared(verdict: Verdict, counted: Counted, settings: Settings) -> dict[str, Any]:
    """Return what a gate's verdict means for somebody who asks how production is.

    A pass is here what nobody has shown to be worse; of a few requests with errors nobody can tell.
    """
    named, reason = _meaning(verdict, counted, settings)
    return {
        "verdict": named,
        "reason": reason,
        "baseline_requests": verdict.baseline_requests,
        "baseline_rate": verdict.baseline_rate,
        "evidence": plain(verdict.evidence),
    }


def _meaning(verdict: Verdict, counted: Counted, settings: Settings) -> tuple[str, str]:
    requests, errors, few = counted.requests, counted.errors, settings.gate.min_requests
    rate, before = percent(counted.rate), f"{percent(verdict.baseline_rate)} before"
    if verdict.name == "fail":
        return "fail", verdict.reason
    if not requests:
        return "inconclusive", "nothing was heard of users, and silence is not health"
    if errors and requests < few:
        return "inconclusive", f"{errors} of {requests} requests failed: too few to tell"
    if errors >= HALF * requests:
        return "fail", f"every second request fails, or more: {rate}, {before}"
    bad = (counted.rate or 0.0) > (limit := tolerance(settings).unacceptable_rate)
    if bad and verdict.baseline_requests < few:
        known = confidence(errors, requests)[0] > limit
        said = f"{rate} of requests fail, and there is no time before to compare with"
        return ("fail" if known else "inconclusive"), said
    if bad:
        return "pass", f"no worse than before, which was bad already: {rate}, {before}"
    if verdict.name == "pass":
        return "pass", verdict.reason
    return "pass", f"errors are not shown to be higher than before: {rate}, {before}"


def plain(value: object) -> Any:
    """Return what JSON can say of a value: a number that is none is null."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    return value if isinstance(value, str | int | None) else str(value)


def stamp(at: datetime) -> str:
    """Return a moment as JSON has it: RFC 3339, UTC."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")

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

    def told(self) -> dict[str, Any]:
        """Return requests, errors, their rate, where the true rate lies, and counts by status."""
        requests, errors = self.requests, self.errors
        return {
            "requests": requests,
            "errors": errors,
            "rate": errors / requests if requests else None,
            "interval": list(confidence(errors, requests)) if requests else None,
            "by_status": {str(status): n for status, n in sorted(self._by_status.items())},
        }


def compared(verdict: Verdict, counted: Counted, settings: Settings) -> dict[str, Any]:
    """Return what a gate's verdict means for somebody who asks how production is.

    A pass is here what nobody has shown to be worse; of a few requests with errors nobody can tell.
    """
    requests, errors, few = counted.requests, counted.errors, settings.gate.min_requests
    before = (
        f"before {percent(verdict.baseline_rate)}" if verdict.baseline_requests else "no baseline"
    )
    if verdict.name == "fail":
        named, reason = "fail", verdict.reason
    elif not requests:
        named, reason = "inconclusive", "nothing was heard of users, and silence is not health"
    elif requests >= few and errors >= HALF * requests:
        named, reason = "fail", f"every second request fails, or more ({before})"
    elif errors and requests < few:
        named, reason = "inconclusive", f"{errors} of {requests} requests failed: too few to tell"
    else:
        named, reason = "pass", f"errors are not shown to be higher than usual ({before})"
    return {
        "verdict": named,
        "reason": reason,
        "baseline_requests": verdict.baseline_requests,
        "baseline_rate": verdict.baseline_rate,
    }


def stamp(at: datetime) -> str:
    """Return a moment as JSON has it: RFC 3339, UTC."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")

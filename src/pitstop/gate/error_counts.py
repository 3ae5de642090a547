"""The plain gate: compare error counts with the baseline, once there is enough traffic.

The sequential statistics of a later issue keep this interface. Three verdicts: *pass* only with
enough requests heard for long enough, *fail* as soon as errors clearly exceed the baseline, and
*inconclusive* at the deadline otherwise. Silence never passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pitstop.gate.measure import Interval


@dataclass(frozen=True)
class Verdict:
    """``name`` is pending, pass, fail or inconclusive; the rest is its evidence."""

    name: str
    reason: str
    requests: int = 0
    errors: int = 0
    rate: float | None = None
    baseline_rate: float | None = None
    baseline_requests: int = 0
    evidence: dict[str, Any] = field(default_factory=dict)


HALF = 0.5  # with every second request failing, nothing passes


class Gate:
    """Judge a deployment interval by interval; all times in seconds, rates from 0 to 1."""

    def __init__(
        self,
        baseline: Sequence[Interval],
        *,
        warmup_seconds: float = 30.0,
        soak_seconds: float = 30.0,
        deadline_seconds: float = 600.0,
        min_requests: int = 50,
        min_errors: int = 5,
        tolerated_ratio: float = 2.0,
        tolerated_noise: float = 1.25,
        tolerated_margin: float = 0.10,
        tolerated_rate: float = 0.01,
        watch: bool = False,
    ) -> None:
        self._base_requests = sum(i.requests for i in baseline)
        self._base_errors = sum(i.errors for i in baseline)
        self._warmup, self._soak, self._deadline = warmup_seconds, soak_seconds, deadline_seconds
        self._min_requests, self._min_errors = min_requests, min_errors
        self._ratio, self._rate, self._watch = tolerated_ratio, tolerated_rate, watch
        self._noise, self._margin = tolerated_noise, tolerated_margin
        self._requests = self._errors = 0
        self._at = 0.0
        self._ended: Verdict | None = None

    def observe(self, interval: Interval) -> Verdict:
        """Take in one interval and return the verdict so far; a fail or a pass is final."""
        if self._ended and (self._ended.name == "fail" or not self._watch):
            return self._ended
        self._at = max(self._at, interval.at)
        if interval.at >= self._warmup:
            self._requests += interval.requests
            self._errors += interval.errors
        verdict = self._judge()
        if verdict.name in ("pass", "fail", "inconclusive"):
            self._ended = verdict
        return verdict

    def close(self) -> Verdict:
        """Return the last word when no more traffic will be heard."""
        if self._ended:
            return self._ended
        return self._verdict("inconclusive", self._too_little())

    def _base(self) -> float:
        return self._base_errors / self._base_requests if self._base_requests else 0.0

    def _tolerated(self) -> float:
        """Return the highest rate that passes: the baseline, a little noise above it, never half."""
        return min(max(self._base() * self._noise, self._rate), HALF)

    def _limit(self) -> float:
        """Return the rate above which it fails; between the two a person decides.

        A hotfix's baseline is raised by the very bug, so twice of it may be an outage: the margin
        above it is also absolute.
        """
        return max(min(self._base() * self._ratio, self._base() + self._margin), self._rate)

    def _judge(self) -> Verdict:
        judged_for = self._at - self._warmup
        if self._errors >= self._min_errors and self._errors > self._limit() * max(
            self._requests, self._min_requests
        ):
            return self._verdict("fail", self._compared("rose to"))
        if judged_for >= self._soak and self._requests >= self._min_requests:
            if self._errors <= self._tolerated() * self._requests:
                return self._verdict("pass", self._compared("are at"))
        if judged_for >= self._deadline:
            return self._verdict("inconclusive", self._too_little())
        return self._verdict("pending", self._compared("are at"))

    def _compared(self, verb: str) -> str:
        rate = f"{100 * self._errors / self._requests:.1f} %" if self._requests else "nothing heard"
        if not self._base_requests:
            return f"errors {verb} {rate} of {self._requests} requests; there is no baseline"
        base = 100 * self._base_errors / self._base_requests
        return (
            f"errors {verb} {rate} of {self._requests} requests against a baseline of {base:.1f} %"
        )

    def _too_little(self) -> str:
        if self._requests < self._min_requests:
            return (
                f"only {self._requests} requests were heard, {self._min_requests} are needed to "
                "judge; no telemetry never means healthy"
            )
        return f"{self._compared('are at')}: too close to tell"

    def _verdict(self, name: str, reason: str) -> Verdict:
        return Verdict(
            name,
            reason,
            self._requests,
            self._errors,
            self._errors / self._requests if self._requests else None,
            self._base_errors / self._base_requests if self._base_requests else None,
            self._base_requests,
        )

"""The sequential test that knows the answer: no gate can be expected to be faster than it by much.

Wald's sequential probability ratio test (1945) of "at most what is tolerated" against the very rate
of the new version, both known exactly. It is what the delay of one metric is measured against.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pitstop.gate import Gate, Interval

ALPHA = 0.01
RATIO, FLOOR = 1.25, 0.001  # what is tolerated of errors: so much of the baseline, or so little
PACE = 0.01  # seconds from request to request
BASELINE, AT_MOST = 60_000, 60_000  # requests


@dataclass(frozen=True)
class Jump:
    """Errors rise from one rate to another with the first request after the deploy."""

    before: float
    after: float

    def __str__(self) -> str:
        return f"errors {100 * self.before:g} -> {100 * self.after:g} %"

    @property
    def tolerated(self) -> float:
        """Return the highest rate that is not to be rolled back."""
        return max(RATIO * self.before, FLOOR)


JUMPS = (Jump(0.005, 0.01), Jump(0.005, 0.02), Jump(0.005, 0.05), Jump(0.001, 0.1))


def sprt(
    failures: Iterable[bool], tolerated: float, true: float, alpha: float = ALPHA
) -> int | None:
    """Return the number of the request at which the ratio of likelihoods reaches 1/alpha."""
    worse, better = math.log(true / tolerated), math.log((1 - true) / (1 - tolerated))
    evidence = 0.0
    for number, failed in enumerate(failures, 1):
        evidence += worse if failed else better
        if evidence >= math.log(1 / alpha):
            return number
    return None


def delays(jump: Jump, seed: int, number: int) -> tuple[int, int]:
    """Return after how many requests the gate and the oracle roll back the same deploy.

    Only errors are told, one request at a time, and nothing is warming up. What does not happen
    counts as the most that was played.
    """
    rng = np.random.default_rng((seed, number, round(1e6 * jump.after)))
    counts = rng.binomial(100, jump.before, BASELINE // 100)
    baseline = [Interval(float(n - len(counts)), 100, int(k)) for n, k in enumerate(counts)]
    failures = (rng.random(AT_MOST) < jump.after).tolist()
    gate = Gate(
        baseline, warmup_seconds=0.0, min_requests=1, deadline_seconds=1e6, watch=True, seed="one"
    )
    ours = AT_MOST
    for n, failed in enumerate(failures):
        if gate.observe(Interval(n * PACE, 1, int(failed))).name == "fail":
            ours = n + 1
            break
    return ours, sprt(failures, jump.tolerated, jump.after) or AT_MOST

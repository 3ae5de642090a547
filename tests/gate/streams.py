"""Traffic as it is drawn: seeded, second by second."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log
from random import Random

from pitstop.gate import Gate, Interval, Verdict

Rate = float | Callable[[int], float]
_BASELINE = 900


def at(value: Rate, second: int) -> float:
    return value(second) if callable(value) else value


def traffic(
    rng: Random,
    seconds: int,
    *,
    per_second: int = 100,
    errors: Rate = 0.005,
    slower: Rate = 1.0,
    latency: bool = True,
) -> list[Interval]:
    """Return seconds of traffic: lognormal latencies around 80 ms, sigma 0.6."""
    found = []
    for second in range(seconds):
        n = max(round(rng.gauss(per_second, per_second**0.5)), 0)
        rate, scale = at(errors, second), at(slower, second)
        failed = sum(rng.random() < rate for _ in range(n))
        heard = [scale * exp(rng.gauss(log(80), 0.6)) for _ in range(n)] if latency else []
        found.append(Interval(float(second), n, failed, heard))
    return found


def judged(gate: Gate, candidate: list[Interval]) -> tuple[Verdict, float]:
    """Return the verdict, and how many seconds after the warm-up it was reached."""
    for one in candidate:
        verdict = gate.observe(one)
        if verdict.name != "pending":
            return verdict, one.at - 30
    return gate.close(), candidate[-1].at - 30

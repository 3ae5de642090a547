"""One deploy of a scenario: the traffic before, and what is heard after it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

import numpy as np

from benchmarks.gate.hearing import Heard
from benchmarks.gate.scenarios import WARM_UP, Scenario
from benchmarks.gate.streams import (
    Climate,
    Numbers,
    Service,
    Weather,
    sawtooth,
    seconds,
    with_memory,
)
from pitstop.gate import Interval

LATE = 1.5  # times the baseline's p95


@dataclass(frozen=True)
class Deploy:
    """What every judge gets: the same for all of them."""

    name: str
    baseline: Sequence[Interval]
    heard: Sequence[Heard]
    control: bool
    slow: float  # ms: the p95 above which rules with a fixed limit call it slow


@dataclass(frozen=True)
class Outcome:
    """The last word of a judge; ``after``: seconds since the onset, None if it was never reached."""

    verdict: str  # pass, fail or inconclusive
    after: float | None = None
    why: str = ""


def deploy(scenario: Scenario, seed: int, number: int) -> Deploy:
    """Make the deploy; the same seed and number give the same traffic, whatever else is made.

    Scenarios with the same service before the deploy share its baseline, number by number.
    """
    baseline, weather, slow = _before(
        scenario.before,
        scenario.climate,
        scenario.baseline_seconds,
        scenario.seconds,
        scenario.memory,
        (seed, number),
    )
    rng = np.random.default_rng((seed, number, zlib.crc32(scenario.name.encode())))
    start = scenario.baseline_seconds

    def service(at: int) -> Service:
        return scenario.after if scenario.when(at) else scenario.before

    after = list(seconds(rng, service, weather, start, 0))
    beside: Sequence[Interval | None] = [None] * len(after)
    if scenario.control:
        beside = list(seconds(rng, lambda _: scenario.before, weather, start, 0))
    if scenario.memory:
        used = sawtooth(rng, len(after), scenario.after.leak, since=0)
        after = [with_memory(one, float(value)) for one, value in zip(after, used, strict=True)]
    heard = [Heard(one.at + 1, one, other) for one, other in zip(after, beside, strict=True)]
    return Deploy(
        f"{seed}-{scenario.name}-{number}",
        baseline,
        scenario.telemetry(heard),
        scenario.control,
        slow,
    )


@lru_cache(maxsize=8)
def _before(
    service: Service,
    climate: Climate,
    before: int,
    after: int,
    memory: bool,
    entropy: tuple[int, int],
) -> tuple[Sequence[Interval], Weather, float]:
    rng = np.random.default_rng(entropy)
    weather = climate(rng, before, after)
    heard = list(islice(seconds(rng, lambda _: service, weather, 0, -before), before))
    if memory:
        used = sawtooth(rng, before, 0.0, since=0)
        heard = [with_memory(one, float(value)) for one, value in zip(heard, used, strict=True)]
    return [one for one in heard if one.requests or one.readings], weather, LATE * p95(heard)


def cut(heard: Sequence[Heard], start: float, end: float) -> list[Interval]:
    """Return what was told by ``end`` of the time from ``start`` to ``end`` after the warm-up."""
    low, high = WARM_UP + start, WARM_UP + end
    return [
        one.interval
        for one in heard
        if one.told <= high and low <= one.interval.at < high and one.interval.requests
    ]


def controls(heard: Sequence[Heard], start: float, end: float) -> list[Interval]:
    """Return the same of the control."""
    asides = [replace(one, interval=one.beside) for one in heard if one.beside]
    return cut(asides, start, end)


def latencies(heard: Sequence[Interval]) -> Numbers:
    """Return all latencies, in ms."""
    return np.concatenate([np.array(one.latencies_ms) for one in heard]) if heard else np.array([])


def p95(heard: Sequence[Interval]) -> float:
    """Return the 95th percentile of latency in ms; 0 when there is none."""
    drawn = latencies(heard)
    return float(np.quantile(drawn, 0.95)) if len(drawn) else 0.0

"""What the gate itself takes: time for each request, and memory in half an hour of much traffic."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Iterator

import numpy as np

from benchmarks.gate.deploys import deploy
from benchmarks.gate.goals import Goal
from benchmarks.gate.judging import judge
from benchmarks.gate.scenarios import AT_TOLERANCE, HEALTHY
from benchmarks.gate.streams import Service, calm, seconds
from pitstop.gate import Gate, Interval

MICROSECONDS = 20.0  # for each request at 100 a second
GROWTH = 1.0  # MB in half an hour at 1000 a second, after its first five minutes


def goals(seed: int, *, quick: bool) -> Iterator[Goal]:
    """Yield the goals 6 and 7."""
    opening, each = _time(seed)
    measured = f"{each:.1f} us (held to {MICROSECONDS:g}); taking in the baseline: {opening:.2f} s"
    yield Goal(
        6, "time for each request, 100/s, a look each second", measured, each <= MICROSECONDS
    )
    minutes = 12 if quick else 30
    early, late = _memory(seed, minutes)
    measured = f"{early:.2f} MB after 5 min, {late:.2f} MB after {minutes} min"
    yield Goal(6, "memory at 1000 requests/s stays flat", measured, late - early <= GROWTH)
    repeated = (HEALTHY[0], AT_TOLERANCE[1])
    same = all(judge(one, seed, 0) == judge(one, seed, 0) for one in repeated)
    measured = "the same" if same else "NOT the same"
    yield Goal(7, "the same traffic again gets the same verdict, reason and second", measured, same)


def _time(seed: int) -> tuple[float, float]:
    """Return seconds for the baseline, and microseconds a request: processor time, median of five."""
    made = deploy(HEALTHY[0], seed, 0)
    opened, each = [], []
    for _ in range(5):
        began = time.process_time()
        gate = Gate(made.baseline, watch=True, seed="cost")
        opened.append(time.process_time() - began)
        began = time.process_time()
        for one in made.heard:
            gate.observe(one.interval)
        requests = sum(one.interval.requests for one in made.heard)
        each.append(1e6 * (time.process_time() - began) / requests)
    return statistics.median(opened), statistics.median(each)


def _memory(seed: int, minutes: int) -> tuple[float, float]:
    """Return MB held by the gate after five minutes, and at the end."""
    service = Service(rps=1000)
    baseline = list(_traffic(seed, service, 300))
    early = 0.0
    tracemalloc.start()
    try:
        gate = Gate(baseline, watch=True, deadline_seconds=600, seed="memory")
        for second, one in enumerate(_traffic(seed + 1, service, 60 * minutes)):
            gate.observe(one)
            if second == 300:
                del one
                early = tracemalloc.get_traced_memory()[0] / 1e6
        del one
        late = tracemalloc.get_traced_memory()[0] / 1e6
    finally:
        tracemalloc.stop()
    return early, late


def _traffic(seed: int, service: Service, count: int) -> Iterator[Interval]:
    rng = np.random.default_rng(seed)
    return seconds(rng, lambda _: service, calm(rng, 0, count), 0, 0)

"""The seven goals the gate is held to, each with what was measured.

A goal on a share or a median counts as missed only when it is missed by more than chance can
explain: three standard errors of the simulation.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.gate.judging import Judged
from benchmarks.gate.scenarios import (
    AT_TOLERANCE,
    AT_UNACCEPTABLE,
    BROKEN,
    HARD_OF_HEARING,
    HEALTHY,
    LOW_TRAFFIC,
    MEMORY,
    Scenario,
)

FIXED = 300  # seconds of the window that others wait for
FALSE_ROLLBACK, FALSE_PASS, ORACLE = 0.01, 0.05, 1.75
WITHIN = {  # median seconds to a rollback at 100 requests/s
    "errors 0.5 -> 1 %": 150,
    "errors 0.5 -> 2 %": 20,
    "errors 0.5 -> 5 %": 5,
    "errors 0.1 -> 10 %": 3,
    "latency x1.2": 10,
    "latency x1.5": 3,
    "latency x1.5, tail only": 10,
}
FASTER = {  # times faster than the fixed window
    "errors 0.5 -> 1 %": 4,
    "errors 0.5 -> 2 %": 15,
    "errors 0.5 -> 5 %": 60,
    "latency x1.5": 60,
}
UNDISTURBED = (
    "bursts of errors",
    "bursts, clients told apart",
    "latency wanders, sd 10 %",
    "latency wanders, sd 30 %",
    "the same, with a control",
    "all errors x1.5, with control",
    "warm-up x2, decays in 10 s",
)


@dataclass(frozen=True)
class Goal:
    """One thing that is held or not."""

    number: int
    what: str
    measured: str
    held: bool

    def __str__(self) -> str:
        return (
            f"{self.number}. {'met    ' if self.held else 'NOT MET'} {self.what}: {self.measured}"
        )


def of_verdicts(judged: Mapping[str, Judged]) -> Iterator[Goal]:
    """Yield the goals that are about verdicts: 1, 3, 4, 5, and the times of 2."""
    for one in (*AT_TOLERANCE, *HEALTHY):
        naive = f"; z-test looked at each second {100 * judged[one.name].share('fail', 'z, each s'):.1f} %"
        yield _share(1, judged[one.name], "fail", FALSE_ROLLBACK, naive)
    for name, limit in WITHIN.items():
        yield _median(2, judged[name], "fail", limit)
    yield _median(3, judged["healthy, 0.5 % errors"], "pass", FIXED / 5)
    for name, factor in FASTER.items():
        yield _median(3, judged[name], "fail", FIXED / factor)
    for one in (*AT_UNACCEPTABLE, *BROKEN):
        yield _share(4, judged[one.name], "pass", FALSE_PASS)
    for name in UNDISTURBED:
        yield _share(5, judged[name], "fail", FALSE_ROLLBACK)
    for one in (*HARD_OF_HEARING, *LOW_TRAFFIC, *MEMORY):
        for verdict in one.wrong:
            yield _share(5, judged[one.name], verdict, _limit(one, verdict))


def of_oracle(name: str, delays: Sequence[tuple[int, int]]) -> Goal:
    """Return goal 2 for one jump, by pairs of requests: the gate's, the oracle's."""
    pairs = np.array(delays)
    ours, best = (float(np.median(column)) for column in pairs.T)
    drawn = np.random.default_rng(1).integers(len(pairs), size=(400, len(pairs)))
    ratios = np.median(pairs[drawn, 0], axis=1) / np.median(pairs[drawn, 1], axis=1)
    measured = f"{ours:.0f} requests, {best:.0f}: x{ours / best:.2f} (held to x{ORACLE})"
    held = bool(ours / best - 3 * ratios.std() <= ORACLE)
    return Goal(2, f"{name}, one metric, beside the test that knows the answer", measured, held)


def _limit(scenario: Scenario, verdict: str) -> float:
    if verdict == "fail":
        return FALSE_ROLLBACK
    return 0.0 if scenario.hoped == "neither" else FALSE_PASS


def _share(number: int, one: Judged, verdict: str, limit: float, more: str = "") -> Goal:
    share, deploys = one.share(verdict), len(one.outcomes["pitstop"])
    slack = 3 * math.sqrt(limit * (1 - limit) / deploys)
    word = {"fail": "rollback", "pass": "pass"}[verdict]
    measured = f"{100 * share:.1f} % (held to {100 * limit:g} %){more}"
    return Goal(number, f"{one.scenario.name}, false {word}", measured, share <= limit + slack)


def _median(number: int, one: Judged, verdict: str, limit: float) -> Goal:
    """Deploys without the verdict count as infinitely slow."""
    times = one.times(verdict)
    all_times = times + [math.inf] * (len(one.outcomes["pitstop"]) - len(times))
    low = max(math.floor(len(all_times) / 2 - 1.5 * math.sqrt(len(all_times))), 0)
    middle = statistics.median(all_times)
    held = all_times[low] <= limit
    word = {"fail": "rollback", "pass": "pass"}[verdict]
    measured = f"median {middle:.0f} s (held to {limit:g} s)"
    return Goal(number, f"{one.scenario.name}, time to {word}", measured, held)

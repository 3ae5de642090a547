"""The situations that are judged: what production is like before and after, and what would be wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.gate.hearing import Telemetry, at_once, delayed, nothing, stopped, twice
from benchmarks.gate.streams import (
    MB,
    Climate,
    Service,
    bimodal,
    calm,
    gamma,
    outage,
    wandering,
    waves,
)

WARM_UP = 30  # seconds; times to a verdict count from its end
MINUTES_10 = WARM_UP + 600
REQUESTS_20_000 = {"watch": True}  # looked at every second, whatever was said before

USUAL = Service()


@dataclass(frozen=True)
class Scenario:
    """``hoped``: the verdict a person who knows the truth would give; ``wrong``: those that harm.

    ``when`` says in which seconds the new version is like ``after``; else it is like ``before``.
    ``onset``: the second from which the time to a verdict counts.
    """

    name: str
    hoped: str
    wrong: tuple[str, ...]
    after: Service = USUAL
    before: Service = USUAL
    when: Callable[[int], bool] = lambda _: True
    climate: Climate = calm
    control: bool = False
    telemetry: Telemetry = at_once
    baseline_seconds: int = 1800
    seconds: int = MINUTES_10
    onset: int = WARM_UP
    memory: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


def good(name: str, after: Service | None = None, **more: Any) -> Scenario:
    """A new version that nobody should be returned from; ``None``: it is like the old one."""
    before = more.get("before", USUAL)
    return Scenario(name, "pass", ("fail",), after or before, **more)


def bad(name: str, after: Service, **more: Any) -> Scenario:
    """A new version that hurts users: to pass it is wrong."""
    return Scenario(name, "fail", ("pass",), after, **more)


def unheard(name: str, telemetry: Telemetry, after: Service = USUAL) -> Scenario:
    """Too little is heard to pass anything, or to roll back what is as it was."""
    wrong = ("pass", "fail") if after == USUAL else ("pass",)
    return Scenario(name, "neither", wrong, after, telemetry=telemetry)


def peeked(name: str, after: Service, **more: Any) -> Scenario:
    """What is tolerated, exactly: 20,000 requests, and a look at it every second."""
    looks = {"seconds": WARM_UP + 200, "options": REQUESTS_20_000}
    return good(name, after, **{**looks, **more})


QUIET = Service(errors=0.001)
TOLERATED = Service(errors=0.00625, slower=1.05)
BURSTY = Service(errors=0.0, bursts=0.005)
TOLD = replace(BURSTY, clients=2000)
RARE = Service(rps=5 / 60, errors=0.005)
DAY = 86_400
TEN_POINTS = {"baseline_seconds": 100, "seconds": WARM_UP + 100, "before": Service(errors=0.0)}

HEALTHY = [
    good("healthy, 0.5 % errors"),
    good("healthy, 0.9 % errors", before=Service(errors=0.009)),
    good("healthy, no errors at all", before=Service(errors=0.0)),
    good("healthy, gamma latency", before=Service(latency=gamma)),
    good("healthy, bimodal latency", before=Service(latency=bimodal)),
    good("half the errors, 20 % faster", Service(errors=0.0025, slower=0.8)),
]
AT_TOLERANCE = [
    peeked("errors x1.25", Service(errors=0.00625)),
    peeked("errors x1.25, latency x1.05", TOLERATED),
    peeked("errors 0.02 -> 0.1 %", QUIET, before=Service(errors=0.0002)),
    peeked(
        "x1.25 and x1.05, gamma",
        replace(TOLERATED, latency=gamma),
        before=Service(latency=gamma),
    ),
    peeked(
        "x1.25 and x1.05, bimodal",
        replace(TOLERATED, latency=bimodal),
        before=Service(latency=bimodal),
    ),
]
AT_UNACCEPTABLE = [
    bad("errors 0.5 -> 1 %", Service(errors=0.01)),
    bad("errors 0.25 -> 0.5 %", Service(errors=0.005), before=Service(errors=0.0025)),
    bad("latency x1.2", Service(slower=1.2)),
]
BROKEN = [
    bad("errors 0.5 -> 2 %", Service(errors=0.02)),
    bad("errors 0.5 -> 5 %", Service(errors=0.05)),
    bad("errors 0.1 -> 10 %", Service(errors=0.1), before=QUIET),
    bad("latency x1.5", Service(slower=1.5)),
    bad("latency x2", Service(slower=2.0)),
    bad("latency x1.5, tail only", Service(tail=1.5)),
    bad("latency x1.2, gamma", Service(latency=gamma, slower=1.2), before=Service(latency=gamma)),
    bad(
        "latency x1.2, bimodal",
        Service(latency=bimodal, slower=1.2),
        before=Service(latency=bimodal),
    ),
    bad(
        "5 % errors, only after 2 min",
        Service(errors=0.05),
        when=lambda at: at >= WARM_UP + 120,
        onset=WARM_UP + 120,
        options={"watch": True},
    ),
    bad(
        "x100 slower, 7 of 10 points",
        Service(errors=0.0, slower=100),
        when=lambda at: at < WARM_UP + 70,
        **TEN_POINTS,
    ),
]
DISTURBED = [
    good("bursts of errors", before=BURSTY),
    good("bursts, clients told apart", before=TOLD),
    bad("bursts, and 5 % for everybody", replace(TOLD, errors=0.045), before=TOLD),
    good("latency wanders, sd 10 %", climate=wandering(0.1)),
    good("latency wanders, sd 30 %", climate=wandering(0.3)),
    good("the same, with a control", climate=wandering(0.3), control=True),
    bad("wanders 10 %, and x1.5", Service(slower=1.5), climate=wandering(0.1)),
    good("all errors x1.5, with control", climate=outage(1.5), control=True),
    good("all errors x1.5, no control", climate=outage(1.5)),
    bad("all x1.5, control, 0.5 -> 2 %", Service(errors=0.02), climate=outage(1.5), control=True),
    good("warm-up x2, decays in 10 s", Service(warming=10)),
    good("waves of 30 % in 20 min", climate=waves(0.3, 1200)),
    good("waves of 30 % in 2 h", climate=waves(0.3, 7200)),
]
HARD_OF_HEARING = [
    unheard("telemetry stops after 10 s", stopped(WARM_UP + 10)),
    unheard("stops after 10 s, 0.5 -> 1 %", stopped(WARM_UP + 10), Service(errors=0.01)),
    unheard("no telemetry at all", nothing),
    good("delayed by 60 s", telemetry=delayed(60)),
    bad("delayed by 60 s, 0.5 -> 5 %", Service(errors=0.05), telemetry=delayed(60)),
    good("duplicated", telemetry=twice),
    peeked("duplicated, at tolerance", TOLERATED, telemetry=twice),
]
LOW_TRAFFIC = [
    good("5 requests/min, healthy", before=RARE, baseline_seconds=DAY),
    bad("5/min, all fail", replace(RARE, errors=1.0), before=RARE, baseline_seconds=DAY),
    bad("5/min, every second fails", replace(RARE, errors=0.5), before=RARE, baseline_seconds=DAY),
    bad("5/min, 20 % fail", replace(RARE, errors=0.2), before=RARE, baseline_seconds=DAY),
]
HALF_AN_HOUR = {"memory": True, "seconds": WARM_UP + 1800, "options": {"watch": True}}
MEMORY = [
    good("memory: sawtooth, no leak", before=Service(rps=10), **HALF_AN_HOUR),
    bad("memory: leaks 1 MB/s", Service(rps=10, leak=MB), before=Service(rps=10), **HALF_AN_HOUR),
    bad(
        "memory: leaks 0.2 MB/s",
        Service(rps=10, leak=0.2 * MB),
        before=Service(rps=10),
        **HALF_AN_HOUR,
    ),
    bad(
        "memory: leaks 0.05 MB/s",
        Service(rps=10, leak=0.05 * MB),
        before=Service(rps=10),
        **HALF_AN_HOUR,
    ),
]
GROUPS = {
    "a good version": HEALTHY,
    "exactly what is tolerated, 20,000 requests, a look every second": AT_TOLERANCE,
    "exactly what is unacceptable": AT_UNACCEPTABLE,
    "a bad version": BROKEN,
    "disturbances": DISTURBED,
    "telemetry": HARD_OF_HEARING,
    "little traffic (10 minutes, baseline of a day)": LOW_TRAFFIC,
    "memory (30 minutes at 10 requests/s)": MEMORY,
}

"""Print what was judged: pitstop's verdicts in full, and each peer beside them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping

from benchmarks.gate.judging import OURS, Judged
from benchmarks.gate.peers import PEERS
from benchmarks.gate.scenarios import GROUPS

LEGEND = """\
false rollback: share of deploys rolled back though nobody should be; false pass: share passed
though they hurt users or nothing was heard; "-": cannot be wrong here. Seconds to the verdict from
the end of the warm-up (or from the moment it broke): median/p95 of those that got one. A pass is
never given before 30 s (soak). Watched scenarios (exactly tolerated, after 2 min, memory) go on
after a pass."""
PEER_LEGEND = """\
wrong: share of false rollbacks or false passes; then the median of seconds to a verdict.
rank test: Mann-Whitney at 98 % on 10 s points, judged once after 5 min, tolerance .25
1 %, 0 of 5 | 5 %, 3 of 5: a look each minute at the error rate and p95 > 1.5x; so many may fail
1 %, 10: a look each minute; ten good ones pass, ten bad ones fail
CUSUM: per request, towards twice the rate, bar ln 20,000; no alarm in 5 min passes
z, each s: the usual test of two proportions at 1 %, looked at every second; passes after 5 min"""


def lines(judged: Mapping[str, Judged]) -> Iterator[str]:
    """Yield the two tables."""
    head = f"{'':34} {'hoped':8}{'pass':>6}{'fail':>6}{'neither':>8}"
    yield f"{head}{'false rb':>10}{'false pass':>11}{'pass s':>12}{'fail s':>12}"
    yield from _grouped(judged, _ours)
    yield from ("", LEGEND, "")
    names = (OURS, *PEERS)
    yield f"{'wrong %, median s':34}" + "".join(f"{name:>14}" for name in names)
    yield from _grouped(judged, _beside)
    yield from ("", PEER_LEGEND)


def _grouped(judged: Mapping[str, Judged], row) -> Iterator[str]:  # type: ignore[no-untyped-def]
    for group, scenarios in GROUPS.items():
        found = [judged[one.name] for one in scenarios if one.name in judged]
        if found:
            yield f"{group}:"
            yield from (f"  {row(one)}" for one in found)


def _ours(one: Judged) -> str:
    shares = [one.share(verdict) for verdict in ("pass", "fail", "inconclusive")]
    said = "".join(f"{100 * share:6.1f}" for share in shares[:2]) + f"{100 * shares[2]:8.1f}"
    wrong = f"{_percent(one.wrong('fail')):>10}{_percent(one.wrong('pass')):>11}"
    times = "".join(f"{_times(one.times(verdict)):>12}" for verdict in ("pass", "fail"))
    return f"{one.scenario.name:32} {one.scenario.hoped:8}{said}{wrong}{times}"


def _beside(one: Judged) -> str:
    return f"{one.scenario.name:32}" + "".join(f"{_cell(one, n):>14}" for n in (OURS, *PEERS))


def _cell(one: Judged, name: str) -> str:
    wrong = sum(one.share(verdict, name) for verdict in one.scenario.wrong)
    times = one.times(judge=name)
    return (
        f"{100 * wrong:.1f} {statistics.median(times):5.0f} s"
        if times
        else f"{100 * wrong:.1f}       -"
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _times(times: list[float]) -> str:
    if not times:
        return "-"
    return (
        f"{statistics.median(times):.0f} / {times[min(int(0.95 * len(times)), len(times) - 1)]:.0f}"
    )

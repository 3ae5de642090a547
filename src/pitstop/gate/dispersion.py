"""By how much events come in bursts, as far as the baseline shows it.

Counts of independent requests vary like a binomial; bursts, retries and a shared slow dependency
make them vary ``phi`` times as much. Every count is then divided by phi: exact where a burst has at
most phi events, a quasi-likelihood otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log, sqrt

from pitstop.gate.evidence import UP, Evidence

BLOCKS = (1, 5, 15, 30)  # seconds
_SURE = 2.33  # standard errors above what chance does: 1 %
_FEWEST = 8  # blocks; fewer say nothing about how they vary
_LOUDEST = 200.0
_RAISED = 4.0


def dispersion(
    seconds: Sequence[tuple[float, float, float]], blocks: Sequence[int] = BLOCKS
) -> float:
    """Return phi of (second, events, observations), 1 where chance explains how they vary.

    The largest over lengths of blocks of the mean squared difference between neighbours, in units
    of what chance does (von Neumann's ratio: a level that changed once, as when the trouble began,
    is no burst), one standard error added. The largest single difference is left out.
    """
    events, observed = sum(one[1] for one in seconds), sum(one[2] for one in seconds)
    if observed <= 0 or not 0 < events < observed:
        return 1.0
    rate, worst = events / observed, 1.0
    for length in blocks:
        jumps = sorted(_differences(_sums(seconds, length), rate))[:-1]
        if len(jumps) < _FEWEST:
            continue
        phi = sum(jumps) / len(jumps)
        error = sqrt(3 / len(jumps) + 1 / events)
        if phi > 1 + _SURE * error:
            worst = max(worst, phi * (1 + error))
    return min(worst, _LOUDEST)


def _differences(sums: Sequence[tuple[float, float]], rate: float) -> list[float]:
    """Return the squared differences between neighbours, in units of what chance does."""
    heard = [(y / m, m) for y, m in sums if m > 0]
    chance = rate * (1 - rate)
    return [
        (left - right) ** 2 / (chance * (1 / before + 1 / after))
        for (left, before), (right, after) in pairwise(heard)
    ]


def placebo(
    seconds: Sequence[tuple[float, float, float]],
    a_b: tuple[float, float],
    phi: float,
    level: float,
) -> float:
    """Return phi, raised until no fake deploy within the baseline would be rolled back.

    The baseline is replayed from several moments at which nothing was deployed: slow drift shows,
    which ``dispersion`` with its blocks of half a minute does not see. Raised fourfold at most: the
    trouble that the fix is to end has itself begun somewhere in the baseline.
    ``a_b``: of the null, as the whole baseline gives it; ``level``: of the verdict.
    """
    runs, most = _fake_deploys(seconds), phi * _RAISED
    enough = log(len(runs) / level) if runs else 0.0
    while phi < most and any(_alarm(Evidence(*a_b, UP, phi), run, enough) for run in runs):
        phi = min(phi * 1.25, most)
    return phi


def _alarm(evidence: Evidence, run: Sequence[tuple[float, float]], enough: float) -> bool:
    events = observed = 0.0
    for more_events, more in run:
        events, observed = events + more_events, observed + more
        if evidence.log_e(events, observed) >= enough:
            return True
    return False


def _fake_deploys(
    seconds: Sequence[tuple[float, float, float]], length: float = 180.0
) -> list[list[tuple[float, float]]]:
    """Return stretches of three minutes, two a stretch apart, in steps of five seconds."""
    if not seconds:
        return []
    begin, end = seconds[0][0], seconds[-1][0]
    runs: dict[int, dict[int, tuple[float, float]]] = {}
    for at, events, observed in seconds:
        for shifted in (0, 1):
            run = int((at - begin + shifted * length / 2) // length) * 2 + shifted
            step = int(at // 5)
            sums = runs.setdefault(run, {})
            y, m = sums.get(step, (0.0, 0.0))
            sums[step] = (y + events, m + observed)
    if end - begin < 2 * length:
        return []
    return [[sums[step] for step in sorted(sums)] for sums in runs.values()]


def _sums(seconds: Sequence[tuple[float, float, float]], length: int) -> list[tuple[float, float]]:
    found: dict[int, tuple[float, float]] = {}
    for at, events, observed in seconds:
        y, m = found.get(int(at // length), (0.0, 0.0))
        found[int(at // length)] = (y + events, m + observed)
    return [found[number] for number in sorted(found)]

"""Errors: the rate against that of the baseline, and against what is always acceptable."""

from __future__ import annotations

from collections.abc import Sequence

from pitstop.gate.control import Beside
from pitstop.gate.dispersion import dispersion, placebo
from pitstop.gate.evidence import DOWN, UP, Evidence, known
from pitstop.gate.metric import Against, Metric
from pitstop.gate.restarts import Restarts
from pitstop.gate.tolerance import HALF, MARGIN, Tolerance

NAME = "errors"
FEWEST = 5  # errors in the baseline, fewer say nothing about a ratio
UNHEARD = 0.05  # without a baseline, this is what nobody accepts
_LEVEL = 0.01


def errors(
    seconds: Sequence[tuple[float, float, float]],
    tolerance: Tolerance,
    weight: float,
    *,
    cured: bool = False,
    per_unit: float = 1.0,
) -> Metric:
    """Return the metric; ``seconds`` are (second, errors, requests) of the baseline.

    ``cured``: the errors are what the fix is meant to end, so that as bad as before is not good
    enough. ``per_unit``: requests in one unit, where clients are counted and not requests.

    Nulls: "at most ``ratio`` times the baseline", a = x0 + 1, b = n0/ratio - x0 (the exposure is
    shrunk; + 1 is Clopper and Pearson's upper side), and "at most the acceptable rate", known.
    """
    x0, n0 = sum(one[1] for one in seconds), sum(one[2] for one in seconds)
    rate = x0 / n0 if n0 else 0.0
    cured = cured and x0 >= FEWEST and rate > tolerance.unacceptable_rate
    floor = min(tolerance.acceptable_rate * per_unit, HALF)
    phi, bursts = dispersion(seconds), dispersion(seconds, (1,))
    up = _acceptable_ratio(rate, tolerance, cured)
    down = 0.5 if cured else _unacceptable_ratio(rate, tolerance)
    null = x0 + 1, max(n0 / up - x0, 1.0)
    phi = placebo(seconds, null, phi, _LEVEL) if n0 and not cured else phi
    worse = Against(beside=Beside(up, UP, bursts))
    worse.relative = Restarts(Evidence(*null, UP, phi)) if n0 else None
    if not (cured and n0):
        worse.floor = Restarts(known(floor if n0 else max(floor, UNHEARD), UP, phi))
    top = _unacceptable_rate(rate, tolerance, cured)
    better = Against(beside=Beside(down, DOWN, bursts))
    better.floor = Restarts(known(top, DOWN, phi))
    if x0 >= FEWEST and top < HALF:
        unacceptable = x0, max(n0 / down - x0, 1.0) + 1
        better.relative = Restarts(Evidence(*unacceptable, DOWN, phi))
    return Metric(NAME, weight, worse, better, baseline=(x0, n0), required=True)


def _acceptable_ratio(rate: float, tolerance: Tolerance, cured: bool) -> float:
    """Return the ratio to the baseline up to which nothing is rolled back."""
    if cured:
        return 0.75  # as bad as before, or nearly so, is no cure
    margin = 1 + MARGIN / rate if rate else tolerance.acceptable_ratio
    return min(tolerance.acceptable_ratio, margin)


def _unacceptable_ratio(rate: float, tolerance: Tolerance) -> float:
    margin = 1 + 2 * MARGIN / rate if rate else tolerance.unacceptable_ratio
    return min(tolerance.unacceptable_ratio, margin)


def _unacceptable_rate(rate: float, tolerance: Tolerance, cured: bool) -> float:
    """Return the rate that a pass has to rule out, whatever the baseline was."""
    if cured:
        return tolerance.unacceptable_rate
    if rate * tolerance.unacceptable_ratio >= HALF:
        return HALF  # already red before the deploy: no worse than before, but never half of all
    return tolerance.unacceptable_rate

"""What others do, written afresh from their documents: on the same traffic, with the same warm-up.

Each peer is a function of a deploy that returns its outcome, with the seconds since the warm-up's
end. The limits on latency of those that need one: 1.5 times the baseline's p95.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.gate.deploys import LATE, Deploy, Outcome, controls, cut, latencies, p95
from benchmarks.gate.scenarios import WARM_UP
from pitstop.gate import Interval

Peer = Callable[[Deploy], Outcome]
WINDOW, POINT = 300, 10  # seconds that the rank test waits, and that one of its points lasts
TOLERANCE = 0.25  # of the estimated shift
Z_99 = 2.326  # 98 % two-sided, 1 % one-sided


def rank_test(deploy: Deploy) -> Outcome:
    """Judge once, after five minutes, points of ten seconds by the shift between their ranks.

    Metrics without any point count as passed, as published: groups of nothing but no-data score
    100 % (spinnaker/kayenta, pull request 326).
    """
    after = _points(cut(deploy.heard, 0, WINDOW))
    history = [one for one in deploy.baseline if one.at >= -WINDOW]
    before = _points(controls(deploy.heard, 0, WINDOW) if deploy.control else history)
    higher = [name for name in after if shifted_up(before[name], after[name])]
    return Outcome("fail" if higher else "pass", WINDOW, ", ".join(higher))


def shifted_up(before: Sequence[float], after: Sequence[float]) -> bool:
    """Return whether the 98 % interval of the shift lies above a quarter of its estimate.

    The Hodges-Lehmann estimate of the shift and its interval, from the Mann-Whitney statistic with
    the normal approximation and its correction for ties (Hollander & Wolfe 1999, 4.1 and 4.3).
    With nothing to compare there is no shift.
    """
    if not before or not after:
        return False
    shifts = np.sort(np.subtract.outer(np.array(after), np.array(before)).ravel())
    m, n, total = len(after), len(before), len(after) + len(before)
    ties = np.unique(np.concatenate([after, before]), return_counts=True)[1].astype(float)
    tied = float((ties**3 - ties).sum()) / (total * (total - 1))
    deviation = math.sqrt(m * n / 12 * max(total + 1 - tied, 0.0))
    rank = max(round(m * n / 2 - Z_99 * deviation), 1)
    return bool(shifts[rank - 1] > TOLERANCE * abs(float(np.median(shifts))))


def thresholds(limit: float, *, failures: int, checks: int) -> Peer:
    """Look once a minute; the first failure more than ``failures`` fails. Five looks without data do, too.

    A look fails when errors are above the limit, or p95 is above its own.
    """

    def look(deploy: Deploy) -> Outcome:
        failed = unheard = 0
        for check in range(1, checks + 1):
            heard = cut(deploy.heard, 60 * check - 60, 60 * check)
            unheard = 0 if heard else unheard + 1
            failed += _above(heard, limit, deploy.slow)
            if failed > failures or unheard > 4:
                return Outcome("fail", 60 * check)
        return Outcome("pass", 60 * checks)

    return look


def advancing(limit: float, *, checks: int) -> Peer:
    """Look once a minute; as many good looks pass, as many failed ones fail, others only wait."""

    def look(deploy: Deploy) -> Outcome:
        windows = [cut(deploy.heard, 60 * check, 60 * check + 60) for check in range(checks)]
        failed = [_above(heard, limit, deploy.slow) for heard in windows]
        if all(failed):
            return Outcome("fail", 60 * checks)
        good = all(windows) and not any(failed)
        return Outcome("pass" if good else "inconclusive", 60 * checks)

    return look


def cusum(deploy: Deploy) -> Outcome:
    """Sum up, request by request, what speaks for twice the baseline's rate, and never below 0.

    For errors and for requests above the baseline's p95 (Page 1954). The bar is ln 20,000: at the
    baseline's rate, no more than one false alarm in so many requests on average. No alarm: passed
    after five minutes.
    """
    told, heard = zip(*_judged(deploy), strict=True) if _judged(deploy) else ((), ())
    late = [sum(ms > deploy.slow / LATE for ms in one.latencies_ms) for one in heard]
    alarms = [
        _alarm(heard, [one.errors for one in heard], _rate(deploy.baseline)),
        _alarm(heard, late, 0.05),
    ]
    found = [told[number] - WARM_UP for number in alarms if number is not None]
    return Outcome("fail", min(found)) if found else Outcome("pass", WINDOW)


def z_test(deploy: Deploy) -> Outcome:
    """Compare error rates by the usual one-sided test at 1 %, again every second."""
    base, n0 = sum(one.errors for one in deploy.baseline), _requests(deploy.baseline)
    errors = requests = 0
    for told, one in _judged(deploy):
        errors, requests = errors + one.errors, requests + one.requests
        pooled = (errors + base) / (requests + n0)
        deviation = math.sqrt(pooled * (1 - pooled) * (1 / requests + 1 / n0))
        if requests >= 30 and errors / requests - base / n0 > Z_99 * deviation:
            return Outcome("fail", told - WARM_UP)
    return Outcome("pass", WINDOW)


PEERS: dict[str, Peer] = {
    "rank test": rank_test,
    "1 %, 0 of 5": thresholds(0.01, failures=0, checks=5),
    "5 %, 3 of 5": thresholds(0.05, failures=3, checks=5),
    "1 %, 10": advancing(0.01, checks=10),
    "CUSUM": cusum,
    "z, each s": z_test,
}


def _alarm(heard: Sequence[Interval], events: Sequence[int], rate: float) -> int | None:
    """Return the number of the interval in which the sum reaches the bar; events lie evenly in it."""
    rate = max(rate, 1e-5)
    steps = [np.full(one.requests, math.log((1 - 2 * rate) / (1 - rate))) for one in heard]
    for step, count in zip(steps, events, strict=True):
        step[(np.arange(count) * len(step) / max(count, 1)).astype(int)] = math.log(2)
    walk = np.concatenate([[0.0], *steps]).cumsum()
    high = walk - np.minimum.accumulate(walk) >= math.log(20_000)
    if not high.any():
        return None
    ends = np.cumsum([one.requests for one in heard])
    return int(np.searchsorted(ends, int(high.argmax())))


def _judged(deploy: Deploy) -> list[tuple[float, Interval]]:
    """Return when it was told, and what happened after the warm-up."""
    return [
        (one.told, one.interval)
        for one in deploy.heard
        if one.interval.at >= WARM_UP and one.interval.requests
    ]


def _points(heard: Sequence[Interval]) -> dict[str, list[float]]:
    """Return each metric's points of ten seconds: the error rate, p50, p95 and p99."""
    points: dict[str, list[float]] = {"errors": [], "p50": [], "p95": [], "p99": []}
    tens: dict[int, list[Interval]] = {}
    for one in heard:
        tens.setdefault(int(one.at // POINT), []).append(one)
    for ten in tens.values():
        points["errors"].append(_rate(ten))
        if len(drawn := latencies(ten)):
            for name, value in zip(
                points, [0, *np.quantile(drawn, (0.5, 0.95, 0.99))], strict=True
            ):
                if name != "errors":
                    points[name].append(float(value))
    return points


def _above(heard: Sequence[Interval], limit: float, slow: float) -> bool:
    return bool(heard) and (_rate(heard) > limit or p95(heard) > slow)


def _rate(heard: Sequence[Interval]) -> float:
    return sum(one.errors for one in heard) / max(_requests(heard), 1)


def _requests(heard: Sequence[Interval]) -> int:
    return sum(one.requests for one in heard)

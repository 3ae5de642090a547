"""Latency as a histogram: how many answers lie above edges that both sides have.

A cut is the bucket's edge at or above the latency wanted; nothing is interpolated. Compared is the
share of answers above it, by odds, as errors are by ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from pitstop.gate.dispersion import dispersion
from pitstop.gate.evidence import DOWN, UP, Evidence, known
from pitstop.gate.latency import QUANTILES
from pitstop.gate.measure import Interval
from pitstop.gate.metric import Against, Metric
from pitstop.gate.restarts import Restarts
from pitstop.gate.tolerance import Tolerance

_LITTLE = 0.001  # a share of slow answers that is always acceptable


class Histogram:
    """The quantiles of a baseline of buckets, and the counting of what comes after it."""

    def __init__(
        self,
        baseline: Sequence[Interval],
        tolerance: Tolerance,
        weight: float,
        requests_expected: float,
    ) -> None:
        sums: dict[float, int] = {}
        for one in baseline:
            for edge, count in one.buckets:
                sums[edge] = sums.get(edge, 0) + count
        self._edges, n0 = sorted(sums), sum(sums.values())
        self.metrics: list[Metric] = []
        self._cuts: list[tuple[float, float]] = []
        for name, (quantile, share, needed) in QUANTILES.items() if n0 else ():
            edge = self._quantile(sums, quantile * n0)
            slow, too_slow = self._edge(tolerance.slow(edge)), self._edge(tolerance.too_slow(edge))
            if slow == inf:
                continue  # all that is known of these is that they are slower than the last edge
            seconds = [(one.at, *_above(one, slow)) for one in baseline]
            phi, x0 = dispersion(seconds), sum(one[1] for one in seconds)
            x1 = sum(_above(one, too_slow)[0] for one in baseline)
            worse = _null(x0, n0, tolerance.acceptable_ratio)
            better = _null(x1, n0, tolerance.unacceptable_ratio)
            self.metrics.append(
                Metric(
                    name,
                    weight * share,
                    Against(Restarts(Evidence(*worse, UP, phi)), Restarts(known(_LITTLE, UP, phi))),
                    Against(Restarts(Evidence(*better, DOWN, phi))),
                    baseline=(x0, n0),
                    required=requests_expected >= needed and too_slow < inf and x1 > 0,
                )
            )
            self._cuts.append((slow, too_slow))
            self.metrics[-1].facts = {"baseline_ms": slow, "slow_ms": slow}

    def count(self, interval: Interval) -> None:
        """Count what lies above each edge."""
        if not interval.buckets:
            return
        for metric, (slow, too_slow) in zip(self.metrics, self._cuts, strict=True):
            above, n = _above(interval, slow)
            metric.count(above, _above(interval, too_slow)[0], n)

    def _edge(self, latency_ms: float) -> float:
        """Return the edge at or above a latency."""
        return next((edge for edge in self._edges if edge >= latency_ms), inf)

    def _quantile(self, sums: dict[float, int], wanted: float) -> float:
        """Return the edge at or above a quantile."""
        below = 0
        for edge in self._edges:
            below += sums[edge]
            if below >= wanted:
                return edge
        return inf


def _null(events: float, observed: float, ratio: float) -> tuple[float, float]:
    """Return a and b of "the odds are at most ``ratio`` times those of the baseline"."""
    odds = ratio * (events + 1) / max(observed - events, 1.0)
    share, weight = odds / (1 + odds), observed / ratio + 1
    return weight * share, weight * (1 - share)


def _above(interval: Interval, edge: float) -> tuple[float, float]:
    """Return how many lie above an edge, and how many there are.

    A bucket counts as above when any of it may be: an edge that only one side has is no help.
    """
    above = sum(count for top, count in interval.buckets if top > edge)
    return float(above), float(sum(count for _, count in interval.buckets))

"""Latency: how many answers are slower than cuts that are order statistics of the baseline.

The k-th of n0 baseline latencies has F(c) ~ Beta(k, n0 - k + 1) whatever the distribution is (Wilks
1941), so the number of new values above it is a Polya urn with a = n0 - k + 1, b = k: its law is
exact, the baseline's own uncertainty included.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import ceil

from pitstop.gate.control import Beside
from pitstop.gate.dispersion import dispersion, placebo
from pitstop.gate.evidence import DOWN, UP, Evidence
from pitstop.gate.measure import Interval
from pitstop.gate.metric import Against, Metric
from pitstop.gate.restarts import Restarts
from pitstop.gate.tolerance import Tolerance

QUANTILES = {"p50": (0.5, 0.3, 200), "p95": (0.95, 0.4, 1000), "p99": (0.99, 0.3, 4000)}
"""By name: the quantile, its share of latency's weight, and how many requests a pass takes."""
_LEVEL = 0.01


class Latency:
    """The three quantiles of one baseline, and the counting of what comes after it."""

    def __init__(
        self,
        baseline: Sequence[Interval],
        tolerance: Tolerance,
        weight: float,
        requests_expected: float,
    ) -> None:
        heard = sorted(ms for one in baseline for ms in one.latencies_ms)
        self.metrics: list[Metric] = []
        self._cuts: list[tuple[float, float, float]] = []  # baseline's, of a rollback, of a pass
        for name, (quantile, share, needed) in QUANTILES.items() if heard else ():
            k = min(max(ceil(quantile * len(heard)), 1), len(heard))
            cut, a, b = heard[k - 1], len(heard) - k + 1, k
            seconds = [
                (one.at, float(_above(one.latencies_ms, cut)), float(len(one.latencies_ms)))
                for one in baseline
            ]
            phi = placebo(seconds, (a, b), dispersion(seconds), _LEVEL)
            bursts = dispersion(seconds, (1,))
            self.metrics.append(
                Metric(
                    name,
                    weight * share,
                    Against(Restarts(Evidence(a, b, UP, phi)), beside=Beside(1.0, UP, bursts)),
                    Against(Restarts(Evidence(a, b, DOWN, phi)), beside=Beside(1.0, DOWN, bursts)),
                    baseline=(a - 1, len(heard)),
                    required=requests_expected >= needed,
                )
            )
            self._cuts.append((cut, tolerance.slow(cut), tolerance.too_slow(cut)))
            self.metrics[-1].facts = {"baseline_ms": cut, "slow_ms": tolerance.slow(cut)}

    @property
    def cuts(self) -> list[tuple[float, float, float]]:
        """Return for each quantile, in ms: the baseline's, and those of a rollback and a pass."""
        return self._cuts

    def count(self, latencies_ms: Sequence[float], beside: Sequence[float] | None) -> None:
        """Count what is above each cut; equal counts against a pass, not for a rollback."""
        heard, n = sorted(latencies_ms), len(latencies_ms)
        for metric, (cut, slow, too_slow) in zip(self.metrics, self._cuts, strict=True):
            worse, better = n - bisect_right(heard, slow), n - bisect_left(heard, too_slow)
            metric.count(worse, better, n)
            if beside is not None:
                metric.compare(worse, better, n, _above(beside, cut), len(beside))


def _above(latencies_ms: Sequence[float], cut: float) -> int:
    return sum(one > cut for one in latencies_ms)

"""The database: how many readings of a meter are worse than nine of ten were before.

Each reading is one trial; what counts is only on which side of one cut it falls, so that meters of
any unit are judged alike: mean milliseconds per statement, lock waits, failing statements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from pitstop.gate.evidence import DOWN, UP, Evidence
from pitstop.gate.measure import MEMORY, Interval
from pitstop.gate.metric import Against, Metric
from pitstop.gate.restarts import Restarts

FEWEST = 20  # readings before the deploy; with fewer there is nothing to compare with
_QUANTILE, _WORSE = 0.9, 1.1


class Database:
    """One metric for each meter that has a baseline."""

    def __init__(self, baseline: Sequence[Interval], weight: float) -> None:
        readings: dict[str, list[float]] = {}
        for one in baseline:
            for name, value in one.readings.items():
                if name != MEMORY:
                    readings.setdefault(name, []).append(value)
        known = {name: sorted(r) for name, r in sorted(readings.items()) if len(r) >= FEWEST}
        self.metrics: list[Metric] = []
        self._cuts: dict[str, float] = {}
        for name, values in known.items():
            k = ceil(_QUANTILE * len(values))
            a, b = len(values) - k + 1, k
            self._cuts[name] = max(values[k - 1], values[k - 1] * _WORSE)
            worse = Against(Restarts(Evidence(a, b, UP)))
            better = Against(Restarts(Evidence(a, b, DOWN)))
            share, before = weight / len(known), (a - 1, len(values))
            self.metrics.append(Metric(name, share, worse, better, baseline=before))

    def count(self, readings: Mapping[str, float]) -> None:
        """Count the readings that are worse."""
        for metric in self.metrics:
            if metric.name in readings:
                worse = readings[metric.name] > self._cuts[metric.name]
                metric.count(worse, worse, 1)

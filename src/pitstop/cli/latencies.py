"""How long answers took, kept in little room: counts in buckets that are 2 % wide."""

from __future__ import annotations

from collections import Counter
from math import exp, floor, log

from pitstop.gate import Interval

_WIDTH = log(1.02)


class Latencies:
    """Quantiles of any number of latencies, in ms, right to 1 %."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, heard: Interval) -> None:
        """Take in what was heard; of a histogram, the upper edges of its buckets."""
        for ms in heard.latencies_ms:
            self._add(ms, 1)
        for edge, count in heard.buckets:
            self._add(edge, count)

    def _add(self, ms: float, count: int) -> None:
        if (
            0 < ms < float("inf")
        ):  # what is in the last, endless bucket took longer than can be said
            self._counts[floor(log(ms) / _WIDTH)] += count

    def quantile(self, share: float) -> float | None:
        """Return what this share of the answers took at most; None while there are none."""
        left = share * self._counts.total()
        for place in sorted(self._counts):
            left -= self._counts[place]
            if left <= 0:
                return exp((place + 0.5) * _WIDTH)
        return None

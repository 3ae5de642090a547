"""Memory: whether the least that the service holds in each block of time grows and grows.

The least of a block does away with the saw teeth of a garbage collector. If blocks are exchangeable
(no trend), the rank of the newest among all before is uniform and independent of earlier ranks; bets
on high ranks are a conformal test martingale (Vovk, Gammerman, Shafer). It has a level of its own:
it lives in another filtration than the counts, so it may not be averaged with them.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from math import log
from random import Random  # noqa: TID251 - seeded by the run: the same readings, the same verdict
from typing import Any

from pitstop.gate.evidence import mean_of_logs
from pitstop.gate.measure import MEMORY, Interval

LEVEL = 0.001
LEAST_SLOPE = 10_000.0  # bytes a second that nobody minds: 36 MB an hour
_DAY = 86_400.0
_RECORD, _POWER = (0.1, 0.5), (0.25, 0.5)  # of bets on records, and of powers of p


class Memory:
    """Follows readings of memory in blocks; ``limit_bytes`` is what the service may hold."""

    def __init__(
        self,
        baseline: Sequence[Interval],
        *,
        block_seconds: float,
        limit_bytes: float | None,
        seed: str,
    ) -> None:
        before = [one.readings[MEMORY] for one in baseline if MEMORY in one.readings]
        self._before = sorted(before)[len(before) // 2] if before else None
        self._block, self._random = block_seconds, Random(seed)  # noqa: S311 - breaks ties
        headroom = limit_bytes - max(before) if limit_bytes and before else 0.0
        self._slope = max(headroom / _DAY, LEAST_SLOPE)
        self._open: tuple[int, float] | None = None  # number and least of the block under way
        self._ranked: list[float] = []
        self._bets = [0.0] * (len(_RECORD) + len(_POWER))
        self._last: float | None = None

    def count(self, interval: Interval) -> None:
        """Take in a reading, in bytes; a block is judged when the next one begins."""
        value = interval.readings.get(MEMORY)
        if value is None:
            return
        number, self._last = int(interval.at // self._block), value
        if self._open is None or number > self._open[0]:
            if self._open is not None:
                self._close(*self._open)
            self._open = number, value
        elif number == self._open[0]:
            self._open = number, min(self._open[1], value)

    def log_worse(self) -> float:
        """Return the logarithm of the e-value against "no trend beyond what is tolerated"."""
        return mean_of_logs(self._bets) if self._ranked else 0.0

    def leaks(self) -> bool:
        """Return whether there is enough evidence of a leak."""
        return self.log_worse() >= log(1 / LEVEL)

    def described(self) -> dict[str, Any]:
        """Return the evidence as plain data; bytes."""
        return {
            "n": len(self._ranked),
            "bytes": self._last,
            "baseline_bytes": self._before,
            "odds": 2.718281828 ** min(self.log_worse(), 600.0),
            "tolerated_bytes_per_second": self._slope,
            "required": False,
        }

    def _close(self, number: int, least: float) -> None:
        value = least - self._slope * self._block * number
        k = len(self._ranked) + 1
        above = len(self._ranked) - bisect_right(self._ranked, value)
        p = (above + self._random.random()) / k
        insort(self._ranked, value)
        if k == 1:
            return
        record = p <= 1 / k
        bets = [log((1 - e) * k * record + e) for e in _RECORD]
        bets += [log(power) + (power - 1) * log(max(p, 1e-12)) for power in _POWER]
        self._bets = [before + bet for before, bet in zip(self._bets, bets, strict=True)]

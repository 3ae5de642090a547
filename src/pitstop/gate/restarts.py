"""Evidence that also begins anew every 15 seconds, so that what sets in late is not averaged away.

E = 0.6 E(from the start) + 0.4 sum_k E(from 15 k s) / (k (k + 1)): a mixture of e-processes with
weights that sum to 1, so still one; the price at onset 0 is ln(1/0.6) (e-detectors: Shin, Ramdas,
Rinaldo, arXiv 2203.03532, with a false alarm probability in place of a run length).
"""

from __future__ import annotations

from pitstop.gate.evidence import Evidence, weighted

EVERY = 15.0
_FROM_START = 0.6
_MOST = 160  # more beginnings than this are thinned out: what is left out has lost its weight


class Restarts:
    """Events counted from the start and from each later beginning, against one null."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.events = self.observed = 0.0
        self._begun: list[
            tuple[float, float, float]
        ] = []  # weight, events and observations by then
        self._to_come = 1 - _FROM_START

    def count(self, events: float, observed: float) -> None:
        """Add what was heard."""
        self.events += events
        self.observed += observed

    def begin(self, number: int) -> None:
        """Begin anew from here; ``number`` counts the beginnings from 1."""
        weight = (1 - _FROM_START) / (number * (number + 1))
        self._to_come = (1 - _FROM_START) / (number + 1)
        if self._begun and self._begun[-1][2] == self.observed:  # nothing was heard in between
            weight += self._begun.pop()[0]
        self._begun.append((weight, self.events, self.observed))
        if len(self._begun) > _MOST:
            self._begun = self._begun[: _MOST // 2 : 2] + self._begun[_MOST // 2 :]

    def log_e(self) -> float:
        """Return the logarithm of the mixture's e-value."""
        parts = [(_FROM_START, self.log_e_from_start()), (self._to_come, 0.0)]
        for weight, events, observed in self._begun:
            e = self.evidence.log_e(self.events - events, self.observed - observed)
            parts.append((weight, e))
        return weighted(parts)

    def log_e_from_start(self) -> float:
        """Return the evidence of all that was heard."""
        return self.evidence.log_e(self.events, self.observed)


def beginnings(since: float, until: float) -> range:
    """Return the numbers of the beginnings that fall into a stretch of time, in seconds."""
    return range(int(since // EVERY) + 1, int(until // EVERY) + 1)

"""What every metric has: evidence that things are worse, and evidence that they are not."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import Any

from pitstop.gate.control import Beside
from pitstop.gate.evidence import confidence, mean_of_logs
from pitstop.gate.restarts import Restarts

_CERTAIN = 600.0  # beyond this, an e-value is written as e to this power


@dataclass
class Against:
    """Evidence against one kind of null: relative to the baseline, and an absolute rate."""

    relative: Restarts | None = None
    floor: Restarts | None = None
    beside: Beside | None = None  # takes the place of ``relative`` where there is a control

    def counters(self) -> list[Restarts]:
        """Return what counts for itself."""
        return [one for one in (self.relative, self.floor) if one]


class Metric:
    """One kind of event, counted.

    ``worse``: against "still acceptable", a union, so that the smaller evidence counts. ``better``:
    against "unacceptable", an intersection, so that their mean counts.
    """

    def __init__(
        self,
        name: str,
        weight: float,
        worse: Against,
        better: Against,
        *,
        baseline: tuple[float, float] = (0.0, 0.0),
        required: bool = False,
    ) -> None:
        self.name, self.weight, self.required = name, weight, required
        self._worse, self._better = worse, better
        self._baseline = baseline  # events and observations
        self.events = self.observed = 0.0
        self._beside = False
        self._known: float | None = None  # the evidence of harm, until something more is heard
        self.facts: dict[str, Any] = {}  # what else a reader wants to know

    def count(self, worse: float, better: float, observed: float) -> None:
        """Add events over the limit of a rollback, and over that of a pass, of so many."""
        self._known = None
        self.events += worse
        self.observed += observed
        for one in self._worse.counters():
            one.count(worse, observed)
        for one in self._better.counters():
            one.count(better, observed)

    def compare(self, worse: float, better: float, new: float, events: float, old: float) -> None:
        """Take in what the new version and the old one met in the same second."""
        self._beside, self._known = True, None
        for against, new_events in ((self._worse, worse), (self._better, better)):
            if against.beside:
                against.beside.count(int(new_events), int(new), int(events), int(old))

    def begin(self, number: int) -> None:
        """Begin anew, for what sets in late."""
        self._known = None
        for one in self._worse.counters():
            one.begin(number)

    def log_worse(self) -> float:
        """Return the logarithm of the e-value against "still acceptable"."""
        if self._known is None:
            values = [one.log_e() for one in self._counted(self._worse)]
            self._known = min([*values, *self._compared(self._worse)], default=0.0)
        return self._known

    def log_better(self) -> float:
        """Return the logarithm of the e-value against "unacceptable"."""
        values = [one.log_e_from_start() for one in self._counted(self._better)]
        values += self._compared(self._better)
        return mean_of_logs(values) if values else 0.0

    def described(self, *, whole: bool) -> dict[str, Any]:
        """Return the evidence as plain data; ``whole``: with the interval, which takes a while."""
        events, before = self._baseline
        counters = self._worse.counters()
        return {
            "n": self.observed,
            "events": self.events,
            "rate": self.events / self.observed if self.observed else None,
            "baseline_n": before,
            "baseline_rate": events / before if before else None,
            "interval": list(confidence(self.events, self.observed)) if whole else None,
            "odds": exp(min(self.log_worse(), _CERTAIN)),
            "odds_better": exp(min(self.log_better(), _CERTAIN)),
            "phi": counters[0].evidence.phi if counters else 1.0,
            "required": self.required,
            **self.facts,
        }

    def _counted(self, against: Against) -> list[Restarts]:
        return [one for one in (None if self._beside else against.relative, against.floor) if one]

    def _compared(self, against: Against) -> list[float]:
        return [against.beside.log_e()] if self._beside and against.beside else []

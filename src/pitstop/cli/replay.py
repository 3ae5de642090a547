"""Recorded traffic, given to the gate second by second as if it came about now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import floor

from pitstop.gate import Gate, Interval, Verdict


@dataclass(frozen=True)
class Moment:
    """One second: what was heard in it, and the verdict with it. Seconds since the deploy."""

    heard: Interval
    verdict: Verdict

    @property
    def at(self) -> float:
        """Return the second."""
        return self.heard.at


def replayed(gate: Gate, traffic: Iterable[Interval]) -> Iterator[Moment]:
    """Yield every second of the traffic; in the silence between two of them time passes, too.

    The last moment, after the traffic has ended, holds the last word.
    """
    at = 0.0
    for heard in traffic:
        for silent in range(floor(at) + 1, floor(heard.at)):
            silence = Interval(float(silent), 0, 0)
            yield Moment(silence, gate.observe(silence))
        yield Moment(heard, gate.observe(heard))
        at = max(at, heard.at)
    yield Moment(Interval(at, 0, 0), gate.close())


def decided(moments: Iterable[Moment]) -> Moment:
    """Return the moment at which the verdict was reached, and look no further."""
    return next(moment for moment in moments if moment.verdict.name != "pending")

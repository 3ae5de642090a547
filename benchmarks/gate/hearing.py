"""How what happened reaches the judge: at once, late, twice, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pitstop.gate import Interval


@dataclass(frozen=True)
class Heard:
    """An interval, and when it was told: seconds since the deploy. ``beside``: the control's."""

    told: float
    interval: Interval
    beside: Interval | None = None


Telemetry = Callable[[Sequence[Heard]], list[Heard]]


def at_once(heard: Sequence[Heard]) -> list[Heard]:
    """Each second is told when it is over."""
    return list(heard)


def stopped(after: float) -> Telemetry:
    """Nothing is told of what happens later."""

    def stop(heard: Sequence[Heard]) -> list[Heard]:
        return [one if one.interval.at < after else _silence(one.told) for one in heard]

    return stop


def nothing(heard: Sequence[Heard]) -> list[Heard]:
    """Nothing is told, ever."""
    return [_silence(one.told) for one in heard]


def delayed(by: int) -> Telemetry:
    """Each second is told so many seconds late, with its own time; until then there is silence."""

    def delay(heard: Sequence[Heard]) -> list[Heard]:
        silent = [_silence(one.told) for one in heard[:by]]
        late = [Heard(one.told + by, one.interval, one.beside) for one in heard[: len(heard) - by]]
        return silent + late

    return delay


def twice(heard: Sequence[Heard]) -> list[Heard]:
    """Each second is told two times."""
    return [one for one in heard for _ in range(2)]


def _silence(told: float) -> Heard:
    return Heard(told, Interval(told - 1, 0, 0))

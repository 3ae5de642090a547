"""What every clock of a run promises."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pitstop.adapters.simulated import MakeBelieveClock, World
from pitstop.engine.clock import SystemClock
from pitstop.ports import Clock

KINDS: dict[str, Callable[[Callable[[], None]], Clock]] = {
    "system": SystemClock,
    "make-believe": lambda tick: MakeBelieveClock(World(), tick),
}


@pytest.fixture(params=sorted(KINDS))
def clock(request: pytest.FixtureRequest) -> Callable[..., Clock]:
    kind: Callable[..., Clock] = KINDS[request.param]
    return kind


def test_a_pause_lets_that_much_time_pass(clock: Callable[..., Clock]) -> None:
    """In UTC, and never backwards."""
    mine = clock(lambda: None)
    before = mine.now()
    mine.pause(0.1)
    assert (mine.now() - before).total_seconds() >= 0.1
    offset = before.utcoffset()
    assert offset is not None
    assert offset.total_seconds() == 0


def test_what_the_tick_raises_ends_the_pause(clock: Callable[..., Clock]) -> None:
    """An abort is heard in the middle of any wait."""

    def tick() -> None:
        raise KeyError("abort")

    with pytest.raises(KeyError):
        clock(tick).pause(60)

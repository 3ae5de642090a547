"""A clock that jumps moves no deadline."""

from datetime import UTC, datetime, timedelta

import pytest

from pitstop.engine import clock as clocks
from pitstop.engine.clock import SystemClock


class Jumping(datetime):
    """A wall clock that was set back by an hour."""

    offset = timedelta()

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + cls.offset


@pytest.fixture
def jumping(monkeypatch):
    """Let the wall clock jump."""
    monkeypatch.setattr(clocks, "datetime", Jumping)
    monkeypatch.setattr(Jumping, "offset", timedelta())
    return Jumping


def test_a_wall_clock_that_jumps_back_changes_nothing_within_a_process(jumping):
    """Inside a run, time is monotonic."""
    clock = SystemClock(lambda: None)
    before = clock.now()
    jumping.offset = -timedelta(hours=1)
    assert timedelta() <= clock.now() - before < timedelta(minutes=1)


def test_a_process_after_a_jump_never_starts_before_the_journals_last_line(jumping):
    """Across processes, the record is the floor."""
    last = datetime.now(UTC)
    jumping.offset = -timedelta(hours=1)
    assert SystemClock(lambda: None, floor=last).now() >= last


def test_a_pause_ticks_and_ends_with_what_the_tick_raises():
    """Every wait beats the heart and hears an abort."""
    ticks = []

    def tick():
        ticks.append(1)
        if len(ticks) == 3:
            raise KeyError("abort")

    with pytest.raises(KeyError):
        SystemClock(tick).pause(60)
    assert len(ticks) == 3

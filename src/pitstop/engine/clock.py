"""The clock of a run: wall time at the start, then monotonic, so that a jump changes no deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

TICK = 0.05


class SystemClock:
    """Tells the time, never earlier than ``floor``; ``pause`` ticks every 50 ms."""

    def __init__(self, tick: Callable[[], None], floor: datetime | None = None) -> None:
        self._tick = tick
        now = datetime.now(UTC)
        self._start = max(now, floor) if floor else now
        self._since = time.monotonic()

    def now(self) -> datetime:
        """Return the time in UTC."""
        return self._start + timedelta(seconds=time.monotonic() - self._since)

    def pause(self, seconds: float) -> None:
        """Wait that long; whatever ``tick`` raises ends the wait."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._tick()
            time.sleep(min(left, TICK))

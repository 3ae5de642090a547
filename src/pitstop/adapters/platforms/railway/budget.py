"""How many requests Railway still takes in this hour, as its answers tell, and what that allows."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime

OFTEN = 6.0  # seconds between two questions: 100 in ten minutes
_HOUR = 3600.0
_SHARE = 2  # one part in so many of what is left may be spent on following


class Budget:
    """Read from the headers of every answer; without them, the usual pace."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.until: float | None = None  # seconds since 1970 at which the count begins anew

    def heard(self, headers: Mapping[str, str], now: float) -> None:
        """Take what an answer says of the limits."""
        with contextlib.suppress(KeyError, ValueError):
            self.left = int(headers["x-ratelimit-remaining"])
            self.until = now + _HOUR
            self.until = _moment(headers["x-ratelimit-reset"], now)

    def pause(self, now: float, planned: float) -> float:
        """Return the seconds between two questions, if that goes on for ``planned`` seconds."""
        if self.left is None or self.until is None or self.until <= now:
            return OFTEN
        stretch = min(planned, self.until - now)
        return max(OFTEN, stretch * _SHARE / max(self.left, 1))

    def said(self, pause: float) -> str:
        """Return why it is asked so seldom."""
        until = datetime.fromtimestamp(self.until or 0.0, UTC)
        return (
            f"Railway takes {self.left} more requests until {until:%H:%M} UTC: "
            f"it is asked every {pause:.0f} s."
        )


def _moment(text: str, now: float) -> float:
    """Read when a count begins anew: a date, a moment in (milli)seconds, or seconds from now."""
    try:
        number = float(text)
    except ValueError:
        return datetime.fromisoformat(text).timestamp()
    if number > 1e11:
        return number / 1000
    return number if number > 1e8 else now + number

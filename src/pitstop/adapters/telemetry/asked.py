"""A stream for a source that is asked again and again for the time since the last answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from pitstop.gate import Interval

Ask = Callable[[datetime, datetime, str | None], list[Interval]]


class Asked:
    """Follows a source by its ``intervals``: each stretch of time is asked for once.

    For sources whose past does not change. A stretch that was not answered is asked for again.
    """

    def __init__(self, ask: Ask, since: datetime, deployment_id: str | None) -> None:
        self._ask, self._since, self._deployment = ask, since, deployment_id
        self._heard = since
        self._fresh: datetime | None = None

    def read(self, until: datetime) -> list[Interval]:
        """Return what was heard since the last answer."""
        if until <= self._heard:
            return []
        found = self._ask(self._heard, until, self._deployment)
        offset = (self._heard - self._since).total_seconds()
        self._heard = until
        if found:
            self._fresh = until
        return [replace(one, at=one.at + offset) for one in found]

    def fresh(self) -> datetime | None:
        """Return until when something was told."""
        return self._fresh

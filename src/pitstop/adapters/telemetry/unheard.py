"""Nobody counts users' requests: that is said, and a person decides."""

from __future__ import annotations

from datetime import datetime

from pitstop.adapters.telemetry.asked import Asked
from pitstop.gate import Interval
from pitstop.ports import CannotTell


class Unheard:
    """A telemetry that never hears anything; ``remedy`` says what to configure."""

    def __init__(self, remedy: str) -> None:
        self._remedy = remedy

    def intervals(
        self, since: datetime, until: datetime, deployment_id: str | None = None
    ) -> list[Interval]:
        """Raise CannotTell."""
        raise CannotTell(f"Users' requests are counted nowhere. {self._remedy}")

    def follow(self, since: datetime, deployment_id: str | None = None) -> Asked:
        """Return what is heard from a moment on."""
        return Asked(self.intervals, since, deployment_id)

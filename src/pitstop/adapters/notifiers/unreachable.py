"""An audience that cannot be told anything now, and says why."""

from __future__ import annotations

from pitstop.ports import Refused


class Unreachable:
    """Stands for an audience whose secret is missing: it is not told, and that is put on record."""

    def __init__(self, name: str, why: str) -> None:
        self.name, self._why = name, why

    def said(self, key: str) -> bool | None:
        """Return that nothing was said."""
        return False

    def say(self, key: str, subject: str, text: str) -> None:
        """Raise Refused with the reason."""
        raise Refused(self._why)

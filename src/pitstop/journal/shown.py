"""A journal that is looked at while it is written, and kept by nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pitstop.journal.store import Journal


class Shown(Journal):
    """A journal in memory whose new lines somebody looks at."""

    def __init__(self, show: Callable[[Any], None], run: str) -> None:
        super().__init__(":memory:", run, create=True)
        self._show = show

    def repeat(self, line: Any) -> None:
        """Take over a line of another journal, unseen."""
        super().append(line["event"], line["data"], by=line["by"], step=line["step"])

    def append(self, event: str, data: Any, **more: Any) -> tuple[Any, bool]:
        """Write a line, and show it."""
        line, new = super().append(event, data, **more)
        if new:
            self._show(line)
        return line, new

"""An audience that cannot be asked what it heard: it is told at most once.

A mark is put on the disk before it is told: if the process dies between the mark and the answer, it
is not known whether the message arrived, and it is not sent again.
"""

from __future__ import annotations

import os
import re
from pathlib import Path


class AtMostOnce:
    """Tells each message at most once; ``marks`` is the folder of its memory."""

    def __init__(self, name: str, marks: Path) -> None:
        self.name, self._marks = name, marks

    def tell(self, key: str, subject: str, text: str) -> None:
        """Send it, whatever that is. Raises Refused, or CannotTell when there was no answer."""
        raise NotImplementedError

    def said(self, key: str) -> bool | None:
        """Return True if it was told, None if that was begun and not answered."""
        mark = self._mark(key)
        if not mark.exists():
            return False
        return True if mark.read_text() == "heard" else None

    def say(self, key: str, subject: str, text: str) -> None:
        """Tell it, with a mark before and after. Raises what ``tell`` raised."""
        self._remember(key, "begun")
        self.tell(key, subject, text)
        self._remember(key, "heard")

    def _mark(self, key: str) -> Path:
        return self._marks / re.sub(r"[^A-Za-z0-9.-]+", "-", f"{self.name}.{key}")

    def _remember(self, key: str, state: str) -> None:
        self._marks.mkdir(parents=True, exist_ok=True)
        partial = self._mark(key).with_suffix(".new")
        with partial.open("w") as file:
            file.write(state)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._mark(key))

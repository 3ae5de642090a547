"""An audience that reads a file: announcements are appended, each marked with its key."""

from __future__ import annotations

import os
from pathlib import Path

from pitstop.ports import CannotTell


class FileAudience:
    """Append to a file; looking into it tells what was said already."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self._path = name, path

    def said(self, key: str) -> bool | None:
        """Return whether the announcement stands in the file."""
        try:
            return _mark(key) in self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return False
        except OSError:
            return None

    def say(self, key: str, subject: str, text: str) -> None:
        """Append the announcement in one write."""
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{_mark(key)}{text}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise CannotTell(f"{self._path} could not be written: {error.strerror}") from error


def _mark(key: str) -> str:
    return f"[{key}]\n"

"""The team's hooks: executables in a folder of the repository, as it is when they are called."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

FOLDER = ".pitstop/hooks"


class HookFolder:
    """Finds hooks in the main worktree; what is not executable is none (``doctor`` says so)."""

    def __init__(self, repository: Path) -> None:
        self._folder = repository / FOLDER

    def find(self, name: str) -> str | None:
        """Return the command that calls a hook; None without one."""
        path = self._folder / name
        there = os.path.isfile(path) and os.access(path, os.X_OK)  # never raises
        return shlex.quote(str(path)) if there else None

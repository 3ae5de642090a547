"""Where things are: repository, state folder, configuration. Light: no subprocess, no pathlib."""

from __future__ import annotations

import os
from functools import cached_property

TYPE_CHECKING = False  # importing typing and pathlib costs more than all that is read here
if TYPE_CHECKING:
    from pathlib import Path

FILE = "pitstop.toml"


class NotARepository(Exception):
    """There is no git repository here."""


class Place:
    """A repository as pitstop sees it, from any of its worktrees."""

    def __init__(self, start: str | Path, config: str | Path | None = None) -> None:
        self._top, self._git = _find(os.path.realpath(start))
        self._config = config
        home = os.path.dirname(self._git)  # a relative folder means the same from everywhere
        given = os.environ.get("PITSTOP_STATE")
        state = os.path.join(home, given) if given else os.path.join(self._git, "pitstop")
        self.runs_folder = os.path.join(os.path.abspath(state), "runs")

    @cached_property
    def top(self) -> Path:
        """Return the top folder of the worktree we stand in."""
        return _path(self._top)

    @cached_property
    def git(self) -> Path:
        """Return the git folder that all worktrees share."""
        return _path(self._git)

    @cached_property
    def repository(self) -> Path:
        """Return the main worktree."""
        return self.git.parent if self.git.name == ".git" else self.top

    @cached_property
    def worktrees(self) -> Path:
        """Return the folder that holds one worktree for each hotfix: outside any .git."""
        home = self.git.parent if self.git.name == ".git" else self.git
        return home.parent / f"{home.name}.hotfix"

    @cached_property
    def runs(self) -> Path:
        """Return the folder that holds one folder for each run."""
        return _path(self.runs_folder)

    @cached_property
    def state(self) -> Path:
        """Return the state folder."""
        return self.runs.parent

    @property
    def config(self) -> Path:
        """Return the configuration file: the given one, this worktree's, or the main worktree's."""
        if self._config:
            return _path(self._config).absolute()
        here = self.top / FILE
        return here if here.exists() else self.repository / FILE

    def service(self, name: str) -> Path:
        """Return the folder of a service's own state."""
        return self.state / "services" / name

    def checkouts(self, service: str) -> Path:
        """Return where releases are checked out: outside any .git, beside the worktrees."""
        return self.worktrees / ".releases" / service


def _path(text: str | Path) -> Path:
    import pathlib

    return pathlib.Path(text)


def _find(folder: str) -> tuple[str, str]:
    """Return the worktree's top folder and the repository's common git folder."""
    start = folder
    while True:
        git = os.path.join(folder, ".git")
        if os.path.isdir(git):
            return folder, git
        if os.path.isfile(git):
            private = os.path.realpath(
                os.path.join(folder, _line(git).removeprefix("gitdir:").strip())
            )
            common = os.path.join(private, "commondir")
            if not os.path.exists(common):
                return folder, private
            return folder, os.path.realpath(os.path.join(private, _line(common)))
        if folder == os.path.dirname(folder):
            raise NotARepository(start)
        folder = os.path.dirname(folder)


def _line(file: str) -> str:
    with open(file, encoding="utf-8") as source:
        return source.readline().strip()

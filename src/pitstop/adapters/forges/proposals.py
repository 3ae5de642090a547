"""Hotfixes that other clones have published: found by their branch on the remote, and shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pitstop.adapters._run import Runner
from pitstop.adapters.forges._git import Git
from pitstop.adapters.forges._history import History, one_line
from pitstop.adapters.forges._remote import Remote
from pitstop.ports import Refused

_STEM = "refs/heads/hotfix/"
_ROWS = 40  # of a diffstat


@dataclass(frozen=True)
class Proposal:
    """What somebody wants to put into production, as this clone sees it now."""

    run: str
    commit: str
    tree: str
    base: str  # the last commit that main has, too
    authors: frozenset[str]  # e-mail addresses, lower case; committers as well
    stat: str  # what is changed, file by file


class Proposals:
    """The hotfix branches of one remote."""

    def __init__(self, repository: Path, *, remote: str, main: str, runner: Runner) -> None:
        self._git = Git(repository, runner)
        self._remote, self._main = Remote(self._git, remote), f"refs/heads/{main}"
        self._history = History(self._git)

    def open(self) -> dict[str, str]:
        """Return the commit of each hotfix branch, by the hotfix's id. Raises CannotTell."""
        found = self._remote.refs(f"{_STEM}*")
        return {ref.removeprefix(_STEM): sha for ref, sha in found.items()}

    def bring(self, run: str, commit: str) -> Proposal | None:
        """Fetch a hotfix and return what it changes; None while it changes nothing.

        Raises CannotTell, also when the branch has moved on meanwhile.
        """
        self._remote.fetch(f"{_STEM}{run}", self._main)
        main = self._remote.at(self._main) or commit
        base = self._base(run, commit, main)
        tree = self._history.tree(commit)
        if tree == self._history.tree(base):
            return None
        between = f"{base}..{commit}"
        people = self._git.ask("rev-list", "--no-commit-header", "--format=%ae%n%ce", between, "--")
        authors = frozenset(mail.strip().lower() for mail in people.splitlines() if mail.strip())
        shown = ("diff", "--no-ext-diff", "--no-textconv", f"--stat=100,,{_ROWS}", base, commit)
        return Proposal(run, commit, tree, base, authors, self._git.ask(*shown, "--"))

    def _base(self, run: str, commit: str, main: str) -> str:
        done = self._git.run("merge-base", commit, main)
        if done.exit_code == 0 and done.text:
            return done.text
        raise Refused(
            f"Nothing here says where {one_line(run)} left main, so what it changes cannot be shown. In a "
            f"shallow clone: git fetch --unshallow {self._remote.name}"
        )

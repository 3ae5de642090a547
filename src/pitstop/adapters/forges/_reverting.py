"""Preparing the revert: a branch that takes a change out of main again, for a person to merge."""

from __future__ import annotations

from pitstop.adapters.forges._cutting import Cutting, Names
from pitstop.adapters.forges._git import Git
from pitstop.adapters.forges._history import History, one_line
from pitstop.adapters.forges._remote import Remote
from pitstop.domain.change import Change
from pitstop.ports import Refused


class Reverting:
    """Undoes a change on top of main, without a checkout."""

    def __init__(self, git: Git, remote: Remote, cutting: Cutting) -> None:
        self._git, self._remote, self._cutting = git, remote, cutting
        self._history = History(git)

    def prepare(self, change: Change) -> str:
        """Push the branch, unless it is there; return its name."""
        name = f"revert/{Names(change.branch.name).slug}"
        ref, mark = f"refs/heads/{name}", f"Reverts-hotfix: {change.commit}"
        there = self._remote.at(ref)
        if there is None:
            self._cutting.fetch()
            revert = self._revert(change, mark)
            pushed = self._remote.push(f"{revert}:{ref}", leases={ref: ""})
            there = self._remote.at(ref)
            if there is None:
                raise Refused(f"{self._remote.name} does not take {name}: {pushed.said}.")
            if there == revert:
                return name
        self._remote.fetch(ref)
        if mark not in self._git.ask("cat-file", "commit", there):
            raise Refused(
                f"A branch {name} exists on {self._remote.name} already, and is not ours."
            )
        return name

    def _revert(self, change: Change, mark: str) -> str:
        tip = self._history.commit(self._cutting.seen_main)
        before = self._history.tree(change.branch.base_commit)
        merged = self._history.without(tip, change.tree, before)
        if merged.conflicts:
            files = ", ".join(one_line(file) for file in merged.conflicts)
            raise Refused(
                f"Undoing {change.commit[:12]} on main conflicts in {files}. Revert it by hand."
            )
        if merged.tree == self._history.tree(tip):
            raise Refused(
                f"main does not hold what {change.commit[:12]} changed; nothing is to be undone."
            )
        said = f"Revert {change.branch.name}\n\nThe fix was rolled back in production.\n\n{mark}\n"
        return self._history.write(merged.tree, [tip], said)

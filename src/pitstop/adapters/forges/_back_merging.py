"""The branches that live on beside main get the fix, too; what cannot be merged is owed, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pitstop.adapters.forges._history import History, Merged, one_line
from pitstop.adapters.forges._remote import Remote
from pitstop.domain.change import Change
from pitstop.guards.kinds import matches
from pitstop.ports import CannotTell, Refused

_HEADS = "refs/heads/"


class BackMerging:
    """Merges one change into the branches that follow main; never forced, never into a conflict.

    ``keep`` are patterns of files in which such a branch keeps what it has: a version, a changelog.
    """

    def __init__(
        self, history: History, remote: Remote, change: Change, keep: Sequence[str]
    ) -> None:
        self._history, self._remote = history, remote
        self._change, self._keep = change, keep

    def bring(self, branches: Mapping[str, str], message: str) -> tuple[list[str], list[str]]:
        """Bring the change into branches, by their refs and heads; return who has it, and what is owed."""
        merged, owed = [], []
        for ref, tip in sorted(branches.items()):
            name = ref.removeprefix(_HEADS)
            try:
                kept = self._into(ref, tip, message)
            except (Refused, CannotTell) as not_now:
                why = one_line(str(not_now)).rstrip(".")
                owed.append(
                    f"{name} does not have the fix yet: {why}. Merge {self._change.commit[:12]} into it"
                )
            else:
                merged.append(f"{name} (kept its own {', '.join(kept)})" if kept else name)
        return merged, owed

    def _into(self, ref: str, tip: str, message: str) -> list[str]:
        """Push a merge; return the files in which the branch kept its own."""
        commit = self._change.commit
        if not self._history.find(tip):
            self._remote.fetch(ref)
        if self._history.holds(tip, commit):
            return []
        merged = self._history.merge(tip, commit)
        kept, tree = self._resolved(merged, tip)
        made = self._history.write(tree, (tip, commit), message)
        pushed = self._remote.push(f"{made}:{ref}")
        if self._remote.at(ref) != made:
            raise Refused(f"it could not be pushed: {pushed.said}")
        return kept

    def _resolved(self, merged: Merged, tip: str) -> tuple[list[str], str]:
        """Return what the branch keeps of its own, and the tree; refuse every other conflict."""
        files = [name for name in merged.conflicts if not matches(name, self._keep)]
        if files:
            raise Refused(f"it conflicts in {', '.join(one_line(name) for name in files)}")
        if not merged.conflicts:
            return [], merged.tree
        return list(merged.conflicts), self._history.with_files(merged.tree, tip, merged.conflicts)

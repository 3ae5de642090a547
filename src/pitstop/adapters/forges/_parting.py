"""Parting with a branch: its worktree and its names go, its work does not."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pitstop.adapters.forges._cutting import Cutting, Names
from pitstop.adapters.forges._git import HISTORY, Git
from pitstop.adapters.forges._history import NOBODY, History
from pitstop.adapters.forges._remote import Remote
from pitstop.adapters.forges._worktrees import Worktrees
from pitstop.domain.change import Branch
from pitstop.ports import Refused


class Parting:
    """Removes worktrees and branches."""

    def __init__(self, git: Git, remote: Remote, cutting: Cutting) -> None:
        self._git, self._remote, self._seen_main = git, remote, cutting.seen_main
        self._history, self._worktrees = History(git), Worktrees(git)

    def discard(self, branch: Branch) -> str | None:
        """Remove everything of a branch; return the ref that keeps what is nowhere else."""
        names, path = Names(branch.name), Path(branch.worktree)
        kept = self._keep(names, path, branch.base_commit)
        known = self._known(names, kept, branch.base_commit)
        self._worktrees.remove(path)
        tip = self._history.ref(names.head)
        if tip and not self._worktrees.holding(branch.name):
            self._history.drop(names.head, tip)
        self._drop_remote(names, known)
        self._history.drop(names.pushed)
        self._history.drop(names.begun)
        return kept

    def clean_up(self, branch: Branch) -> None:
        """Remove the worktree and the local branch, if nothing would be lost by it."""
        names, path = Names(branch.name), Path(branch.worktree)
        there, tip = self._worktrees.at(path), self._history.ref(names.head)
        main = self._history.ref(self._seen_main)
        if tip and not (main and self._history.holds(main, tip)):
            return
        if there and (path / ".git").exists():
            if self._worktrees.dirty(path) or not self._merged(self._git.at(path), main):
                return
        self._worktrees.remove(path)
        if tip and not self._worktrees.holding(branch.name):
            self._history.drop(names.head, tip)
        if not self._history.ref(names.head):
            self._history.drop(names.pushed)
            self._history.drop(names.begun)

    def _merged(self, inside: Git, main: str | None) -> bool:
        head = History(inside).find("HEAD")
        return head is None or (main is not None and self._history.holds(main, head))

    def _keep(self, names: Names, path: Path, base: str) -> str | None:
        """Put uncommitted and unmerged work under a ref, and return the ref's name."""
        work = self._work(names, path)
        if work is None or self._nothing(work, base):
            return self._kept_before(names, base) if work is None else None
        for number in range(1, 1000):
            ref = f"refs/pitstop/kept/{names.slug}" + (f"-{number}" if number > 1 else "")
            there = self._history.ref(ref)
            if there and self._history.contains(there, work):
                return ref
            if there is None or self._history.contains(work, there):
                self._history.put(ref, work, there or "")
                return ref
        raise Refused(
            f"There are too many kept versions of {names.slug}: git for-each-ref refs/pitstop"
        )

    def _kept_before(self, names: Names, base: str) -> str | None:
        """Return what an earlier, cut off call kept."""
        ref = f"refs/pitstop/kept/{names.slug}"
        kept = self._history.ref(ref)
        return ref if kept and self._history.contains(kept, base) else None

    def _nothing(self, work: str, base: str) -> bool:
        if self._history.contains(base, work):
            return True
        main = self._history.ref(self._seen_main)
        return main is not None and self._history.contains(main, work)

    def _work(self, names: Names, path: Path) -> str | None:
        """Return one commit that holds the branch and all that lies in its worktree."""
        tip = self._history.ref(names.head)
        there = self._worktrees.at(path)
        if not there or not (path / ".git").exists():
            return tip
        inside = self._git.at(path)
        head = History(inside).find("HEAD")
        tree = self._snapshot(inside, head)
        if (
            head
            and tree == self._history.tree(head)
            and (not tip or self._history.contains(head, tip))
        ):
            return head
        parents = [head] if head else []
        if tip and not (head and self._history.contains(head, tip)):
            parents.append(tip)
        return self._history.write(
            tree, parents, f"Work on {names.branch} that was not merged\n", env=self._same(parents)
        )

    def _same(self, parents: list[str]) -> dict[str, str]:
        """Return an author and a time that make the same work the same commit, asked twice."""
        at = "@0 +0000"
        if parents:
            at = self._git.ask(
                "show", "-s", "--no-show-signature", "--format=%cd", "--date=raw", parents[0]
            )
        return {**NOBODY, "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}

    def _snapshot(self, inside: Git, head: str | None) -> str:
        """Return the tree of all that lies in a worktree, ignored files apart."""
        with tempfile.TemporaryDirectory(prefix="pitstop-index-") as scratch:
            env = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
            if head:
                inside.ask("read-tree", head, env=env)
            inside.ask("add", "--all", "--", ":/", env=env, within=HISTORY)
            return inside.ask("write-tree", env=env)

    def _known(self, names: Names, kept: str | None, base: str) -> list[str]:
        refs = [kept, names.head, names.pushed, names.begun, self._seen_main]
        found = [self._history.ref(ref) for ref in refs if ref]
        return [base, *(sha for sha in found if sha)]

    def _drop_remote(self, names: Names, known: list[str]) -> None:
        """Delete the branch on the remote if all it holds is here as well."""
        if not self._history.ref(names.begun) and not self._history.ref(names.pushed):
            return  # never ours
        there = self._remote.at(names.head)
        if there and any(self._history.contains(sha, there) for sha in known):
            gone = self._remote.push(f":{names.head}", leases={names.head: there})
            if self._remote.at(names.head) == there:
                raise Refused(
                    f"{names.branch} could not be deleted on {self._remote.name}: {gone.said}. "
                    f"Delete it: git push {self._remote.name} --delete {names.branch}"
                )

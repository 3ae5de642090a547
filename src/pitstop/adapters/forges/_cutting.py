"""Cutting a branch: a record here first, then branch and worktree, then the claim on the remote.

A cut that was killed at any line is completed by cutting again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pitstop.adapters.forges._git import HISTORY, Git
from pitstop.adapters.forges._history import History, one_line
from pitstop.adapters.forges._remote import Remote
from pitstop.adapters.forges._worktrees import Worktrees, changes
from pitstop.domain.change import Branch
from pitstop.ports import CannotTell, Refused


@dataclass(frozen=True)
class Names:
    """The refs that stand for one branch, here and on the remote."""

    branch: str

    @property
    def head(self) -> str:
        """Return the branch itself."""
        return f"refs/heads/{self.branch}"

    @property
    def begun(self) -> str:
        """Return our record that we began to cut it, and where it starts."""
        return f"refs/pitstop/cut/{self.branch}"

    @property
    def pushed(self) -> str:
        """Return our record of what we put on the remote."""
        return f"refs/pitstop/pushed/{self.branch}"

    @property
    def slug(self) -> str:
        """Return the name without its first part."""
        return self.branch.partition("/")[2] or self.branch


class Cutting:
    """Makes branches that are ours alone."""

    def __init__(self, git: Git, remote: Remote, main: str, folder: Path) -> None:
        self._git, self._remote, self._main, self._folder = git, remote, main, folder
        self._history, self._worktrees = History(git), Worktrees(git)

    @property
    def seen_main(self) -> str:
        """Return the ref that holds the remote's main as it was last seen."""
        return f"refs/remotes/{self._remote.name}/{self._main}"

    def cut(self, name: str, base_commit: str, start_from: str | None) -> Branch:
        """Return the branch, made now or found as ours."""
        self._possible(name)
        names = Names(name)
        path = self._folder / names.slug
        begun = self._begun(names, path, base_commit)
        fresh = begun is None
        if begun is None:
            self.fetch()
            base_commit = self.bring(base_commit)
            begun = self._start(base_commit, start_from)
            self._free(names)
            self._history.put(names.begun, begun, "")
        elif not self._history.ref(names.begun):
            self._history.put(names.begun, begun, "")
        self._stand(names, path, begun, fresh)
        if not self._history.ref(names.pushed):
            self._claim(names, path, begun, fresh)
        ahead = f"{base_commit}..{self.seen_main}"
        not_deployed = self._history.count(ahead) if self._history.ref(self.seen_main) else 0
        return Branch(name, str(path), self._history.commit(base_commit), not_deployed)

    def fetch(self) -> None:
        """Learn where the remote's main is; a shallow clone gets its whole history."""
        if self._git.ask("rev-parse", "--is-shallow-repository") == "true":
            self._unshallow()
        refspec = f"+refs/heads/{self._main}:{self.seen_main}"
        try:
            self._remote.fetch(refspec)
        except CannotTell:
            if self._remote.at(f"refs/heads/{self._main}"):
                raise
            raise Refused(
                f"The remote {self._remote.name} has no branch {self._main}. "
                "Say which branch is main: [service] main in pitstop.toml."
            ) from None

    def bring(self, commit: str) -> str:
        """Return the full id of a commit, fetched if it is not here. Raises Refused."""
        everything = f"+refs/heads/*:refs/remotes/{self._remote.name}/*"
        for refspec in ("", everything, "refs/tags/*:refs/tags/*", commit):
            if refspec:
                self._try_fetch(refspec)
            found = self._history.find(commit)
            if found:
                return found
        raise Refused(
            f"Commit {one_line(commit)[:40]} is neither here nor on {self._remote.name}. "
            f"Push it from where it was built, then try again."
        )

    def _try_fetch(self, refspec: str) -> None:
        try:
            self._remote.fetch(refspec, within=HISTORY)
        except CannotTell:
            self._remote.refs("HEAD")  # a refspec may fail; a remote that is silent may not

    def _unshallow(self) -> None:
        everything = f"+refs/heads/*:refs/remotes/{self._remote.name}/*"
        self._remote.fetch(everything, options=("--unshallow",), within=HISTORY)

    def _possible(self, name: str) -> None:
        if name.startswith("-") or not self._git.true("check-ref-format", f"refs/heads/{name}"):
            raise Refused(f'"{one_line(name)}" cannot be the name of a branch.')

    def _begun(self, names: Names, path: Path, base_commit: str) -> str | None:
        """Return where our branch of this name starts, if we began it or its worktree is ours."""
        begun, head = self._history.ref(names.begun), self._history.ref(names.head)
        if begun is None:
            there = self._worktrees.at(path) if head else None
            if head is None or not there or there.branch != names.head:
                return None
            begun = self._history.commit(base_commit)
        if not self._history.contains(head or begun, base_commit):
            raise Refused(
                f"{names.branch} exists already and is not built on {base_commit[:12]}. "
                f"Choose another title, or remove it: git worktree remove {path}"
            )
        return begun

    def _start(self, base: str, start_from: str | None) -> str:
        if start_from is None:
            return base
        start = self._history.find(start_from)
        if not start:
            self._try_fetch(f"+refs/heads/*:refs/remotes/{self._remote.name}/*")
            start = self._history.find(start_from) or self._history.find(
                f"refs/remotes/{self._remote.name}/{start_from}"
            )
        start = start or self._history.commit(start_from)
        what_to_do = (
            f"Bring the fix onto it: git switch --create fix {base[:12]}, "
            f"git cherry-pick {one_line(start_from)}, then: --from fix"
        )
        if not self._history.contains(start, base):
            raise Refused(f"{one_line(start_from)} is not built on {base[:12]}. {what_to_do}")
        if self._history.count("--merges", f"{base}..{start}"):
            raise Refused(f"{one_line(start_from)} brings merges along. {what_to_do}")
        return start

    def _free(self, names: Names) -> None:
        """Refuse a name that is taken, or that stands in the way of another, here or there."""
        parts = names.head.split("/")
        parents = ["/".join(parts[:end]) for end in range(3, len(parts))]
        asked = ("for-each-ref", "--format=%(refname)", "--", names.head, *parents)
        here = [one for one in self._git.ask(*asked).splitlines() if one in (names.head, *parents)]
        here += self._git.ask("for-each-ref", "--format=%(refname)", f"{names.head}/").splitlines()
        there = self._remote.refs(names.head, *parents, f"{names.head}/*")
        for found, where in ((here, "here"), (list(there), f"on {self._remote.name}")):
            if found:
                raise Refused(_taken(names.branch, found[0].removeprefix("refs/heads/"), where))
        self._history.drop(names.pushed)  # of a branch of the same name, long gone

    def _stand(self, names: Names, path: Path, start: str, fresh: bool) -> None:
        try:
            if not self._history.ref(names.head):
                self._history.put(names.head, start, "")
            self._worktrees.stand(path, names.branch)
        except Refused:
            if fresh:
                self._undo(names, path, start)
            raise

    def _claim(self, names: Names, path: Path, start: str, fresh: bool) -> None:
        """Push a branch that must not exist; equal commits do not count as won."""
        pushed = self._remote.push(f"{start}:{names.head}", leases={names.head: ""})
        there = self._remote.at(names.head)
        lost = fresh and (pushed.exit_code == 0 or names.head in pushed.refused)
        ours = names.head in pushed.created or (there == start and not lost)
        if not fresh and there and not ours:  # pushed on by hand since
            ours = self._history.contains(names.head, there)
        if ours and there:
            self._history.put(names.pushed, there)
            return
        if fresh:
            self._undo(names, path, start)
        if there:
            raise Refused(_taken(names.branch, names.branch, f"on {self._remote.name}"))
        raise Refused(f"{self._remote.name} does not take {names.branch}: {pushed.said}.")

    def _undo(self, names: Names, path: Path, start: str) -> None:
        """Take back what this cut made here, as long as nobody has worked in it."""
        there = self._worktrees.at(path)
        if there and there.branch == names.head:
            if (path / ".git").exists() and changes(self._git.at(path)):
                return
            self._worktrees.remove(path)
        if self._history.ref(names.head) == start and not self._worktrees.holding(names.branch):
            self._history.drop(names.head, start)
        self._history.drop(names.begun)


def _taken(wanted: str, found: str, where: str) -> str:
    if found == wanted:
        return f"A branch {wanted} exists {where} already. Choose another title."
    return f"A branch {found} exists {where}; git allows no {wanted} beside it. Rename one of them."

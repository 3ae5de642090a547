"""The forge that every team has: a git repository and its remote, without any service's API."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from pitstop.adapters._run import Runner
from pitstop.adapters.forges._cutting import Cutting, Names
from pitstop.adapters.forges._export import export
from pitstop.adapters.forges._git import HISTORY, Git, words
from pitstop.adapters.forges._history import NOBODY, History
from pitstop.adapters.forges._landing import Landing
from pitstop.adapters.forges._parting import Parting
from pitstop.adapters.forges._patch import Patches
from pitstop.adapters.forges._preflight import Preflight
from pitstop.adapters.forges._remote import Remote
from pitstop.adapters.forges._reverting import Reverting
from pitstop.adapters.forges._worktrees import Worktrees, changes, half_done, staged_tree
from pitstop.domain.change import Branch, Change, Finding, Landed, Patch
from pitstop.ports import Refused

_COMMIT = re.compile("[0-9a-f]{4,64}")  # and no branch or tag of that name
_NO_RENAMES = ("--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none")


def something_to_ship(branch: Branch, runner: Runner) -> bool:
    """Return whether the worktree, committed or not, differs from what production runs."""
    git = Git(Path(branch.worktree), runner)
    if git.run("diff", "--quiet", *_NO_RENAMES, branch.base_commit, "--").exit_code == 1:
        return True
    return any(line.startswith("?? ") for line in changes(git))


def tree_of(branch: Branch, runner: Runner) -> str:
    """Return the tree that a commit of all that the worktree holds would have; its index is left alone."""
    return staged_tree(Git(Path(branch.worktree), runner))


class GitForge:
    """One repository and one remote."""

    def __init__(
        self,
        repository: Path,
        *,
        remote: str,
        main: str,
        worktrees: Path,
        runner: Runner,
        also: Sequence[str] = ("develop", "release/*"),
        keep: Sequence[str] = (),
    ) -> None:
        """``also`` are the branches that follow main, ``keep`` the files they keep of their own."""
        self._also, self._keep = also, keep
        self._git = Git(repository, runner)
        self._remote, self._main = Remote(self._git, remote), main
        self._worktrees_folder = worktrees
        self._history, self._worktrees = History(self._git), Worktrees(self._git)
        self._cutting = Cutting(self._git, self._remote, main, worktrees)
        self._parting = Parting(self._git, self._remote, self._cutting)
        self._preflight = Preflight(self._git, self._remote, main, worktrees)

    def findings(self) -> list[Finding]:
        """Say what is ready and what is not."""
        return self._preflight.findings()

    def identity(self) -> str:
        """Return ``Name <mail>``. Raises Refused when git does not know who this is."""
        return self._preflight.identity()

    def fetch(self) -> None:
        """Learn where the remote's main is."""
        self._cutting.fetch()

    def main_head(self) -> str:
        """Return the commit that the remote's main is at now."""
        self._cutting.fetch()
        return self._history.commit(self._cutting.seen_main)

    def main_release(self) -> tuple[str, str]:
        """Return the commit that the remote's main is at now, and its tree."""
        commit = self.main_head()
        return commit, self._history.tree(commit)

    def release_of(self, commit: str) -> tuple[str, str] | None:
        """Return commit and tree of a commit id, perhaps a short one; None if it is not here."""
        found = self._history.find(commit) if _COMMIT.fullmatch(commit) else None
        own = found and found.startswith(commit)  # a branch may be called like a short id
        return (found, self._history.tree(found)) if found and own else None

    def merge_conflicts(self, change: Change) -> list[str]:
        """Return the files in which the change conflicts with the remote's main; touch nothing."""
        return list(self._history.merge(self.main_head(), change.commit).conflicts)

    def export(self, commit: str, folder: Path) -> str:
        """Write a commit's files into an empty folder; return the tree."""
        return export(self._git, commit, folder)

    def cut(self, name: str, base_commit: str, start_from: str | None) -> Branch:
        """Create branch, worktree and the branch on the remote; return what is there if ours."""
        return self._cutting.cut(name, base_commit, start_from)

    def commit(self, branch: Branch, message: str) -> Change:
        """Commit what the worktree holds, if anything; return the branch's head."""
        inside = self._worktrees.inside(Path(branch.worktree))
        self._ready(inside, branch)
        if changes(inside):
            self._commit_all(inside, branch, message)
        return self._change(inside, branch, History(inside).commit("HEAD"))

    def _ready(self, inside: Git, branch: Branch) -> None:
        """Refuse a worktree in which something else is going on."""
        what = half_done(inside)
        if what:
            raise Refused(
                f"A {what} is not finished in {branch.worktree}. Finish it (git {what} --continue) "
                f"or give it up (git {what} --abort)."
            )
        on = inside.run("symbolic-ref", "--quiet", "HEAD").text
        if on != Names(branch.name).head:
            raise Refused(_elsewhere(branch, on.removeprefix("refs/heads/")))
        history = History(inside)
        if not history.contains("HEAD", branch.base_commit):
            raise Refused(
                f"{branch.name} is no longer built on {branch.base_commit[:12]}, which production "
                f"runs. Put it back on that: git -C {shlex.quote(branch.worktree)} rebase {branch.base_commit[:12]}"
            )

    def _commit_all(self, inside: Git, branch: Branch, message: str) -> None:
        before = History(inside).commit("HEAD")
        inside.ask("add", "--all", "--", ":/", within=HISTORY)
        if inside.ask("write-tree") == self._history.tree(branch.base_commit):
            raise Refused(_no_change(branch))
        if inside.true("diff", "--cached", "--quiet", "--ignore-submodules=none", "HEAD", "--"):
            return  # only the inside of a submodule differs; ``unchanged`` will tell
        asked = ("commit", "--quiet", "--no-status", "--cleanup=whitespace", "--file=-")
        said = message.encode(errors="replace")
        done = inside.run(*asked, give=said, within=HISTORY)
        if done.exit_code != 0 and History(inside).commit("HEAD") == before:
            raise Refused(f"The fix was not committed: {words(done)}.")

    def _change(self, inside: Git, branch: Branch, commit: str) -> Change:
        history = History(inside)
        tree = history.tree(commit)
        if tree == history.tree(branch.base_commit):
            raise Refused(_no_change(branch))
        between = f"{branch.base_commit}..{commit}"
        asked = ("diff-tree", "-r", "-z", "--name-only", *_NO_RENAMES)
        files = inside.listed(*asked, branch.base_commit, commit, "--")
        people = inside.ask("rev-list", "--no-commit-header", "--format=%ae%n%ce", between, "--")
        authors = sorted({mail.strip().lower() for mail in people.splitlines() if mail.strip()})
        return Change(branch, commit, tree, tuple(files), tuple(authors))

    def publish(self, change: Change) -> None:
        """Push exactly this branch, on top of what is there."""
        names, commit = Names(change.branch.name), change.commit
        there = self._remote.at(names.head)
        ours = there == self._history.ref(names.pushed)  # amended since an earlier attempt
        if there and not ours and not self._history.contains(commit, there):
            raise Refused(
                f"Somebody else pushed {there[:12]} to {names.branch} on {self._remote.name}. "
                f"Look at it: git fetch {self._remote.name} {names.branch}"
            )
        if there != commit:
            pushed = self._remote.push(f"{commit}:{names.head}", leases={names.head: there or ""})
            if self._remote.at(names.head) != commit:
                raise Refused(f"{self._remote.name} does not take {names.branch}: {pushed.said}.")
        self._history.put(names.pushed, commit)

    def unchanged(self, change: Change) -> bool:
        """Return whether worktree and branch still hold exactly the change."""
        path = Path(change.branch.worktree)
        if self._worktrees.at(path) is None or not (path / ".git").exists():
            return False
        inside = History(self._git.at(path))
        same = inside.find("HEAD") == change.commit == inside.ref(Names(change.branch.name).head)
        same = same and inside.tree(change.commit) == change.tree
        return same and not changes(self._git.at(path), untracked="no")

    def before(self, change: Change, paths: Collection[str]) -> Path:
        """Return a folder with the files of the base, but these of the change; give it back."""
        tree = self._history.with_files(change.branch.base_commit, change.commit, paths)
        folder = self._worktrees_folder / ".before" / Names(change.branch.name).slug
        shutil.rmtree(folder, ignore_errors=True)
        commit = self._history.write(
            tree, [], "what is deployed, with the tests of a fix", env=NOBODY
        )
        export(self._git, commit, folder)
        return folder

    def give_back(self, folder: Path) -> None:
        """Remove a folder that ``before`` made."""
        shutil.rmtree(folder, ignore_errors=True)

    def preview(self, branch: Branch, message: str) -> Change:
        """Return the change that ``commit`` would make of the worktree; no ref is touched."""
        inside = self._worktrees.inside(Path(branch.worktree))
        self._ready(inside, branch)
        history = History(inside)
        head, tree = history.commit("HEAD"), staged_tree(inside)
        if tree != history.tree(head):
            head = history.write(tree, [head], message)
        return self._change(inside, branch, head)

    def patch(self, change: Change) -> Patch:
        """Return what lies between the base and the change: files, commits, text."""
        git = self._git.at(Path(change.branch.worktree))
        return Patches(git).between(change.branch.base_commit, change.commit)

    def between(self, base: str, commit: str) -> Patch:
        """Return what lies between two commits."""
        return Patches(self._git).between(self._history.commit(base), self._history.commit(commit))

    def files(self, commit: str) -> list[str]:
        """Return the names of all files of a commit."""
        return Patches(self._git).names(commit)

    def mentioning(self, commit: str, words: Collection[str]) -> list[str]:
        """Return the files of a commit that import, or require, something of these names."""
        return Patches(self._git).mentioning(commit, words)

    def free_tag(self, wanted: str, promised: Collection[str] = ()) -> str:
        """Return a name that no tag has, neither here nor on the remote, and that nobody waits for."""
        ref = f"refs/tags/{wanted}"
        if wanted.startswith("-") or not self._git.true("check-ref-format", ref):
            raise Refused(f'"{wanted}" cannot be the name of a tag.')
        taken = set(self._remote.refs(ref, f"{ref}-*"))
        taken.update(self._git.ask("for-each-ref", "--format=%(refname)", "refs/tags").splitlines())
        taken.update(f"refs/tags/{name}" for name in promised)
        number = 1
        while ref in taken:
            number += 1
            ref = f"refs/tags/{wanted}-{number}"
        return ref.removeprefix("refs/tags/")

    def land(self, change: Change, tag: str, tag_message: str, merge_message: str) -> Landed:
        """Bring the change to main, tag it and delete the branch; look first."""
        parts = (self._git, self._remote, self._cutting, self._main, change, tag)
        landing = Landing(*parts, also=self._also, keep=self._keep)
        return landing.land(tag_message, merge_message)

    def prepare_revert(self, change: Change) -> str:
        """Push a branch that undoes the change on main; return its name."""
        return Reverting(self._git, self._remote, self._cutting).prepare(change)

    def discard(self, branch: Branch) -> str | None:
        """Remove worktree and branch, here and there; return the ref that keeps unmerged work."""
        return self._parting.discard(branch)

    def clean_up(self, branch: Branch) -> None:
        """Remove the worktree of a merged branch."""
        self._parting.clean_up(branch)


def _elsewhere(branch: Branch, on: str) -> str:
    """Say where the worktree stands instead of on its branch, and how the fix gets onto it."""
    folder = shlex.quote(branch.worktree)
    if on:
        back = f"Go back: git -C {folder} switch {branch.name}"
        return f"{branch.worktree} is on {on}, not on {branch.name}. {back}"
    back = f"Put the branch there: git -C {folder} switch -C {branch.name}"
    return f"{branch.worktree} is on a detached commit, not on {branch.name}. {back}"


def _no_change(branch: Branch) -> str:
    return (
        f"There is no change to ship: {branch.name} holds the same files as production. "
        f"Make the fix in {branch.worktree}, then try again."
    )

"""Worktrees of this repository: which there are, adding one, removing one."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pitstop.adapters.forges._git import HISTORY, Git, words
from pitstop.ports import Refused

_MARKS = (  # what a half-done act leaves in a worktree's private folder
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("BISECT_LOG", "bisect"),
)


@dataclass(frozen=True)
class Worktree:
    """One line of ``git worktree list``."""

    path: Path
    branch: str | None  # full ref name
    locked: str | None


class Worktrees:
    """The worktrees of one repository; the user's own checkout is only ever read."""

    def __init__(self, git: Git) -> None:
        self._git = git

    def all(self) -> list[Worktree]:
        """Return every worktree that git knows, the user's own checkout first."""
        listed = self._git.run("worktree", "list", "--porcelain", "-z")
        if listed.exit_code != 0:
            raise Refused(f"{self._git.folder} is not a git repository: {words(listed)}.")
        entries = [
            one.split("\0") for one in listed.out.decode(errors="surrogateescape").split("\0\0")
        ]
        return [_parsed(entry) for entry in entries if entry[0].startswith("worktree ")]

    def at(self, path: Path) -> Worktree | None:
        """Return the linked worktree in a folder."""
        wanted = path.resolve()
        linked = self.all()[1:]
        return next((one for one in linked if one.path.resolve() == wanted), None)

    def holding(self, branch: str) -> Worktree | None:
        """Return the worktree that has a branch checked out."""
        return next((one for one in self.all() if one.branch == f"refs/heads/{branch}"), None)

    def stand(self, path: Path, branch: str) -> None:
        """Make the worktree of a branch, or make it whole if it was cut off. Raises Refused."""
        there = self.at(path)
        if there and there.branch == f"refs/heads/{branch}" and self._whole(there):
            return
        holder = self.holding(branch)
        if holder and holder.path.resolve() != path.resolve():
            raise Refused(f"{branch} is checked out in {holder.path} already.")
        if there and self._whole(there):
            raise Refused(f"{path} is the worktree of {there.branch or 'a detached commit'}.")
        if there:  # cut off while it was made, or its folder was removed: nobody worked in it
            self._git.ask("worktree", "remove", "--force", "--force", "--", str(path))
        _free(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        no_track = ("-c", "branch.autoSetupMerge=false")
        added = self._git.run(*no_track, "worktree", "add", "--", str(path), branch, within=HISTORY)
        made = self.at(path)
        if not made or not self._whole(made):  # the exit code may be a post-checkout hook's
            raise Refused(f"The worktree {path} could not be made: {words(added)}.")

    def remove(self, path: Path) -> None:
        """Remove a linked worktree, whatever lies in it. Raises Refused if something stays."""
        there = self.at(path)
        if not there:
            return
        done = self._git.run("worktree", "remove", "--force", "--force", "--", str(there.path))
        if self.at(path) is None:
            return
        shutil.rmtree(there.path, ignore_errors=True)
        done = self._git.run("worktree", "remove", "--force", "--force", "--", str(there.path))
        if self.at(path):
            raise Refused(f"The worktree {path} could not be removed: {words(done)}.")

    def inside(self, path: Path) -> Git:
        """Return git in a worktree. Raises Refused if the folder is gone or another repository's."""
        if self.at(path) is None or not (path / ".git").exists():
            raise Refused(
                f"The worktree {path} is gone. Bring it back: "
                f"git -C {self._git.folder} worktree repair, or git worktree add"
            )
        return self._git.at(path)

    def dirty(self, path: Path) -> bool:
        """Return whether a worktree holds anything that its commit does not, ignored files apart."""
        return bool(changes(self.inside(path)))

    def _whole(self, there: Worktree) -> bool:
        return there.locked != "initializing" and (there.path / ".git").exists()


def changes(git: Git, *, untracked: str = "all") -> list[str]:
    """Return what differs from the commit in a worktree, submodules included."""
    asked = ("status", "--porcelain", "-z", "--ignore-submodules=none")
    return git.listed(*asked, f"--untracked-files={untracked}")


def staged_tree(git: Git) -> str:
    """Return the tree of all that a worktree holds, through an index beside its own."""
    own = Path(git.ask("rev-parse", "--path-format=absolute", "--git-path", "index"))
    with tempfile.TemporaryDirectory(prefix="pitstop-") as folder:
        beside = Path(folder) / "index"
        if own.exists():
            # what it knows spares reading every file; its own time tells which may have changed since
            shutil.copy2(own, beside)
        env = {"GIT_INDEX_FILE": str(beside)}
        git.ask("add", "--all", "--", ":/", env=env, within=HISTORY)
        return git.ask("write-tree", env=env)


def half_done(git: Git) -> str | None:
    """Return what act was begun in a worktree and not ended."""
    private = Path(git.ask("rev-parse", "--path-format=absolute", "--git-dir"))
    return next((what for mark, what in _MARKS if (private / mark).exists()), None)


def _free(path: Path) -> None:
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise Refused(f"{path} is in the way of the worktree. Move it away, then try again.")
    if path.is_dir() and any(path.iterdir()):
        raise Refused(f"The folder {path} is not empty. Move it away, then try again.")


def _parsed(entry: list[str]) -> Worktree:
    facts = dict(line.partition(" ")[::2] for line in entry)
    return Worktree(Path(facts["worktree"]), facts.get("branch"), facts.get("locked"))

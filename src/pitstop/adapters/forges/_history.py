"""Commits, trees and merges, none of which need a checkout."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pitstop.adapters.forges._git import Git, words
from pitstop.ports import Refused

NOBODY = {  # for objects that pitstop writes in its own name: always the same bytes, no identity needed
    "GIT_AUTHOR_NAME": "pitstop",
    "GIT_AUTHOR_EMAIL": "pitstop@localhost",
    "GIT_COMMITTER_NAME": "pitstop",
    "GIT_COMMITTER_EMAIL": "pitstop@localhost",
}

_THEN = {**NOBODY, "GIT_AUTHOR_DATE": "@0 +0000", "GIT_COMMITTER_DATE": "@0 +0000"}


@dataclass(frozen=True)
class Merged:
    """Two commits merged in thought: a tree, or the files in conflict."""

    tree: str
    conflicts: tuple[str, ...] = ()


class History:
    """What a repository knows about its commits."""

    def __init__(self, git: Git) -> None:
        self._git = git

    def find(self, rev: str) -> str | None:
        """Return the full id of a commit that is here."""
        asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
        done = self._git.run(*asked)
        return done.text if done.exit_code == 0 and rev and not rev.isspace() else None

    def commit(self, rev: str) -> str:
        """Return the full id of a commit. Raises Refused if there is none of that name."""
        found = self.find(rev)
        if not found:
            raise Refused(f'"{one_line(rev)}" is not a commit in {self._git.folder}.')
        return found

    def tree(self, commit: str) -> str:
        """Return a commit's tree."""
        return self._git.ask("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}")

    def contains(self, commit: str, ancestor: str) -> bool:
        """Return whether a commit is, or is built on, another; false if either is not here."""
        return self._git.true("merge-base", "--is-ancestor", ancestor, commit)

    def count(self, *args: str) -> int:
        """Return how many commits there are."""
        return int(self._git.ask("rev-list", "--count", *args, "--"))

    def merge(self, ours: str, theirs: str) -> Merged:
        """Merge two commits without touching anything. Raises Refused if they are unrelated."""
        asked = ("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ours, theirs)
        done = self._git.run(*asked)
        if done.exit_code not in (0, 1):
            raise Refused(f"{theirs[:12]} cannot be merged with {ours[:12]}: {words(done)}.")
        tree, *files = [part.decode(errors="replace") for part in done.out.split(b"\0") if part]
        return Merged(tree, tuple(dict.fromkeys(files)) if done.exit_code else ())

    def holds(self, main: str, commit: str) -> bool:
        """Return whether main has a commit, or all that it changes (a squash, a cherry-pick)."""
        if self.contains(main, commit):
            return True
        if not (self.find(main) and self.find(commit)):
            return False
        try:
            merged = self.merge(main, commit)
        except Refused:
            return False
        return not merged.conflicts and merged.tree == self.tree(main)

    def without(self, tip: str, after: str, before: str) -> Merged:
        """Return what ``tip`` is without a change; both sides of the change are trees.

        Merged with ``before`` as if both came from ``after``: that takes the change out.
        """
        came_from = self.write(after, [], "after", env=_THEN)
        ours = self.write(self.tree(tip), [came_from], "main", env=_THEN)
        theirs = self.write(before, [came_from], "before", env=_THEN)
        return self.merge(ours, theirs)

    def write(
        self,
        tree: str,
        parents: Sequence[str],
        message: str,
        *,
        sign: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Write a commit that no ref names yet."""
        args = [part for parent in parents for part in ("-p", parent)]
        signed = ["-S"] if sign else ["--no-gpg-sign"]
        said = message.encode(errors="replace")
        return self._git.ask("commit-tree", *signed, *args, "-F", "-", tree, give=said, env=env)

    def with_files(self, base: str, other: str, paths: Collection[str]) -> str:
        """Return the tree of one commit with some files of another; written, and named by no ref."""
        with tempfile.TemporaryDirectory(prefix="pitstop-") as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self._git.ask("read-tree", base, env=env)
            entries = self._git.listed("ls-tree", "-r", "-z", "--full-tree", other)
            wanted = [entry for entry in entries if entry.partition("\t")[2] in paths]
            rows = [entry.replace(" blob ", " ", 1) for entry in wanted]
            given = "\0".join(rows).encode(errors="surrogateescape")
            self._git.ask("update-index", "-z", "--index-info", give=given, env=env)
            return self._git.ask("write-tree", env=env)

    def empty_tree(self) -> str:
        """Return the tree without files, which is written if it is not there."""
        return self._git.ask("mktree")

    def ref(self, name: str) -> str | None:
        """Return what a ref of this repository names."""
        done = self._git.run("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        return done.text if done.exit_code == 0 else None

    def put(self, name: str, sha: str, old: str | None = None) -> None:
        """Let a ref of this repository name something; ``old`` of ``""`` says it must be new."""
        expected = [] if old is None else [old or "0" * len(sha)]
        self._git.ask("update-ref", "--no-deref", name, sha, *expected)

    def drop(self, name: str, old: str | None = None) -> None:
        """Remove a ref of this repository if it is there."""
        if self.ref(name):
            self._git.ask("update-ref", "--no-deref", "-d", name, *([old] if old else []))


def one_line(text: str) -> str:
    """Return a stranger's text fit for a sentence."""
    return "".join(c if c.isprintable() else " " for c in text)[:200]

"""What lies between two commits, as a reviewer sees it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import islice

from pitstop.adapters.forges._git import Git, words
from pitstop.domain.change import Commit, FileChange, Patch
from pitstop.ports import Refused

READABLE = 200_000_000  # bytes of text that are inspected; what is more is no hotfix
_FLAGS = ("--no-ext-diff", "--no-textconv", "--ignore-submodules=none", "--no-relative")
_SUBMODULE = "160000"


class Patches:
    """Reads patches of one repository."""

    def __init__(self, git: Git) -> None:
        self._git = git

    def between(self, base: str, commit: str) -> Patch:
        """Return files, commits and text from a base to a commit that is built on it."""
        commits = tuple(self._commits(base, commit))
        text = self._text("diff-tree", "-r", base, commit)
        history = self._text("log", "--format=", f"{base}..{commit}") if len(commits) > 1 else ""
        return Patch(tuple(self._files(base, commit)), commits, text, history)

    def names(self, commit: str) -> list[str]:
        """Return every file of a commit."""
        return self._git.listed("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit)

    def mentioning(self, commit: str, names: Collection[str]) -> list[str]:
        """Return the files of a commit that import, or require, something of these names."""
        if not names:
            return []
        word = "|".join(re.escape(name) for name in sorted(names))
        pattern = rf"(import|require|from)\b.*\b({word})\b"
        asked = ("grep", "-l", "-z", "-I", "-E", "-e", pattern, commit, "--")
        done = self._git.run(*asked)
        if done.exit_code > 1:
            raise Refused(f"git grep said no: {words(done)}")
        prefix = f"{commit}:".encode()
        found = [part.removeprefix(prefix) for part in done.out.split(b"\0") if part]
        return [name.decode(errors="replace") for name in found]

    def _files(self, base: str, commit: str) -> Iterator[FileChange]:
        asked = ("diff-tree", "-r", "-z", "-M", *_FLAGS, base, commit, "--")
        counts = dict(self._counts(self._git.listed(*asked[:1], "--numstat", *asked[1:])))
        found = list(self._entries(self._git.listed(*asked[:1], "--raw", *asked[1:])))
        generated = self._generated([path for path, *_ in found])
        for path, was, status, mode in found:
            added, deleted, binary = counts.get(path, (0, 0, False))
            yield FileChange(
                path,
                was,
                added,
                deleted,
                gone=status == "D",
                binary=binary and mode != _SUBMODULE,
                submodule=mode == _SUBMODULE,
                generated=path in generated,
            )

    def _entries(self, parts: list[str]) -> Iterator[tuple[str, str | None, str, str]]:
        """Read ``--raw -z``: path, former path, status letter, mode after (or before, if gone)."""
        rest = iter(parts)
        for facts in rest:
            before, after, _, _, status = facts.lstrip(":").split(" ")
            first = next(rest)
            was, path = (first, next(rest)) if status[0] in "RC" else (None, first)
            mode = _SUBMODULE if _SUBMODULE in (before, after) else after
            yield path, was, status[0], mode

    def _counts(self, parts: list[str]) -> Iterator[tuple[str, tuple[int, int, bool]]]:
        """Read ``--numstat -z``: lines added and deleted, whether it is binary."""
        rest = iter(parts)
        for facts in rest:
            added, deleted, path = facts.split("\t", 2)
            if not path:  # a rename: the former path and the path follow
                _, path = islice(rest, 2)
            binary = added == "-"
            yield path, (0, 0, True) if binary else (int(added), int(deleted), False)

    def _generated(self, paths: list[str]) -> set[str]:
        """Return which of these files .gitattributes calls generated."""
        if not paths:
            return set()
        given = "\0".join(paths).encode(errors="surrogateescape") + b"\0"
        done = self._git.run("check-attr", "--stdin", "-z", "linguist-generated", give=given)
        parts = done.out.decode(errors="replace").split("\0")
        told = zip(parts[0::3], parts[2::3], strict=False)
        return {path for path, value in told if value in ("set", "true")}

    def _commits(self, base: str, commit: str) -> Iterator[Commit]:
        shape = "--format=%H%x00%P%x00%B%x00"
        said = self._git.run("log", "-z", "--reverse", shape, f"{base}..{commit}", "--")
        if said.exit_code != 0:
            raise Refused(f"git log said no: {words(said)}")
        parts = said.out.decode(errors="replace").split("\0")
        for start in range(0, len(parts) - 3, 4):
            sha, parents, message = parts[start : start + 3]
            yield Commit(sha.strip(), message.strip(), len(parents.split()))

    def _text(self, command: str, *args: str) -> str | None:
        prefixes = ("--src-prefix=a/", "--dst-prefix=b/", "--no-color")
        shape = (
            "--unified=0",
            "--inter-hunk-context=0",
            "--submodule=short",
        )  # not as somebody likes it
        done = self._git.run(command, "-p", "-M", *prefixes, *shape, *_FLAGS, "--text", *args, "--")
        if done.exit_code != 0:
            raise Refused(f"git {command} said no: {words(done)}")
        return done.out.decode(errors="replace") if len(done.out) <= READABLE else None

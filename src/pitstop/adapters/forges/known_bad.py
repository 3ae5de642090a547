"""Known-bad commits: one ref for each, here and on the remote; what is known is never deleted.

An entry is a commit without files; its message is JSON. Marking and releasing write a new one on top
of what was known, so a ref's history is the history of the commit's standing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pitstop.adapters._run import Runner
from pitstop.adapters.forges._git import Git
from pitstop.adapters.forges._history import NOBODY, History, one_line
from pitstop.adapters.forges._remote import Remote
from pitstop.domain.known_bad import BadCommit, Released
from pitstop.ports import CannotTell, Refused

BRISK = 10.0  # seconds for a remote to answer: nobody waits longer for a remark about the past
_MOST = 20_000  # bytes of an entry; anything longer was not written by pitstop
_TEXT = 2_000  # characters of one fact
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FACTS = ("commit", "tree", "reason", "by", "at", "run")


@dataclass(frozen=True)
class _Known:
    """What lies under the refs: by commit the object and what it says, or why it says nothing."""

    entries: dict[str, BadCommit]
    objects: dict[str, str]
    odd: dict[str, str]


@dataclass(frozen=True)
class _Learnt:
    """What the remote has, by ref; and of which commits it says nothing that we understand."""

    there: dict[str, str]
    odd: dict[str, str]


class GitKnownBad:
    """Known-bad commits of one service.

    Written here first; the remote is told as soon as it answers. A remote that takes no
    ``refs/pitstop-known-bad`` gets a branch instead; both places are always looked at.
    """

    def __init__(self, repository: Path, service: str, *, remote: str, runner: Runner) -> None:
        self._git = Git(repository, runner)
        self._remote = Remote(self._git, remote, within=BRISK)
        self._history = History(self._git)
        self._stems = (
            f"refs/pitstop-known-bad/{service}/",
            f"refs/heads/pitstop-known-bad/{service}/",
        )

    def find(self, commit: str, since: str) -> BadCommit | None:
        """Return what forbids a commit: its id, its tree, or a commit between ``since`` and it."""
        found = self._history.find(commit)
        if found is None:
            return None
        learnt, silence = _Learnt({}, {}), None
        try:
            learnt = self._learn()
        except CannotTell as unknown:
            silence = unknown
        known = self._here()
        ids, tree = {found, *self._between(since, found)}, self._history.tree(found)
        for one in known.entries.values():
            if not one.released and (one.commit in ids or one.tree == tree):
                return one
        for name, said in (known.odd | learnt.odd).items():
            if name in ids:
                raise Refused(said)
        if silence:
            raise silence
        if not set(known.objects.values()) <= set(learnt.there.values()):
            self._share(known.objects)
        return None

    def mark(self, found: BadCommit) -> str:
        """Remember a commit, first here, then on the remote; return what is not done, in words."""
        if not _ID.fullmatch(found.commit):
            raise Refused(f'"{one_line(found.commit)}" is no commit.')
        known = self._here()
        entry = known.entries.get(found.commit)
        if entry is None or entry.released:
            self._put(found, known)
        return self._share([found.commit])

    def release(self, commit: str, released: Released) -> str:
        """Allow a known-bad commit again; return what is not done, in words."""
        known = self._here()
        entry = known.entries.get(commit)
        if entry is None:
            raise Refused(f"{one_line(commit)} is not known bad.")
        if not entry.released:
            self._put(replace(entry, released=released), known)
        return self._share([commit])

    def entries(self) -> list[BadCommit]:
        """Return all that is remembered, the newest first. Raises Refused for what is no entry."""
        for odd in self._learn().odd.values():
            raise Refused(odd)
        return self.remembered()

    def remembered(self) -> list[BadCommit]:
        """Return all that this clone remembers, without asking the remote."""
        known = self._here()
        for odd in known.odd.values():
            raise Refused(odd)
        return sorted(known.entries.values(), key=lambda one: one.at, reverse=True)

    def held_in(self, head: str) -> list[BadCommit]:
        """Return the known-bad commits that a commit holds, and that nobody took out again.

        Raises CannotTell where the history that would say is not here.
        """
        bad = [one for one in self.entries() if not one.released]
        tree = self._history.tree(head) if bad else ""
        held = [one for one in bad if one.tree == tree or self._holds(head, one.commit)]
        asked = ("rev-parse", "--is-shallow-repository")
        if len(held) < len(bad) and self._git.ask(*asked) == "true":
            raise CannotTell(
                "This clone is shallow, so it does not say what main holds. Bring the rest: git fetch "
                f"--unshallow {self._remote.name}"
            )
        return held

    def _holds(self, head: str, commit: str) -> bool:
        """Return whether a commit is in another and was not reverted there."""
        if not self._history.holds(head, commit):
            return False
        before = self._history.find(f"{commit}^")
        if before is None:
            return True
        tree = self._history.tree
        undone = self._history.without(head, tree(commit), tree(before))
        if not undone.conflicts:
            return undone.tree != tree(head)
        marks = (f"This reverts commit {commit}", f"Reverts-hotfix: {commit}")
        named = [f"--grep={mark}" for mark in marks]
        return self._history.count("--fixed-strings", *named, f"{commit}..{head}") == 0

    def _between(self, since: str, commit: str) -> list[str]:
        if self._history.find(since) is None:
            return []
        return self._git.ask("rev-list", f"{since}..{commit}", "--").splitlines()

    # -- what lies under the refs ----------------------------------------------------------

    def _here(self) -> _Known:
        """Read what this clone remembers."""
        asked = ("for-each-ref", "--format=%(objectname) %(refname)", self._stems[0])
        rows = [line.split(" ", 1) for line in self._git.ask(*asked).splitlines()]
        return self._read({ref: sha for sha, ref in rows})

    def _read(self, refs: dict[str, str]) -> _Known:
        """Read entries; what others wrote is never trusted to be one."""
        known = _Known({}, {}, {})
        texts = self._texts(refs.values())
        for ref, sha in refs.items():
            commit = ref.rpartition("/")[2]
            if not _ID.fullmatch(commit):
                continue
            try:
                known.entries[commit] = _entry(commit, texts.get(sha))
                known.objects[commit] = sha
            except (ValueError, RecursionError) as odd:
                known.odd[commit] = (
                    f"{ref} is no entry that pitstop wrote: {one_line(str(odd))}. Ask who pushed it; to "
                    f"remove it: git update-ref -d {ref}; git push {self._remote.name} --delete {ref}"
                )
        return known

    def _texts(self, shas: Iterable[str]) -> dict[str, bytes]:
        """Return the messages of those objects that can be entries."""
        kinds = self._kinds(shas)
        fit = [sha for sha, (kind, size) in kinds.items() if kind == "commit" and size <= _MOST]
        out = self._git.run("cat-file", "--batch", give="\n".join(fit).encode()).out if fit else b""
        texts = {}
        while out:
            header, _, rest = out.partition(b"\n")
            sha, _, size = header.decode().split()
            texts[sha] = rest[: int(size)].partition(b"\n\n")[2]
            out = rest[int(size) + 1 :]
        return texts

    def _kinds(self, shas: Iterable[str]) -> dict[str, tuple[str, int]]:
        """Return kind and size of those objects that are here."""
        asked = "\n".join(shas)
        if not asked:
            return {}
        rows = self._git.ask("cat-file", "--batch-check", give=asked.encode()).splitlines()
        parts = [row.split() for row in rows if not row.endswith(" missing")]
        return {sha: (kind, int(size)) for sha, kind, size in parts}

    # -- here and there --------------------------------------------------------------------

    def _learn(self) -> _Learnt:
        """Take over what the remote knows and we do not. Raises CannotTell."""
        learnt = _Learnt(self._there_and_here(), {})
        for stem in self._stems:
            mine = self._here()
            known = set(mine.objects.values())
            there = {ref: sha for ref, sha in learnt.there.items() if ref.startswith(stem)}
            said = self._read({ref: sha for ref, sha in there.items() if sha not in known})
            for commit, entry in said.entries.items():
                self._join(mine, commit, entry, said.objects[commit])
            learnt.odd.update((c, odd) for c, odd in said.odd.items() if c not in mine.objects)
        return learnt

    def _there_and_here(self) -> dict[str, str]:
        """Return what the remote has, by ref, once its objects are here."""
        for _ in range(5):
            there = self._there()
            shas = set(there.values())
            lacking = self._kinds(shas).keys() ^ shas
            if not lacking:
                return there
            self._remote.fetch(*(ref for ref, sha in there.items() if sha in lacking))
        raise CannotTell("The known-bad commits change faster than they can be read.")

    def _there(self) -> dict[str, str]:
        found = self._remote.refs(*(f"{stem}*" for stem in self._stems))
        return {ref: sha for ref, sha in found.items() if _ID.fullmatch(ref.rpartition("/")[2])}

    def _join(self, here: _Known, commit: str, entry: BadCommit, sha: str) -> None:
        """Let the later one stand; of two that do not know each other the one that forbids."""
        mine = here.objects.get(commit)
        if mine and self._history.contains(mine, sha):
            return
        if mine and not self._history.contains(sha, mine):
            forbids = entry if entry.released is None else here.entries[commit]
            sha = self._write(forbids, [mine, sha])
        ref = f"{self._stems[0]}{commit}"
        try:
            self._history.put(ref, sha, None if commit in here.odd else mine or "")
        except Refused:  # perhaps another process of this clone has just learnt the same
            if not self._history.contains(ref, sha):
                raise

    def _put(self, entry: BadCommit, known: _Known) -> None:
        """Write an entry on top of what is known; whoever did so at this moment did it for us."""
        before = known.objects.get(entry.commit)
        sha = self._write(entry, [before] if before else [])
        ref = f"{self._stems[0]}{entry.commit}"
        try:
            self._history.put(ref, sha, None if entry.commit in known.odd else before or "")
        except Refused:
            now = self._here().entries.get(entry.commit)
            if now is None or bool(now.released) != bool(entry.released):
                raise

    def _write(self, entry: BadCommit, parents: list[str]) -> str:
        text = json.dumps(asdict(entry), indent=1) + "\n"
        return self._history.write(self._history.empty_tree(), parents, text, env=NOBODY)

    def _share(self, commits: Collection[str]) -> str:
        """Tell the remote what only we know, where it takes it; return why it was not told."""
        try:
            self._learn()
            objects, there, said = self._here().objects, self._there(), ""
            for stem in self._stems:
                left = {commit: objects[commit] for commit in commits}
                left = {c: sha for c, sha in left.items() if sha not in there.values()}
                if not left:
                    return ""
                refs = {f"{stem}{commit}": sha for commit, sha in left.items()}
                pushed = self._remote.push(
                    *(f"{sha}:{ref}" for ref, sha in refs.items()),
                    leases={ref: there.get(ref, "") for ref in refs},
                )
                there, said = self._there(), pushed.said
            if all(objects[commit] in there.values() for commit in commits):
                return ""
        except (CannotTell, Refused) as unknown:
            return str(unknown)
        return f"{self._remote.name} takes no entry {self._stems[0]}...: {said}."


def _entry(commit: str, text: bytes | None) -> BadCommit:
    """Read a stranger's JSON. Raises ValueError for anything but an entry about this commit."""
    if text is None:
        raise ValueError("it is no commit of the size of an entry")
    said: Any = json.loads(text.decode())
    if not isinstance(said, dict):
        raise ValueError("it holds no entry")
    commit_, tree, reason, by, at, run = (_fact(said, name) for name in _FACTS)
    entry = BadCommit(commit_, tree, reason, by, at, run)
    if entry.commit != commit:
        raise ValueError("it is about another commit")
    released = said.get("released")
    if released is None:
        return entry
    if not isinstance(released, dict):
        raise ValueError("it does not say who released it")
    facts = {name: _fact(released, name) for name in ("by", "reason", "at")}
    return replace(entry, released=Released(**facts))


def _fact(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str):
        raise ValueError(f"it does not say {name}")
    return "".join(c if c.isprintable() else " " for c in value[:_TEXT])

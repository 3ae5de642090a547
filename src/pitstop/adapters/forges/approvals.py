"""Answers of colleagues in other clones: on the remote one ref for each run, tree and person.

An answer is a commit without files; its message is JSON. A ref that holds anything else, or that
stands where its content does not belong, is no answer: nobody gets past a review with it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pitstop.adapters._run import Runner
from pitstop.adapters.forges._git import Git
from pitstop.adapters.forges._history import NOBODY, History, one_line
from pitstop.adapters.forges._remote import Remote
from pitstop.domain.answer import RemoteAnswer
from pitstop.messages import mail_of
from pitstop.ports import CannotTell, Refused

BRISK = 10.0  # seconds for the remote to answer: who waits also listens to people on this machine
_MOST = 20_000  # bytes of an answer; anything longer was not written by pitstop
_MANY = 50  # answers to one tree; more are no review
_TEXT = 2_000  # characters of one fact
_PERSON = re.compile(r"[0-9a-f]{40}")


class GitAnswers:
    """Answers on one remote.

    A remote that takes no ``refs/pitstop-approvals`` gets a branch instead; both places are always
    looked at. What a push did is never read from its words: the ref is read again.
    """

    def __init__(self, repository: Path, *, remote: str, runner: Runner) -> None:
        self._git = Git(repository, runner)
        self._remote = Remote(self._git, remote, within=BRISK)
        self._history = History(self._git)

    def heard(self, run: str, tree: str) -> list[RemoteAnswer]:
        """Return what was said about this tree, rejections first. Raises CannotTell."""
        people = self._people(run, tree)
        said = [self._read(tree, ref, sha) for ref, sha in people.items()]
        return sorted(filter(None, said), key=lambda one: (one.decision != "reject", one.at))

    def say(self, run: str, answer: RemoteAnswer) -> bool:
        """Write an answer down; return whether it is new.

        Raises Refused where this person rejected the tree before, or the remote takes no answer.
        """
        text = json.dumps(asdict(answer), indent=1) + "\n"
        sha = self._history.write(self._history.empty_tree(), [], text, env=NOBODY)
        for _ in range(3):
            seen = self._own(run, answer)
            if _decided(answer, [self._read(answer.tree, *one) for one in seen.items()]):
                return False
            written = self._write(run, answer, sha, seen)
            if written is not None:
                return written
        raise CannotTell("The answers change faster than they can be read.")

    def _own(self, run: str, answer: RemoteAnswer) -> dict[str, str]:
        """Return what the remote has of this person."""
        people = self._people(run, answer.tree)
        return {ref: sha for ref, sha in people.items() if _person(ref) == _mark(answer.by)}

    def _write(self, run: str, answer: RemoteAnswer, sha: str, seen: dict[str, str]) -> bool | None:
        """Push where the remote takes it; None when this person's answer changed meanwhile."""
        for ref in (f"{stem}{_mark(answer.by)}" for stem in self._stems(run, answer.tree)):
            pushed = self._remote.push(f"{sha}:{ref}", leases={ref: seen.get(ref, "")})
            now = self._remote.at(ref)
            if now == sha:
                return True
            if (now or "") != seen.get(ref, ""):
                return None
        raise Refused(
            f"{self._remote.name} takes no answer, neither under refs/pitstop-approvals nor as a branch "
            f"called pitstop-approvals: {pushed.said}. Allow one of them for those who review."
        )

    def _people(self, run: str, tree: str) -> dict[str, str]:
        """Return the refs about a tree that can be a person's, once their objects are here."""
        there = self._remote.refs(*(f"{stem}*" for stem in self._stems(run, tree)))
        people = {ref: sha for ref, sha in there.items() if _PERSON.fullmatch(_person(ref))}
        people = dict(sorted(people.items())[:_MANY])
        self._bring(people)
        return people

    def clear(self, run: str) -> None:
        """Remove a run's answers, whatever tree they are about."""
        there = self._remote.refs(*(f"{stem}*" for stem in self._stems(run)))
        if there:
            self._remote.push(*(f":{ref}" for ref in there), leases=there)

    def _stems(self, run: str, tree: str = "") -> tuple[str, str]:
        own = f"refs/pitstop-approvals/{run}/" + (f"{tree}/" if tree else "")
        if not self._git.true("check-ref-format", f"{own}x"):
            raise Refused(f'"{one_line(run)}" cannot be the name of a hotfix.')
        return own, own.replace("refs/", "refs/heads/", 1)

    def _bring(self, refs: dict[str, str]) -> None:
        """Bring what is not here yet; what changed meanwhile is brought at the next look."""
        lacking = [r for r, sha in refs.items() if not self._git.true("cat-file", "-e", sha)]
        if lacking:
            self._remote.fetch(*lacking)

    def _read(self, tree: str, ref: str, sha: str) -> RemoteAnswer | None:
        """Read a stranger's JSON; None for anything but an answer that belongs there."""
        try:
            answer = _answer(self._message(sha))
        except (ValueError, RecursionError, Refused):
            return None
        belongs = answer.tree == tree and _mark(answer.by) == _person(ref)
        return answer if belongs else None

    def _message(self, sha: str) -> str:
        if self._git.ask("cat-file", "-t", sha) != "commit":
            raise ValueError("it names no commit")
        if int(self._git.ask("cat-file", "-s", sha)) > _MOST:
            raise ValueError("it is too long")
        return self._git.ask("cat-file", "commit", sha).partition("\n\n")[2]


def _decided(answer: RemoteAnswer, said: list[RemoteAnswer | None]) -> bool:
    """Return whether a person said this already. Raises Refused for a yes after a no."""
    decisions = {one.decision for one in said if one}
    if answer.decision == "approve" and "reject" in decisions:
        raise Refused(
            f"{one_line(answer.by)} rejected tree {answer.tree[:12]}, and that stands. A changed fix "
            "gets a new tree."
        )
    return answer.decision in decisions


def _mark(person: str) -> str:
    """Return a person's part of the ref: who reads refs reads no addresses."""
    return hashlib.sha256(mail_of(person).encode(errors="replace")).hexdigest()[:40]


def _person(ref: str) -> str:
    return ref.rpartition("/")[2]


def _answer(message: str) -> RemoteAnswer:
    said: Any = json.loads(message)
    if not isinstance(said, dict) or said.get("decision") not in ("approve", "reject"):
        raise ValueError("it holds no answer")
    facts = {name: _fact(said, name) for name in ("decision", "tree", "by", "at", "reason")}
    if not facts["by"].strip():
        raise ValueError("it does not say by whom")
    return RemoteAnswer(**facts, claimed=said.get("claimed") is True)


def _fact(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str):
        raise ValueError(f"it does not say {name}")
    return "".join(c if c.isprintable() else " " for c in value[:_TEXT])

"""The claim on a service: a ref on the git remote, swapped only by whoever saw its last value."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pitstop.adapters._run import Runner
from pitstop.adapters.forges._git import Git
from pitstop.adapters.forges._history import NOBODY, History, one_line
from pitstop.adapters.forges._remote import Remote
from pitstop.ports import CannotTell, Refused

_MOST = 20_000  # bytes of a claim; anything longer was not written by pitstop
_TEXT = 2_000  # characters of one fact


@dataclass(frozen=True)
class Claim:
    """Who is putting a fix into a service. ``sha`` is the object the ref names: the fence."""

    service: str
    sha: str
    owner: str
    since: str
    reason: str
    run: str
    machine: str
    rollback_point: str | None
    restore_command: str | None
    heartbeat: str | None
    taken_over_from: str | None


_MUST = ("owner", "since", "reason", "run", "machine")
_MAY = ("rollback_point", "restore_command", "heartbeat", "taken_over_from")


class GitClaims:
    """Claims of all services on one remote.

    What a push did is never read from its words: the ref is read again. Remotes that take no
    ``refs/pitstop`` get a branch instead; both places are always looked at.
    """

    def __init__(self, repository: Path, *, remote: str, runner: Runner) -> None:
        self._git = Git(repository, runner)
        self._remote, self._history = Remote(self._git, remote), History(self._git)
        self._branches = False  # whether this remote was seen to refuse refs/pitstop

    def read(self, service: str) -> Claim | None:
        """Return the claim on a service. Raises Refused when it cannot be understood."""
        for _ in range(5):
            held = self._held(service)
            if not held:
                return None
            ref, sha = next(iter(held.items()))
            if self._here(sha, ref):
                return self._understood(service, ref, sha)
        raise CannotTell(f"The claim on {service} changes faster than it can be read.")

    def take(self, claim: Claim, expected: str | None) -> Claim | None:
        """Swap ``expected`` for this claim; None when somebody else was faster."""
        held = self._held(claim.service)
        if (expected not in held.values()) if expected else bool(held):
            return None
        sha = self._write(claim)
        refs = [ref for ref, there in held.items() if there == expected]
        for ref in refs or self._places(claim.service):
            won = self._swap(claim.service, ref, sha, expected)
            if won is not None:
                return replace(claim, sha=sha) if won else None
        raise Refused(
            f"{self._remote.name} takes no claim on {claim.service}: neither refs/pitstop nor "
            "branches called pitstop-lock. Allow one of them for those who ship."
        )

    def renew(self, claim: Claim, **changes: str | None) -> Claim:
        """Write the claim again with changed facts. Raises Refused when it is no longer ours."""
        now = self.read(claim.service)
        if now is None or not _same_hold(now, claim):
            raise Refused(_lost(claim, now))
        renewed = self.take(replace(claim, **changes), now.sha)  # type: ignore[arg-type] # names of text fields only
        if renewed is None:
            raise Refused(_lost(claim, self.read(claim.service)))
        return renewed

    def release(self, claim: Claim) -> bool:
        """Give the claim back; return whether no claim of ours is left and nobody else's was hit."""
        while now := self.read(claim.service):
            if not _same_hold(now, claim):
                return False
            self._delete(claim.service, now.sha)  # one renewed meanwhile is found again
        return True

    def _delete(self, service: str, sha: str) -> None:
        held = self._held(service)
        for ref in [ref for ref, there in held.items() if there == sha]:
            pushed = self._remote.push(f":{ref}", leases={ref: sha})
            if self._remote.at(ref) == sha:
                raise Refused(
                    f"{self._remote.name} does not delete {ref}: {pushed.said}. "
                    f"Delete it: git push {self._remote.name} --delete {ref}"
                )

    def _swap(self, service: str, ref: str, sha: str, expected: str | None) -> bool | None:
        """Push with a lease; True won, False lost, None when the remote does not take the ref."""
        for _ in range(2):  # a claim that came and went meanwhile looks like a refusal, once
            self._remote.push(f"{sha}:{ref}", leases={ref: expected or ""})
            held = self._held(service)
            if held.get(ref) == sha:
                return self._alone(ref, sha, held)
            if held and held.get(ref) != expected:
                return False
        self._branches = self._branches or ref == _own(service)
        return None

    def _alone(self, ref: str, sha: str, held: dict[str, str]) -> bool:
        """Two clones may see different places refused: whoever finds two claims steps back."""
        if len(held) == 1:
            return True
        self._remote.push(f":{ref}", leases={ref: sha})
        return False

    def _held(self, service: str) -> dict[str, str]:
        """Return what the remote has in both places."""
        if not self._git.true("check-ref-format", _own(service)):
            raise Refused(f'"{one_line(service)}" cannot be the name of a service.')
        return self._remote.refs(_own(service), _branch(service))

    def _places(self, service: str) -> list[str]:
        places = [_own(service), _branch(service)]
        return places[1:] if self._branches else places

    def _write(self, claim: Claim) -> str:
        facts = {key: value for key, value in asdict(claim).items() if key != "sha"}
        facts["nonce"] = uuid.uuid4().hex  # the same object pushed twice would win twice
        tree = self._history.empty_tree()
        return self._history.write(tree, [], json.dumps(facts, indent=1) + "\n", env=NOBODY)

    def _here(self, sha: str, ref: str) -> bool:
        """Bring the claim's object; False when the ref has changed meanwhile."""
        if self._git.true("cat-file", "-e", sha):
            return True
        try:
            self._remote.fetch(ref)
        except CannotTell:
            if self._remote.at(ref) == sha:
                raise
        return self._git.true("cat-file", "-e", sha)

    def _understood(self, service: str, ref: str, sha: str) -> Claim:
        try:
            return _claim(service, sha, self._message(sha))
        except (ValueError, RecursionError, Refused) as odd:
            raise Refused(
                f"{ref} on {self._remote.name} is no claim that pitstop wrote: {one_line(str(odd))}. "
                f"Ask who pushed it; to remove it: git push {self._remote.name} --delete {ref}"
            ) from odd

    def _message(self, sha: str) -> str:
        kind = self._git.ask("cat-file", "-t", sha)
        if kind != "commit":
            raise ValueError(f"it names a {kind}")
        if int(self._git.ask("cat-file", "-s", sha)) > _MOST:
            raise ValueError("it is too long")
        return self._git.ask("cat-file", "commit", sha).partition("\n\n")[2]


def _own(service: str) -> str:
    return f"refs/pitstop/{service}"


def _branch(service: str) -> str:
    return f"refs/heads/pitstop-lock/{service}"


def _claim(service: str, sha: str, message: str) -> Claim:
    """Read a stranger's JSON. Raises ValueError for anything but a claim."""
    said: Any = json.loads(message)
    if not isinstance(said, dict):
        raise ValueError("it holds no claim")
    facts: dict[str, Any] = {}
    for name in (*_MUST, *_MAY):
        value = said.get(name)
        if not isinstance(value, str) and (value is not None or name in _MUST):
            raise ValueError(f"it does not say {name}")
        facts[name] = None if value is None else _clean(value)
    return Claim(service=service, sha=sha, **facts)


def _clean(text: str) -> str:
    """Return a text that moves no cursor and can be written anywhere."""
    return "".join(c if c.isprintable() else " " for c in text[:_TEXT])


def _same_hold(now: Claim, mine: Claim) -> bool:
    """Return whether a claim is ours, if only renewed by a push whose answer was lost."""
    ours = (mine.run, mine.machine, mine.since)
    return now.sha == mine.sha or (now.run, now.machine, now.since) == ours


def _lost(claim: Claim, now: Claim | None) -> str:
    if now is None:
        return f"The claim on {claim.service} is gone; somebody removed it. Look: pitstop status"
    return f"{now.owner} took {claim.service} over ({one_line(now.reason)}). Look: pitstop status"

"""What pitstop remembers of a platform that only answers: who was seen, and what was begun."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pitstop.adapters.platforms.local import files
from pitstop.adapters.platforms.shell.answers import Answer
from pitstop.domain.change import Deployment, Release

STAGING, STAGED, BEGUN, DONE, REFUSED = "staging", "staged", "begun", "done", "refused"
_MANY = 200


@dataclass(frozen=True)
class Note:
    """One key: how far its release came. On the disk before the command that it is about."""

    key: str
    commit: str
    state: str
    since: float  # seconds since 1970 when its deploy was first begun
    deployment_id: str = ""
    url: str = ""
    reason: str = ""


class Memory:
    """Two kinds of small files in the service's state, whole at every moment."""

    def __init__(self, home: Path) -> None:
        self._seen, self._notes = home / "deployments.json", home / "keys"
        self._last = home / "last.json"

    # Deployments

    def all(self) -> list[Deployment]:
        """Return every deployment that was seen, the latest first."""
        held = files.read_json(self._seen) or {}
        return [Deployment(**each) for each in reversed(held.values())]

    def get(self, deployment_id: str) -> Deployment | None:
        """Return a deployment by its id."""
        return next((each for each in self.all() if each.id == deployment_id), None)

    def known(self, answer: Answer, commit: str, tree: str, url: str) -> Deployment:
        """Return an answer with what is remembered beside it."""
        known = self.get(answer.id)
        if known and known.commit != commit:
            known = None  # the platform gives its ids anew
        return Deployment(
            answer.id,
            commit,
            answer.tree or tree,
            answer.url or url,
            answer.at or (known.at if known else None),
            known.took if known else None,
        )

    def remember(self, deployment: Deployment) -> Deployment:
        """Write a deployment down, if that is news."""
        held = files.read_json(self._seen) or {}
        if held.get(deployment.id) != asdict(deployment):
            order = {**held, deployment.id: asdict(deployment)}
            self._seen.parent.mkdir(parents=True, exist_ok=True)
            files.write_json(self._seen, dict(list(order.items())[-_MANY:]))
        return deployment

    def saw(self, deployment: Deployment) -> Deployment:
        """Write down what users are served by now."""
        self.remember(deployment)
        if self.last() != deployment.id:
            files.write_json(self._last, deployment.id)
        return deployment

    def last(self) -> str | None:
        """Return the id of what users were served by when that was seen last."""
        found: str | None = files.read_json(self._last)
        return found

    # Keys

    def note(self, key: str) -> Note | None:
        """Return how far a key came."""
        held = files.read_json(self._file(key))
        return Note(**held) if held else None

    def write(self, note: Note) -> Note:
        """Write down how far a key came; on the disk when this returns."""
        self._notes.mkdir(parents=True, exist_ok=True)
        files.write_json(self._file(note.key), asdict(note))
        return note

    def forget(self, key: str) -> None:
        """Let a key be as if it was never asked for."""
        self._file(key).unlink(missing_ok=True)

    def begin(self, release: Release, state: str, now: float) -> Note:
        """Note that a command for a key is about to be run."""
        note = self.note(release.key)
        if note and note.state == state:
            return note
        fresh = Note(release.key, release.commit, state, now)
        return self.write(replace(note, state=state, since=now) if note else fresh)

    def staged(self, deployment_id: str) -> Note | None:
        """Return the note of a candidate."""
        return next(
            (n for n in self._all_notes() if n.url and n.deployment_id == deployment_id), None
        )

    def unsettled(self) -> list[Note]:
        """Return the deploys of which it is not known how they ended."""
        return [note for note in self._all_notes() if note.state == BEGUN]

    def settle(self, reason: str) -> None:
        """Note that whatever was begun is over: the platform has done something later since."""
        for note in self.unsettled():
            self.write(replace(note, state=REFUSED, reason=reason))

    def _all_notes(self) -> list[Note]:
        found = [files.read_json(path) for path in self._notes.glob("*.json")]
        return [Note(**held) for held in found if held]

    def _file(self, key: str) -> Path:
        return self._notes / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"

"""What pitstop remembers of Railway: which commit a deployment is, and what was begun.

Railway forgets which commit an upload was once its image is served by another deployment, and it
does not know which run an upload was for. Small files in the service's state, whole at every moment.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pitstop.adapters.platforms.local import files
from pitstop.domain.change import Deployment

BEGUN, DONE, REFUSED = "begun", "done", "refused"
RETURN = "return to "  # how the keys of returns begin, and of uploads that belong to one
_MANY = 200


@dataclass(frozen=True)
class Note:
    """One act: an upload for a key, or a return to a deployment. Written before it is begun."""

    key: str
    commit: str
    state: str
    since: float  # seconds since 1970
    newest: str = ""  # the newest deployment before it
    deployment_id: str = ""  # what came of it
    reason: str = ""


class Memory:
    """Known deployments, begun acts, and digests of variables."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._seen, self._notes = home / "deployments.json", home / "acts"
        self._points, self._scope = home / "points.json", home / "scope.json"

    def deployment(self, deployment_id: str) -> Deployment | None:
        """Return what is known of a deployment."""
        held = (files.read_json(self._seen) or {}).get(deployment_id)
        return Deployment(**held) if held else None

    def remember(self, deployment: Deployment) -> Deployment:
        """Write a deployment down, if that is news."""
        held = files.read_json(self._seen) or {}
        if held.get(deployment.id) != asdict(deployment):
            self._home.mkdir(parents=True, exist_ok=True)
            order = {**held, deployment.id: asdict(deployment)}
            files.write_json(self._seen, dict(list(order.items())[-_MANY:]))
        return deployment

    def keep_scope(self, ids: dict[str, str]) -> None:
        """Remember which service this is, for the time when Railway cannot be asked."""
        if files.read_json(self._scope) != ids:
            self._home.mkdir(parents=True, exist_ok=True)
            files.write_json(self._scope, ids)

    def scope(self) -> dict[str, str] | None:
        """Return which service this was."""
        found: dict[str, str] | None = files.read_json(self._scope)
        return found

    def note(self, key: str) -> Note | None:
        """Return how far an act came."""
        held = files.read_json(self._file(key))
        return Note(**held) if held else None

    def write(self, note: Note) -> Note:
        """Write down how far an act came; on the disk when this returns."""
        self._notes.mkdir(parents=True, exist_ok=True)
        files.write_json(self._file(note.key), asdict(note))
        return note

    def settle(self, key: str, state: str, deployment_id: str = "", reason: str = "") -> None:
        """Note how an act ended, if it was begun."""
        if note := self.note(key):
            name = deployment_id or note.deployment_id
            self.write(replace(note, state=state, deployment_id=name, reason=reason))

    def forget(self, key: str) -> None:
        """Let an act be as if it was never begun: it is known that nothing came of it."""
        self._file(key).unlink(missing_ok=True)

    def begun(self) -> list[Note]:
        """Return the uploads of which it is not known how they ended."""
        found = [files.read_json(path) for path in self._notes.glob("*.json")]
        open_ = [Note(**held) for held in found if held and held["state"] == BEGUN]
        return [note for note in open_ if not note.key.startswith(RETURN)]

    def keep_point(self, deployment_id: str, facts: dict[str, Any]) -> None:
        """Keep what a rollback point was like: image, message, digests of variables."""
        held = files.read_json(self._points) or {}
        self._home.mkdir(parents=True, exist_ok=True)
        order = {**held, deployment_id: {**held.get(deployment_id, {}), **facts}}
        files.write_json(self._points, dict(list(order.items())[-_MANY:]))

    def point(self, deployment_id: str) -> dict[str, Any]:
        """Return what was kept of a rollback point."""
        found: dict[str, Any] = (files.read_json(self._points) or {}).get(deployment_id, {})
        return found

    def _file(self, key: str) -> Path:
        return self._notes / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"

"""A deployment as Railway tells it, and what its upload's message says. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

from pitstop.domain.change import Release

_OURS = re.compile(r"pitstop (\S+) \((\S+)\)")
_SHA = re.compile(r"([0-9a-f]{7,64})(?:[\s:].*)?", re.DOTALL)  # "revert 0123abc" is another commit


@dataclass(frozen=True)
class Seen:
    """One deployment at one moment."""

    id: str
    status: str
    created: datetime
    since: str | None  # when it came to be in this status
    can_roll_back: bool
    can_redeploy: bool
    stopped: bool
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """Return the message of its upload."""
        return str(self.meta.get("cliMessage") or "")

    @property
    def digest(self) -> str:
        """Return what tells its image apart; empty where Railway does not say."""
        return str(self.meta.get("imageDigest") or "")

    @property
    def key(self) -> str:
        """Return the key of the release that pitstop made it for; empty where that is another's."""
        ours = _OURS.fullmatch(self.message)
        return unquote(ours[2]) if ours else ""

    @property
    def named_commit(self) -> str:
        """Return the commit that its making names, perhaps a short one; empty where none."""
        if commit := self.meta.get("commitHash"):
            return str(commit)
        if ours := _OURS.fullmatch(self.message):
            return unquote(ours[1])
        found = _SHA.fullmatch(self.message)
        return found[1] if found else ""

    @property
    def skipped_because(self) -> str:
        """Return why Railway passed it over, in its own words."""
        return str(self.meta.get("skippedReason") or "Railway does not say why")

    def could_be(self, target: Seen) -> bool:
        """Return whether this may be a return to ``target``: nothing that both tell differs."""
        told = [
            (self.digest, target.digest),
            (self.message, target.message),
            (str(self.meta.get("commitHash") or ""), str(target.meta.get("commitHash") or "")),
        ]
        return all(one == other for one, other in told if one and other)

    def is_image_of(self, target: Seen) -> bool | None:
        """Return whether both run one image; None where Railway does not tell."""
        if self.digest and target.digest:
            return self.digest == target.digest
        return None


def message(release: Release) -> str:
    """Return what an upload says of itself: its commit, and the key that it was made for."""
    return f"pitstop {quote(release.commit)} ({quote(release.key)})"


def read(told: Any) -> Seen:
    """Read what the API tells. Raises ValueError where that is no deployment."""
    try:
        meta = told.get("meta")
        return Seen(
            str(told["id"]),
            str(told["status"]),
            datetime.fromisoformat(str(told["createdAt"])),
            _stamp(str(told["statusUpdatedAt"])) if told.get("statusUpdatedAt") else None,
            bool(told.get("canRollback")),
            bool(told.get("canRedeploy")),
            bool(told.get("deploymentStopped")),
            meta if isinstance(meta, dict) else {},
        )
    except (KeyError, TypeError, AttributeError, ValueError) as odd:
        raise ValueError(f"a deployment was expected, and it said {told!r:.80}") from odd


def _stamp(text: str) -> str:
    """Return a moment as the house writes it; Railway's has nanoseconds."""
    at = datetime.fromisoformat(text)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""The same platform where the team can run a release without users, with ``stage`` and ``discard``."""

from __future__ import annotations

from dataclasses import replace

from pitstop.adapters.platforms.shell import answers
from pitstop.adapters.platforms.shell.acts import Act
from pitstop.adapters.platforms.shell.memory import REFUSED, STAGED, STAGING, Note
from pitstop.adapters.platforms.shell.platform import ShellPlatform
from pitstop.domain.change import Candidate, Release
from pitstop.ports import CannotTell, Refused


class StagingShellPlatform(ShellPlatform):
    """A ShellPlatform with candidates."""

    def stage(self, release: Release) -> Candidate:
        """Start a candidate, once per key; one that was cut off is discarded and started afresh."""
        note = self._memory.note(release.key)
        if note and note.url:
            return Candidate(note.deployment_id, note.url)
        if note and note.state == STAGING:
            self._discarded(note)
        command, facts = self._settings.stage or "", self._facts(release)
        act = self._act_in_tree("stage", command, facts, release, STAGING)
        said = f"{act.said} Users were not moved."
        if not act.done:
            raise (CannotTell if act.unknown else Refused)(said)
        try:
            name, url = answers.candidate(act.ran.tail)
        except ValueError as odd:
            raise CannotTell(
                f"platform.stage cannot be read: {odd}. Users were not moved."
            ) from None
        fresh = Note(release.key, release.commit, STAGED, self._now(), name, url)
        self._memory.write(fresh)
        return Candidate(name, url)

    def discard(self, key: str) -> None:
        """Stop the candidate of this key if users were never moved to it."""
        note = self._memory.note(key)
        if not note or note.state not in (STAGING, STAGED, REFUSED):
            return
        now = self._production.seen()
        if now and now.id == note.deployment_id:
            return
        if note.state != REFUSED:
            self._discarded(note)
        elif note.deployment_id:
            self._discarded(note)
            self._memory.write(replace(note, deployment_id="", url=""))

    def healthy(self, deployment_id: str | None = None) -> tuple[bool, str]:
        """Ask once: is what users get, a deployment, or a candidate healthy."""
        staged = self._memory.staged(deployment_id) if deployment_id else None
        if not staged:
            return super().healthy(deployment_id)
        try:
            return self._production.healthy((staged.deployment_id, staged.url))
        except CannotTell as unknown:
            return False, str(unknown)

    def _discarded(self, note: Note) -> None:
        facts = self._production.facts() | {
            "PITSTOP_RUN": note.key,
            "PITSTOP_COMMIT": note.commit,
            "PITSTOP_DEPLOYMENT": note.deployment_id,
        }
        act = Act("discard", self._team.act("discard", self._settings.discard or "", facts))
        if not act.done:
            raise (CannotTell if act.unknown else Refused)(act.said)
        self._memory.forget(note.key)

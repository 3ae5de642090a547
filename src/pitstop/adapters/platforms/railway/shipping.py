"""Put a commit's tree into service, once per key: look, upload, follow that very deployment."""

from __future__ import annotations

from collections.abc import Callable

from pitstop.adapters.platforms.railway import statuses
from pitstop.adapters.platforms.railway.api import Api, Limited, Objected, Silent
from pitstop.adapters.platforms.railway.archive import packed
from pitstop.adapters.platforms.railway.following import Following
from pitstop.adapters.platforms.railway.memory import BEGUN, DONE, REFUSED, Memory, Note
from pitstop.adapters.platforms.railway.seen import Seen, message
from pitstop.adapters.platforms.railway.service import Service
from pitstop.adapters.plugins import Tools
from pitstop.domain.change import Release
from pitstop.ports import CannotTell, Refused

LATE = 10.0  # seconds in which an upload that got no answer may still show up
_LOOK = 2.0


class Shipping:
    """Uploads, and follows what comes of it."""

    def __init__(
        self,
        within: float,
        tools: Tools,
        api: Api,
        service: Service,
        memory: Memory,
        say: Callable[[str], None],
    ) -> None:
        self._within, self._tools, self._api = within, tools, api
        self._service, self._memory, self._say = service, memory, say

    def ship(self, release: Release) -> Seen:
        """Return the deployment that serves users from this release. Raises Refused, CannotTell."""
        note = self._memory.note(release.key)
        if note and note.state == REFUSED:
            raise Refused(note.reason)
        made = self._made_before(release, note)
        if made:
            self._say(f"Railway has this upload already: {made.id} is followed.")
            if note is None:
                self._memory.write(Note(release.key, release.commit, BEGUN, self._now()))
            self._memory.settle(release.key, BEGUN, made.id)
        deployment_id = made.id if made else self._uploaded(release)
        return self.followed(release.key, deployment_id)

    def upload_again(self, release: Release) -> Seen:
        """Upload an old commit, as the way back where Railway kept neither image nor source."""
        return self.ship(release)

    def followed(self, key: str, deployment_id: str) -> Seen:
        """Follow a deployment to its verdict; note it under its key. Raises Refused, CannotTell."""
        following = Following(self._api, self._tools.clock, self._say, deployment_id)
        one = following.to_its_end(self._within)
        kind = statuses.kind(one.status)
        if kind in ("moving", "blocked"):
            one = self._given_up(one)
            kind = statuses.kind(one.status)
        if kind in ("unknown", "moving", "blocked"):
            raise CannotTell(
                f"Railway's deployment {one.id} is {statuses.said(one.status)}. It may still go into "
                f"service; {self._service.users()} See it in Railway's dashboard, then: pitstop resume"
            )
        if kind == "good":
            return self._in_service(key, one)
        later = self._newest_after(one) if kind == "gone" else None
        if later and later.key == key:  # an upload that was given up came through after all
            return self.followed(key, later.id)
        raise self._no(key, f"{self._why(one)} {_capital(self._service.users())}")

    # How

    def _made_before(self, release: Release, note: Note | None) -> Seen | None:
        """Return what a run that was cut off has uploaded for this key; wait where it may be late."""
        if note and note.deployment_id:
            return self._service.find(note.deployment_id)
        until = self._now() + (LATE if note and note.state == BEGUN else 0.0)
        while True:
            ours = [one for one in self._service.history() if one.key == release.key]
            if ours or self._now() >= until:
                return ours[0] if ours else None
            self._tools.clock.pause(_LOOK)

    def _uploaded(self, release: Release) -> str:
        here = self._service.scope()
        path = f"/project/{here.project}/environment/{here.environment}/up"
        with packed(release, self._tools) as archive:
            self._tools.fence.check()
            self._memory.write(Note(release.key, release.commit, BEGUN, self._now()))
            self._say(f"uploading {archive.stat().st_size / 1e6:.1f} MB to Railway")
            query = {"serviceId": here.service, "message": message(release)}
            try:
                answer = self._api.upload(path, archive, **query)
            except Limited as limited:
                self._memory.forget(release.key)
                self._tools.clock.pause(limited.seconds if limited.seconds <= LATE else 0.0)
                raise CannotTell(f"{limited} Nothing was uploaded. {self._unmoved()}") from None
            except Objected as objected:
                self._memory.forget(release.key)
                raise Refused(self._refused(objected)) from None
            except Silent as silent:
                return self._perhaps(release, silent)
        self._memory.settle(release.key, BEGUN, answer["deploymentId"])
        return str(answer["deploymentId"])

    def _perhaps(self, release: Release, silent: Silent) -> str:
        """Look whether an upload without an answer arrived; nothing is sent twice blindly."""
        if not silent.sent:
            self._memory.forget(release.key)
            raise CannotTell(f"{silent} Nothing was uploaded. {self._unmoved()}")
        self._say(f"{silent} It is looked whether the upload arrived.")
        made = self._made_before(release, self._memory.note(release.key))
        if made is None:
            raise CannotTell(
                f"{silent} Nothing of this upload shows at Railway after {LATE:.0f} s. "
                f"{self._unmoved()}"
            )
        self._memory.settle(release.key, BEGUN, made.id)
        return made.id

    def _in_service(self, key: str, one: Seen) -> Seen:
        """Note that it serves users, or who does instead."""
        state = self._service.state()
        if state.serving and (state.serving.id == one.id or state.serving.key == key):
            self._memory.settle(key, DONE, state.serving.id)
            return state.serving
        if state.serving and state.serving.created > one.created:
            said = "Somebody deployed after it; "
            raise self._no(key, f"{one.id} went into service. {said}{self._service.users()}")
        raise CannotTell(
            f"Railway says that {one.id} is in service, and lists another one as active; "
            f"{self._service.users_on(state.serving)}"
        )

    def _given_up(self, one: Seen) -> Seen:
        """Time is over: cancel it, so that it does not come through behind everybody's back."""
        self._say(f"{one.id} took longer than {self._within:.0f} s and is cancelled.")
        try:
            self._api.act("Cancel", id=one.id)
            return self._service.find(one.id)
        except Refused:
            return one
        except CannotTell as unknown:
            self._say(str(unknown))
            return one

    def _why(self, one: Seen) -> str:
        kind, name = statuses.kind(one.status), f"Railway's deployment {one.id}"
        if kind == "skipped":
            return (
                f"{name} is {statuses.said(one.status)} ({one.skipped_because}). The service's watch "
                "paths decide what is built."
            )
        if kind == "gone":
            newest = self._newest_after(one)
            by = f" The newest one is {self._service.name(newest)}." if newest else ""
            return f"{name} is {statuses.said(one.status)}.{by}"
        return f"{name} is {statuses.said(one.status)}.{self._phase(one)}{self._last_words(one)}"

    def _newest_after(self, one: Seen) -> Seen | None:
        try:
            later = [each for each in self._service.history() if each.created > one.created]
        except CannotTell:
            return None
        return later[0] if later else None

    def _phase(self, one: Seen) -> str:
        """Return in which phase it failed, where Railway tells."""
        try:
            told = self._api.ask("Phases", id=one.id, first=50)
            phases = [edge["node"] for edge in told["edges"]]
            failed = [each for each in phases if (each.get("payload") or {}).get("error")]
        except (CannotTell, KeyError, TypeError, AttributeError):
            return ""
        if not failed:
            return ""
        step = str(failed[-1]["step"]).lower().replace("_", " ")
        return f" In its {step}: {str(failed[-1]['payload']['error'])[:300]}."

    def _last_words(self, one: Seen) -> str:
        """Return the end of the build log, or of what it said; nothing where that is not told."""
        for operation in ("RuntimeLog", "BuildLog"):
            try:
                told = self._api.ask(operation, id=one.id, limit=8)
                lines = [str(line["message"])[:300] for line in told][-8:]
            except (CannotTell, KeyError, TypeError):
                continue
            if lines:
                return "\n".join(["", *(f"    {line}" for line in lines), ""])
        return ""

    def _refused(self, objected: Objected) -> str:
        if objected.why == "413":
            return (
                f"{objected} It is the commit's files, all of them: what is large there? Large files "
                f"belong into a volume or a bucket. {self._unmoved()}"
            )
        return f"{objected} {self._unmoved()}"

    def _unmoved(self) -> str:
        return f"Users were not moved; {self._service.users()}"

    def _no(self, key: str, reason: str) -> Refused:
        self._memory.settle(key, REFUSED, reason=reason)
        return Refused(reason)

    def _now(self) -> float:
        return self._tools.clock.now().timestamp()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

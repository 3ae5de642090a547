"""Put a commit's tree into service, and say how it ended: that very deployment's end, no other's."""

from __future__ import annotations

from collections.abc import Callable

from pitstop.adapters.platforms.railway import statuses
from pitstop.adapters.platforms.railway.api import Api
from pitstop.adapters.platforms.railway.following import Following
from pitstop.adapters.platforms.railway.memory import DONE, REFUSED, Memory
from pitstop.adapters.platforms.railway.seen import Seen
from pitstop.adapters.platforms.railway.service import Service
from pitstop.adapters.platforms.railway.uploading import Uploading
from pitstop.adapters.plugins import Tools
from pitstop.domain.change import Release
from pitstop.ports import CannotTell, Refused

_LINES = 8  # of a log, in a sentence about a failure


class Shipping:
    """Uploads, follows, judges."""

    def __init__(
        self,
        within: float,
        tools: Tools,
        api: Api,
        service: Service,
        memory: Memory,
        say: Callable[[str], None],
    ) -> None:
        self._within, self._clock, self._api = within, tools.clock, api
        self._service, self._memory, self._say = service, memory, say
        self._uploading = Uploading(tools, api, service, memory, say)

    def ship(self, release: Release) -> Seen:
        """Return the deployment that serves users from this release. Raises Refused, CannotTell."""
        note = self._memory.note(release.key)
        if note and note.state == REFUSED:
            raise Refused(note.reason)
        return self._followed(release.key, self._uploading.deployment_of(release))

    def end_what_is_under_way(self) -> None:
        """Cancel uploads that may still come through: whoever returns users has the last word."""
        for note in self._memory.begun():
            try:
                made = self._uploading.newest_of(note.key)
                if made is None:
                    self._say(
                        f"An upload of {note.commit[:12]} got no answer and does not show at Railway. "
                        "Should it come through later, return again."
                    )
                    continue
                if statuses.kind(made.status) in ("moving", "blocked"):
                    self._say(f"{made.id} is still under way and is cancelled.")
                    self._api.act("Cancel", id=made.id)
                reason = "Users were brought back meanwhile."
                self._memory.settle(note.key, REFUSED, made.id, reason)
            except CannotTell as unknown:
                self._say(str(unknown))

    # How

    def _followed(self, key: str, deployment_id: str) -> Seen:
        following = Following(self._api, self._clock, self._say, deployment_id)
        one = following.to_its_end(self._within)
        kind = statuses.kind(one.status)
        if kind in ("moving", "blocked"):
            raise self._given_up(key, one)
        if kind == "unknown":
            raise self._open(one)
        if kind == "good":
            return self._in_service(key, one)
        later = self._newest_after(one) if kind == "gone" else None
        if later and later.key == key:  # an upload that was given up came through after all
            return self._followed(key, later.id)
        raise self._no(key, self._why(one, later))

    def _in_service(self, key: str, one: Seen) -> Seen:
        """Return what serves users, if it is this; say who does instead."""
        serving = self._service.state().serving
        ours = serving and (serving.id == one.id or serving.key == key)
        if serving and ours and statuses.kind(serving.status) == "good":
            self._memory.settle(key, DONE, serving.id)
            return serving
        if serving and (ours or serving.created > one.created):
            what = "crashed after that." if ours else "somebody deployed after it."
            raise self._no(key, f"{one.id} went into service, and {what}")
        raise CannotTell(
            f"Railway says that {one.id} is in service, and does not list it as active; "
            f"{self._service.users_on(serving)} See Railway's dashboard, then: pitstop resume"
        )

    def _given_up(self, key: str, one: Seen) -> Refused | CannotTell:
        """Cancel what takes too long, so that it does not come through behind everybody's back."""
        within = f"{self._within:.0f} s"
        self._say(f"{one.id} took longer than {within} and is cancelled.")
        try:
            self._api.act("Cancel", id=one.id)
            now = self._service.find(one.id)
        except (CannotTell, Refused) as unknown:
            self._say(str(unknown))
            return self._open(one)
        if statuses.kind(now.status) != "gone":
            return self._open(now)
        return self._no(
            key,
            f"Railway's deployment {one.id} was {statuses.said(one.status)}. After {within} it was "
            "cancelled.",
        )

    def _open(self, one: Seen) -> CannotTell:
        return CannotTell(
            f"Railway's deployment {one.id} is {statuses.said(one.status)}. It may still go into "
            f"service; {self._service.users()} See Railway's dashboard, then: pitstop resume"
        )

    def _why(self, one: Seen, later: Seen | None) -> str:
        said = f"Railway's deployment {one.id} is {statuses.said(one.status)}"
        if statuses.kind(one.status) == "skipped":
            return f"{said} ({one.skipped_because}). Look at the service's watch paths."
        if statuses.kind(one.status) == "gone":
            return f"{said}." + (f" Newer: {self._service.name(later)}." if later else "")
        return f"{said}.{self._phase(one)}{self._last_words(one)}"

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
        """Return the end of what it said, or of its build's log; nothing where that is not told."""
        for operation in ("RuntimeLog", "BuildLog"):
            try:
                told = self._api.ask(operation, id=one.id, limit=_LINES)
                lines = [str(line["message"])[:300] for line in told][-_LINES:]
            except (CannotTell, KeyError, TypeError):
                continue
            if lines:
                return "\n".join(["", *(f"    {line}" for line in lines), ""])
        return ""

    def _no(self, key: str, reason: str) -> Refused:
        users = self._service.users()
        whole = f"{reason} {users[:1].upper()}{users[1:]}"
        self._memory.settle(key, REFUSED, reason=whole)
        return Refused(whole)

"""Hand a commit's tree to Railway, once per key: what a run that was cut off has sent is found first."""

from __future__ import annotations

from collections.abc import Callable

from pitstop.adapters.platforms.railway.api import Api, Limited, Objected, Silent
from pitstop.adapters.platforms.railway.archive import packed
from pitstop.adapters.platforms.railway.memory import BEGUN, Memory, Note
from pitstop.adapters.platforms.railway.seen import Seen, message
from pitstop.adapters.platforms.railway.service import Service
from pitstop.adapters.plugins import Tools
from pitstop.domain.change import Release
from pitstop.ports import CannotTell, Refused

LATE = 10.0  # seconds in which an upload that got no answer may still show up
_LOOK = 2.0


class Uploading:
    """Sends, and finds again what was sent, by the key in its message."""

    def __init__(
        self,
        tools: Tools,
        api: Api,
        service: Service,
        memory: Memory,
        say: Callable[[str], None],
    ) -> None:
        self._tools, self._api, self._say = tools, api, say
        self._service, self._memory = service, memory

    def deployment_of(self, release: Release) -> str:
        """Return the id of the deployment of a release: found, or uploaded now.

        Raises Refused (Railway does not take it) or CannotTell; users were not moved.
        """
        note = self._memory.note(release.key)
        made = self._sent_before(release.key, note)
        if made is None:
            return self._sent(release)
        self._say(f"Railway has this upload already: {made.id} is followed.")
        if note is None:
            self._memory.write(Note(release.key, release.commit, BEGUN, self._now()))
        self._memory.settle(release.key, BEGUN, made.id)
        return made.id

    def newest_of(self, key: str) -> Seen | None:
        """Return the newest deployment that was uploaded for a key. Raises CannotTell."""
        ours = [one for one in self._service.history() if one.key == key]
        return ours[0] if ours else None

    # How

    def _sent_before(self, key: str, note: Note | None) -> Seen | None:
        """Return what was uploaded for this key; wait a moment where it may be late."""
        if note and note.deployment_id:
            return self._service.find(note.deployment_id)
        until = self._now() + (LATE if note and note.state == BEGUN else 0.0)
        while (made := self.newest_of(key)) is None and self._now() < until:
            self._tools.clock.pause(_LOOK)
        return made

    def _sent(self, release: Release) -> str:
        here = self._service.scope()
        path = f"/project/{here.project}/environment/{here.environment}/up"
        query = {"serviceId": here.service, "message": message(release)}
        with packed(release, self._tools) as archive:
            self._tools.fence.check()
            self._memory.write(Note(release.key, release.commit, BEGUN, self._now()))
            self._say(f"uploading {archive.stat().st_size / 1e6:.1f} MB to Railway")
            try:
                answer = self._api.upload(path, archive, **query)
            except Objected as objected:
                self._memory.forget(release.key)
                raise Refused(self._refused(objected)) from None
            except Limited as limited:
                self._memory.forget(release.key)
                raise self._not_sent(limited) from None
            except Silent as silent:
                return self._perhaps(release, silent)
        self._memory.settle(release.key, BEGUN, str(answer["deploymentId"]))
        return str(answer["deploymentId"])

    def _perhaps(self, release: Release, silent: Silent) -> str:
        """Look whether an upload without an answer arrived; nothing is sent twice blindly."""
        if not silent.sent:
            self._memory.forget(release.key)
            raise self._not_sent(silent)
        self._say(f"{silent} It is looked whether the upload arrived.")
        made = self._sent_before(release.key, self._memory.note(release.key))
        if made is None:
            raise CannotTell(
                f"{silent} Nothing of this upload shows at Railway after {LATE:.0f} s. "
                f"{self._unmoved()} Try again: pitstop resume"
            )
        self._memory.settle(release.key, BEGUN, made.id)
        return made.id

    def _not_sent(self, why: CannotTell) -> CannotTell:
        return CannotTell(
            f"{why} Nothing was uploaded. {self._unmoved()} Try again: pitstop resume"
        )

    def _refused(self, objected: Objected) -> str:
        large = (
            " All files of the commit are sent, and nothing else: what is large there belongs into a "
            "volume or a bucket."
        )
        return f"{objected}{large if objected.why == '413' else ''} {self._unmoved()}"

    def _unmoved(self) -> str:
        return f"Users were not moved; {self._service.users()}"

    def _now(self) -> float:
        return self._tools.clock.now().timestamp()

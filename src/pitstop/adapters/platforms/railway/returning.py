"""Return users to an earlier deployment: by its kept image, by its source, or by its commit.

Railway's rollback is a deployment of its own, with an id that the call does not tell: it is looked
for, followed to its end, and its image compared.
"""

from __future__ import annotations

from collections.abc import Callable

from pitstop.adapters.platforms.railway import statuses
from pitstop.adapters.platforms.railway.api import Api, Limited, Objected, Silent
from pitstop.adapters.platforms.railway.following import Following
from pitstop.adapters.platforms.railway.memory import BEGUN, DONE, REFUSED, RETURN, Memory, Note
from pitstop.adapters.platforms.railway.seen import Seen
from pitstop.adapters.platforms.railway.service import Service
from pitstop.adapters.platforms.railway.shipping import Shipping
from pitstop.adapters.platforms.railway.variables import Variables
from pitstop.adapters.plugins import Tools
from pitstop.domain.change import Release
from pitstop.ports import CannotTell, Refused

FOUND_WITHIN = 60.0  # seconds until an accepted rollback shows as a deployment
_LOOK = 3.0


class Returning:
    """Rolls back, and sees that it is what was wanted."""

    def __init__(
        self,
        within: float,
        tools: Tools,
        api: Api,
        service: Service,
        memory: Memory,
        shipping: Shipping,
        say: Callable[[str], None],
    ) -> None:
        self._within, self._tools, self._api = within, tools, api
        self._service, self._memory, self._shipping = service, memory, shipping
        self._variables, self._say = Variables(api, memory), say
        self.also = ""  # what the last return took back beside the release

    def to(self, target: Seen) -> Seen:
        """Return the deployment that serves users from the target's image. Raises Refused, CannotTell."""
        self._shipping.end_what_is_under_way()
        state = self._service.state()
        if state.serving and self._is_back(state.serving, target):
            return state.serving
        made = self._made_before(target)
        if made is None:
            self._say_what_else(target)
            made = self._begun(target)
        return self._followed(target, made)

    # What is there

    def _is_back(self, serving: Seen, target: Seen) -> bool:
        """Return whether users are on the target, or on what an earlier return to it made."""
        if statuses.kind(serving.status) != "good":
            return False
        note = self._memory.note(_key(target))
        made_by_it = bool(note and note.deployment_id == serving.id and note.state == DONE)
        return serving.id == target.id or made_by_it

    def _made_before(self, target: Seen) -> Seen | None:
        """Return what a return that was cut off has begun already."""
        note = self._memory.note(_key(target))
        if not note or note.state != BEGUN:
            return None
        if note.deployment_id:
            return self._service.find(note.deployment_id)
        made = self._found(target, note.newest)
        if made and statuses.kind(made.status) in ("moving", "good"):
            return made
        return None

    # What is done

    def _begun(self, target: Seen) -> Seen:
        """Begin the quickest way back that Railway still has."""
        history = self._service.history()
        newest = history[0].id if history else ""
        self._tools.fence.check()
        commit = target.named_commit
        self._memory.write(Note(_key(target), commit, BEGUN, self._now(), newest))
        if self._service.find(target.id).can_roll_back:
            if made := self._rolled_back(target, newest):
                return made
        else:
            self._say(f"The image of {target.id} is gone at Railway: it must be built again.")
        return self._built_again(target)

    def _rolled_back(self, target: Seen, newest: str) -> Seen | None:
        """Ask for the rollback; return its deployment, or None where Railway said no."""
        try:
            accepted = self._api.act("RollBack", id=target.id)
        except Limited:
            raise
        except Objected as objected:
            self._say(f"{objected} It is built again instead.")
            return None
        except Silent as silent:
            if not silent.sent:
                raise
            self._say(f"{silent} It is looked whether the rollback was begun.")
            accepted = True
        if accepted is not True:
            self._say("Railway answered the rollback with no. It is built again instead.")
            return None
        until = self._now() + FOUND_WITHIN
        while (made := self._found(target, newest)) is None:
            if self._now() >= until:
                self._refuse_another_image(target, newest)
                raise CannotTell(
                    f"Railway accepted a rollback to {target.id}, and no deployment of it shows after "
                    f"{FOUND_WITHIN:.0f} s; {self._service.users()}"
                )
            self._tools.clock.pause(_LOOK)
        return made

    def _refuse_another_image(self, target: Seen, newest: str) -> None:
        """Refuse a rollback that Railway made of something else than what was wanted."""
        made = [one for one in self._newer(newest) if one.meta.get("reason") == "rollback"]
        if made:
            self._memory.settle(_key(target), REFUSED, made[0].id)
            raise Refused(
                f"Railway made {made[0].id} of the rollback, with another image than {target.id}; "
                f"{self._service.users()}"
            )

    def _built_again(self, target: Seen) -> Seen:
        if self._service.find(target.id).can_redeploy:
            try:
                told = self._api.act("Redeploy", id=target.id)
                return self._service.find(str(told["id"]))
            except Limited:
                raise
            except Objected as objected:
                self._say(f"{objected} Its commit is uploaded again instead.")
            except (KeyError, TypeError):
                raise CannotTell(
                    f"Railway took a redeploy of {target.id} and does not say what it made; "
                    f"{self._service.users()}"
                ) from None
        known = self._service.deployment(target)
        key = f"{_key(target)}@{self._now():.0f}"
        self._say(f"{known.commit[:12]} is uploaded again.")
        return self._shipping.ship(Release(key, known.commit, known.tree))

    def _found(self, target: Seen, newest: str) -> Seen | None:
        """Return the deployment that a rollback has made: newer than all before, and not another's."""
        alike = [one for one in self._newer(newest) if one.could_be(target)]
        return alike[0] if alike else None

    def _newer(self, newest: str) -> list[Seen]:
        """Return the deployments that came after the one that was the newest, the latest first."""
        history = self._service.history()
        before = next((n for n, one in enumerate(history) if one.id == newest), len(history))
        return history[:before]

    def _followed(self, target: Seen, made: Seen) -> Seen:
        self._memory.settle(_key(target), BEGUN, made.id)
        following = Following(self._api, self._tools.clock, self._say, made.id)
        one = following.to_its_end(self._within)
        if not statuses.over(one.status):
            raise CannotTell(
                f"The return to {target.id} is under way as {one.id} and is not over after "
                f"{self._within:.0f} s ({statuses.said(one.status)}); {self._service.users()}"
            )
        state = self._service.state()
        there = state.serving
        if there and statuses.kind(there.status) == "good" and there.is_image_of(target):
            self._memory.settle(_key(target), DONE, there.id)
            return there  # whichever of two returns to one image came last
        if statuses.kind(one.status) != "good" or there is None:
            self._memory.settle(_key(target), REFUSED)
            raise Refused(
                f"The return to {target.id} as {one.id} did not come into service: "
                f"{statuses.said(one.status)}; {self._service.users_on(there)}"
            )
        if there.id != one.id:
            self._memory.settle(_key(target), REFUSED)
            raise Refused(
                f"{one.id} went into service, and somebody deployed after it; "
                f"{self._service.users_on(there)}"
            )
        self._same_image(target, there)
        self._memory.settle(_key(target), DONE, there.id)
        return there

    def _same_image(self, target: Seen, there: Seen) -> None:
        """Refuse another image; one that was built again has another digest and the same commit."""
        if there.is_image_of(target) or there.meta.get("reason") == "redeploy" or there.key:
            return
        if there.is_image_of(target) is None and there.could_be(target) and there.named_commit:
            return  # Railway tells no digest; its commit is the same
        if there.is_image_of(target) is None:
            raise CannotTell(
                f"Railway does not say whether {there.id} runs the image of {target.id}; "
                f"{self._service.users_on(there)}"
            )
        self._memory.settle(_key(target), REFUSED)
        raise Refused(
            f"{there.id} went into service with another image than {target.id}; "
            f"{self._service.users_on(there)}"
        )

    def _say_what_else(self, target: Seen) -> None:
        """Say which variables go back with it; that this is not known stops no rollback."""
        self.also = ""
        try:
            names = self._variables.taken_back(self._service.scope(), target.id)
        except CannotTell as unknown:
            self._say(str(unknown))
            return
        if names:
            self.also = (
                "Railway returns the variables, too. Changed since, and taken back now: "
                f"{', '.join(names)}."
            )
            self._say(self.also)

    def _now(self) -> float:
        return self._tools.clock.now().timestamp()


def _key(target: Seen) -> str:
    return f"{RETURN}{target.id}"

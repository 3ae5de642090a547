"""A service on Railway, as the procedure sees it.

What Railway says when it is asked is what counts: a deployment is in service when it is the active
one, whatever a socket, an upload's answer or a rollback's *true* said before.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from pitstop.adapters.platforms.railway import by_hand, statuses
from pitstop.adapters.platforms.railway.api import ASKED, Api, Limited, Silent
from pitstop.adapters.platforms.railway.findings import KEPT, TAKEN_BACK, Findings
from pitstop.adapters.platforms.railway.memory import DONE, Memory, Note
from pitstop.adapters.platforms.railway.requests import MemoryMeter, Requests, RequestStream
from pitstop.adapters.platforms.railway.returning import Returning
from pitstop.adapters.platforms.railway.seen import Seen
from pitstop.adapters.platforms.railway.service import Service
from pitstop.adapters.platforms.railway.settings import RailwaySettings
from pitstop.adapters.platforms.railway.shipping import Shipping
from pitstop.adapters.platforms.railway.variables import Variables
from pitstop.adapters.platforms.shell import health
from pitstop.adapters.plugins import Tools
from pitstop.domain.change import Deployment, Finding, Release, Returned
from pitstop.gate import Interval
from pitstop.ports import CannotTell, Refused


class RailwayPlatform:
    """Deploys, returns and looks over Railway's API."""

    Settings = RailwaySettings

    def __init__(self, settings: RailwaySettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._api, self._memory = Api(settings, tools), Memory(tools.home)
        self._service = Service(settings, tools, self._api, self._memory)
        self._variables = Variables(self._api, self._memory)
        within = settings.within.total_seconds()
        parts = (tools, self._api, self._service, self._memory)
        self._shipping = Shipping(within, *parts, tools.say)
        self._returning = Returning(within, *parts, self._shipping, tools.say)
        self._findings = Findings(settings, self._api, self._service)
        self._requests = Requests(self._api, tools.clock, self._service)

    # What is there

    def findings(self) -> list[Finding]:
        """Say what is ready and what is not; change nothing."""
        return self._findings.all()

    def running(self) -> Deployment | None:
        """Return what users are served by now; None when nothing is in service.

        Asked again and again, it may be an answer of the last seconds: see ``Service``.
        """
        with _only_asked():
            serving = self._service.state_lately().serving
        return self._service.deployment(serving) if serving else None

    def deployments(self) -> list[Deployment]:
        """Return every deployment that can be returned to, newest first."""
        with _only_asked():
            serving, history = self._service.state().serving, self._service.history()
        found = []
        for one in history:
            if (serving and one.id == serving.id) or self._can_be_returned_to(one):
                try:
                    found.append(self._service.deployment(one, history))
                except CannotTell:
                    continue  # of a commit that nobody knows: a return could not be verified
        return found

    def healthy(self, deployment_id: str | None = None) -> tuple[bool, str]:
        """Ask once: is what users get (or that deployment) healthy, and what was seen."""
        try:
            if deployment_id or not self._health():
                serving = self._service.state_lately().serving
                if deployment_id and (serving is None or serving.id != deployment_id):
                    return False, f"{deployment_id} does not serve users"
                if serving and statuses.kind(serving.status) != "good":
                    return False, f"Railway: {statuses.said(serving.status)}"
                if not self._health():
                    return _by_status(serving)
            return health.ask(f"{self.address()}{self._health()}")
        except CannotTell as unknown:
            return False, str(unknown)

    def address(self) -> str:
        """Return the URL that reaches production. Raises CannotTell where there is no domain."""
        url = self._service.url_or_none()
        if url is None:
            self._service.state()
            url = self._service.url_or_none()
        if url is None:
            raise CannotTell(
                "The service has no domain at Railway, so it is not known where production answers. "
                "Make one there (Settings, Networking), or set platform.url."
            )
        return url

    def logs(self, deployment_id: str | None = None) -> str:
        """Return the end of the log of what serves users, or of one deployment. Raises CannotTell."""
        wanted = deployment_id or self._serving_id()
        told = self._api.ask("RuntimeLog", id=wanted, limit=500)
        return "\n".join(f"{line['timestamp'][:19]}Z {line['message']}" for line in told[-500:])

    def intervals(
        self, since: datetime, until: datetime, deployment_id: str | None = None
    ) -> list[Interval]:
        """Return users' requests by the second, from Railway's HTTP logs. Raises CannotTell."""
        return self._requests.intervals(since, until, deployment_id)

    def follow(self, since: datetime, deployment_id: str | None = None) -> RequestStream:
        """Return users' requests from a moment on, as Railway tells them."""
        return self._requests.follow(since, deployment_id)

    def meters(self) -> list[MemoryMeter]:
        """Return what can be read of the service every few seconds."""
        return [MemoryMeter(self._api, self._tools.clock, self._service)]

    def warnings(self) -> list[str]:
        """Return what a deploy, or a rollback, does to users and variables. Raises CannotTell."""
        said = self._service.change_over(self._service.state())
        return [*said, KEPT, TAKEN_BACK]

    def keep(self, deployment_id: str) -> None:
        """Remember a rollback point: its image, its message, its variables.

        How long the image itself stays is Railway's matter.
        """
        try:
            one = self._service.find(deployment_id)
            facts = {
                "digest": one.digest,
                "message": one.message,
                "can_roll_back": one.can_roll_back,
            }
            self._memory.keep_point(deployment_id, facts)
            self._variables.keep(self._service.scope(), deployment_id)
        except (CannotTell, Refused) as unknown:  # then a rollback takes them back unsaid
            self._tools.say(str(unknown))

    def restart(self, deployment_id: str) -> None:
        """Start a deployment's process anew, without a build. Raises CannotTell."""
        self._act("Restart", deployment_id)

    def stop(self, deployment_id: str) -> None:
        """Stop a deployment's process; its users get nothing. Raises CannotTell."""
        self._act("Stop", deployment_id)

    def let_go(self, deployment_id: str) -> None:
        """Do nothing, see ``keep``."""

    def close(self) -> None:
        """Close the connections to Railway."""
        self._requests.close()
        self._api.close()

    # What is put into service

    def deploy(self, release: Release) -> Deployment:
        """Put a release into service, once per key; users are moved when Railway calls it healthy."""
        with _only_asked():
            serving, note = self._service.state().serving, self._memory.note(release.key)
        if serving and self._is_of(serving, release) and statuses.kind(serving.status) == "good":
            self._memory.write(Note(release.key, release.commit, DONE, self._now(), "", serving.id))
            return self._in_service(serving, release)
        if note and note.state == DONE:
            raise Refused(
                f"{note.deployment_id} ({note.commit[:12]}) was in service already and users were "
                f"moved away from it; {self._service.users_on(serving)} To serve it again: "
                f"{self.restore_command(note.deployment_id)}"
            )
        began = self._now()
        return self._in_service(self._shipping.ship(release), release, self._now() - began)

    def return_to(self, deployment_id: str) -> Deployment:
        """Serve users from an earlier deployment again; does nothing when they already are."""
        target = self._with_image(self._service.find(deployment_id))
        wanted = self._service.deployment(target)
        began = self._now()
        there = self._returning.to(target)
        if there.id == target.id:
            return self._service.deployment(there)
        known = self._memory.deployment(there.id)
        took = round(self._now() - began, 1)
        back = replace(wanted, id=there.id, at=known.at if known and known.at else there.since)
        back = self._memory.remember(replace(back, took=known.took if known else took))
        return Returned(**vars(back), also=self._returning.also) if self._returning.also else back

    # The same by hand

    def restore_command(self, deployment_id: str) -> str:
        """Return one command that returns to a deployment, for any plain shell."""
        try:
            known = self._service.scope_known()
        except CannotTell:
            known = None
        return by_hand.rollback(self._settings, deployment_id, known)

    def return_commands(self, deployment_id: str) -> list[str]:
        """Return what brings users back to a deployment."""
        return [self.restore_command(deployment_id)]

    def deploy_commands(self, release: Release) -> list[str]:
        """Return what puts a release into service, line after line. Raises CannotTell."""
        here, installed = self._service.scope_known(), bool(shutil.which("railway"))
        where = self._tools.repository
        return by_hand.upload(self._settings, here, release, where, program=installed)

    def look_commands(self) -> list[str]:
        """Return what says which deployment users get, and then whether it is healthy."""
        asked = [by_hand.serving(self._settings, self._service.scope_known())]
        try:
            path = self._health()
            return [*asked, by_hand.health(f"{self.address()}{path}")] if path else asked
        except CannotTell:
            return asked

    # How

    def _act(self, operation: str, deployment_id: str) -> None:
        self._service.scope()
        if self._api.act(operation, id=deployment_id) is not True:
            raise CannotTell(f"Railway answered {operation} of {deployment_id} with no.")

    def _in_service(self, one: Seen, release: Release, took: float | None = None) -> Deployment:
        """Remember that users are served by a release, and since when."""
        known = self._memory.deployment(one.id)
        if known and known.at:
            return known
        tree = self._tree(release)
        at = one.since or self._tools.clock.now().isoformat().replace("+00:00", "Z")
        url = self._service.url_or_none() or ""
        seconds = None if took is None else round(took, 1)
        return self._memory.remember(Deployment(one.id, release.commit, tree, url, at, seconds))

    def _with_image(self, target: Seen) -> Seen:
        """Return a target with the image that it had when it was the rollback point."""
        digest = self._memory.point(target.id).get("digest")
        if target.digest or not digest:
            return target
        return replace(target, meta={**target.meta, "imageDigest": digest})

    def _tree(self, release: Release) -> str:
        here = self._tools.commit(release.commit)
        return release.tree or (here[1] if here else "")

    def _is_of(self, serving: Seen, release: Release) -> bool:
        if serving.key == release.key:
            return True
        try:
            return self._service.deployment(serving).commit == release.commit
        except CannotTell:
            return False

    def _can_be_returned_to(self, one: Seen) -> bool:
        return one.can_roll_back and statuses.kind(one.status) in ("good", "gone")

    def _serving_id(self) -> str:
        serving = self._service.state_lately().serving
        if serving is None:
            raise CannotTell("Nothing is in service at Railway.")
        return serving.id

    def _health(self) -> str | None:
        return self._settings.health or self._service.health_path()

    def _now(self) -> float:
        return self._tools.clock.now().timestamp()


@contextlib.contextmanager
def _only_asked() -> Iterator[None]:
    """Say of a question without an answer what that means for production: nothing."""
    try:
        yield
    except (Silent, Limited) as unknown:
        raise CannotTell(f"{unknown} {ASKED}") from unknown


def _by_status(serving: Seen | None) -> tuple[bool, str]:
    """Say how it is where no path is known that says so."""
    if serving is None:
        return False, "nothing is in service"
    said = f"Railway: {statuses.said(serving.status)}"
    return not serving.stopped, f"{said}; its process ended" if serving.stopped else said

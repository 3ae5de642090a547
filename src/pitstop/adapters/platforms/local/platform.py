"""The embedded platform, as the procedure sees it."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from pitstop.adapters._memory import resident
from pitstop.adapters._run import Runner
from pitstop.adapters.platforms.local import health, prune, report
from pitstop.adapters.platforms.local.ground import Ground
from pitstop.adapters.platforms.local.launch import Launch
from pitstop.adapters.platforms.local.releases import FAILED, RUNNING, STOPPED, Kept, Releases
from pitstop.adapters.platforms.local.settings import LocalSettings
from pitstop.domain.change import Candidate, Deployment, Finding, Release
from pitstop.ports import CannotTell, Clock, Fence, Refused


class LocalPlatform:
    """Releases on this machine, switched by the proxy without losing a request.

    Every method looks before it acts: called again after it was cut off anywhere, it arrives at
    the same state. What is live stands in the proxy's routes file and nowhere else.
    """

    def __init__(
        self,
        service: str,
        settings: LocalSettings,
        *,
        home: Path,
        checkouts: Path,
        export: Callable[[str, Path], str],
        runner: Runner,
        fence: Fence,
        clock: Clock,
    ) -> None:
        self._service, self._settings, self._home = service, settings, home
        self._fence, self._clock = fence, clock
        self._releases = Releases(home, checkouts, settings, export, runner)
        self._ground = Ground(home, settings, runner, clock, self._releases)
        self._proxy = self._ground.proxy
        self._launch = Launch(home, settings, self._ground, self._releases, fence, clock)

    # What is there

    @property
    def listen(self) -> str:
        """Return where users reach the service: host and port."""
        return self._settings.listen

    def findings(self) -> list[Finding]:
        """Say what is ready and what is not; change nothing."""
        return [
            report.of_address(self._settings, self._ground),
            report.of_room(self._home),
            self._finding_of_service(),
        ]

    def running(self) -> Deployment | None:
        """Return what users are served by now; None when nothing was ever put into service."""
        if not self._proxy.route().live:
            return None
        self._ground.ensure_again()
        live = self._proxy.settled().live
        return self._deployment(self._need(live)) if live else None

    def deployments(self) -> list[Deployment]:
        """Return every deployment that can be returned to, newest first."""
        live = self._proxy.route().live
        return [
            self._deployment(kept)
            for kept in self._releases.all()
            if kept.id == live or (kept.at and self._releases.has_files(kept))
        ]

    def healthy(self, deployment_id: str | None = None) -> tuple[bool, str]:
        """Ask once: is what users get (or that deployment) healthy, and what was seen."""
        self._ground.ensure_again()
        if deployment_id:
            kept = self._releases.get(deployment_id)
            return self._launch.healthy(kept) if kept else (False, f"{deployment_id} is gone")
        return self._healthy_now()

    def _healthy_now(self) -> tuple[bool, str]:
        live, port = self._proxy.route().live, self._proxy.probe_port()
        if not (live and port):
            return False, "nothing is in service"
        return health.ask("127.0.0.1", port, self._need(live).health)

    def address(self) -> str:
        """Return the URL that reaches production without counting as a user."""
        port = self._proxy.probe_port()
        if not port:
            raise CannotTell(f"{self._service} was never put into service. Do it: pitstop local up")
        return f"http://127.0.0.1:{port}"

    def restore_command(self, deployment_id: str) -> str:
        """Return the exact command with which a person returns to a deployment by hand."""
        return f'pitstop rollback --service {self._service} --to {deployment_id} --reason "..."'

    def access_logs(self) -> list[Path]:
        """Return the files that hold users' requests, oldest first."""
        newest = self._proxy.access_log
        old = [p for p in newest.parent.glob(f"{newest.name}.*") if p.suffix[1:].isdigit()]
        found = sorted(old, key=lambda path: -int(path.suffix[1:]))
        return [*found, newest] if newest.exists() else found

    def memory(self) -> int:
        """Return the resident bytes of the live release and its children; brings nothing back."""
        name = self._proxy.route().live or ""
        pid = self._ground.supervisor.process(name)
        if not pid:
            raise CannotTell(f"{name or 'the service'} does not run.")
        return resident(pid)

    # What is put into service

    def stage(self, release: Release) -> Candidate:
        """Build, start and wait until healthy, once per key. Raises Refused with the reason."""
        with self._in_words():
            self._ground.ensure()
            kept = self._staged(release)
        return Candidate(kept.id, _url(kept))

    def discard(self, key: str) -> None:
        """Stop the candidate of this key if users were never moved to it."""
        kept, route = self._releases.of_key(key), self._proxy.route()
        if not kept or kept.at or kept.id in (route.live, route.beside):
            return
        with self._in_words():
            self._ground.ensure()
            if kept.wanted:
                self._launch.drain(kept)  # a share of the users may have been here
            kept = self._launch.stop(kept, FAILED if kept.state == FAILED else STOPPED, kept.reason)
            self._releases.remove_files(kept)

    def deploy(self, release: Release) -> Deployment:
        """Put a release into service, once per key; the previous one stays parked."""
        with self._in_words():
            self._ground.ensure()
            kept = self._releases.of_key(release.key)
            if not kept or self._proxy.route().live != kept.id:
                if kept and kept.at:
                    raise Refused(self._served_before(kept))
                kept = self._staged(release)
                self._switch(kept)
        self._proxy.settled()
        self._tidy_up(abandoned=True)
        return self._deployment(self._need(kept.id))

    def split(self, deployment_id: str, percent: int) -> Deployment:
        """Give a staged release a share of the users; they are moved by chance, request by request."""
        kept, route = self._need(deployment_id), self._proxy.route()
        if (route.beside, route.percent) != (kept.id, percent):
            with self._in_words():
                if not route.live or route.live == kept.id or kept.state != RUNNING:
                    raise Refused(f"{kept.id} cannot stand beside. {self._launch.users()}")
                self._note_served()
                self._proxy.know(self._ground.ports())
                self._fence.check()
                self._proxy.split(kept.id, percent)
        since = self._proxy.settled().since
        return replace(self._deployment(kept), at=since)

    def return_to(self, deployment_id: str) -> Deployment:
        """Serve users from a kept deployment again; only a switch when it is parked."""
        kept = self._need(deployment_id)
        route = self._proxy.route()
        if route.live != deployment_id or route.beside:
            with self._in_words():
                if not kept.at and route.live != kept.id:
                    raise Refused(f"{kept.id} was never in service. {self._launch.users()}")
                if kept.state != RUNNING or not self._launch.healthy(kept)[0]:
                    kept = self._started_again(kept)
                if not self._proxy.answers():
                    self._ground.ensure()
                self._switch(kept)
        self._proxy.settled()
        return self._deployment(self._need(deployment_id))

    def retire(self, deployment_id: str) -> None:
        """Drain and stop a parked deployment; its files stay as a rollback target."""
        kept = self._releases.get(deployment_id)
        if not kept:
            return
        with self._in_words():
            self._ground.ensure()
            if self._proxy.settled().live == deployment_id:
                raise Refused(f"{deployment_id} serves users; it was not stopped.")
            if kept.wanted:
                self._launch.drain(kept)
            self._launch.stop(kept, STOPPED if kept.wanted else kept.state, kept.reason)
        self._tidy_up()

    def keep(self, deployment_id: str) -> None:
        """Never prune this deployment until ``let_go``."""
        self._pin(deployment_id, True)

    def let_go(self, deployment_id: str) -> None:
        """Take back ``keep``."""
        if self._releases.get(deployment_id):
            self._pin(deployment_id, False)

    # The service as a whole

    def up(self, commit: str) -> Deployment:
        """Return when the service answers: from this commit the first time, later as recorded."""
        live = self._proxy.route().live
        if not live:
            return self.deploy(Release(key=f"up-{commit}", commit=commit, tree=""))
        with self._in_words():
            self._ground.ensure()
            self._ground.apply_settings()
            self._started_again(self._need(live))
            for kept in self._releases.all():
                if kept.state == RUNNING and kept.id != live:
                    with contextlib.suppress(Refused):  # users do not need it
                        self._started_again(kept)
        self._tidy_up()
        return self._deployment(self._need(self._proxy.settled().live or live))

    def down(self) -> None:
        """Stop the service; ``up`` brings back what was live."""
        self._fence.check()
        self._ground.take_down()

    def status(self) -> dict[str, object]:
        """Return what runs and what is kept, as plain data."""
        return report.status(self._service, self._settings, self._ground, self._releases)

    # How

    def _staged(self, release: Release) -> Kept:
        kept = self._releases.of_key(release.key)
        self._fence.check()
        if not kept:
            kept = self._releases.open(release, self._clock.now())
        try:
            kept = self._releases.build(kept)
        except Refused as no:
            self._releases.save(replace(kept, state=FAILED, reason=str(no)))
            raise Refused(f"{no} {self._launch.users()}") from None
        return self._launch.start(kept)

    def _started_again(self, kept: Kept) -> Kept:
        self._ground.ensure()
        if not self._releases.has_files(kept):
            raise Refused(
                f"The files of {kept.id} ({kept.commit[:7]}) are gone. {self._launch.users()} "
                "See what can be returned to: pitstop local status"
            )
        return self._launch.start(kept)

    def _switch(self, kept: Kept) -> None:
        self._note_served()
        self._proxy.know(self._ground.ports())
        self._fence.check()
        self._proxy.switch(kept.id)
        with contextlib.suppress(OSError):  # noted again before the next switch
            self._note_served()

    def _note_served(self) -> None:
        """Write into the live release's record when users were first served by it."""
        route = self._proxy.route()
        live = self._releases.get(route.live) if route.live else None
        if live and not live.at:
            self._releases.save(replace(live, at=route.since))

    def _tidy_up(self, *, abandoned: bool = False) -> None:
        """Prune; what was done before stays done whatever comes of it."""
        with contextlib.suppress(OSError, Refused, CannotTell):
            self._fence.check()
            prune.prune(
                self._releases,
                self._launch,
                self._proxy.route().live,
                keep=self._settings.keep,
                abandoned=abandoned,
            )

    def _pin(self, deployment_id: str, pinned: bool) -> None:
        with self._in_words():
            self._releases.save(replace(self._need(deployment_id), pinned=pinned))

    def _need(self, deployment_id: str) -> Kept:
        kept = self._releases.get(deployment_id)
        if not kept:
            raise Refused(
                f"There is no deployment {deployment_id} of {self._service} any more. "
                f"{self._launch.users()} See what there is: pitstop local status"
            )
        return kept

    def _served_before(self, kept: Kept) -> str:
        return (
            f"{kept.id} ({kept.commit[:7]}) was in service already and users were moved away from "
            f"it. {self._launch.users()} To serve it again: {self.restore_command(kept.id)}"
        )

    def _deployment(self, kept: Kept) -> Deployment:
        route = self._proxy.route()
        at = kept.at or (route.since if route.live == kept.id and not route.beside else None)
        warm = kept.state == RUNNING and route.live != kept.id  # returning to it is a switch only
        took = 0.0 if warm else kept.took
        return Deployment(kept.id, kept.commit, kept.tree, _url(kept), at, took)

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        """Say in a sentence what the disk or the system did not allow."""
        try:
            yield
        except OSError as error:
            what = "The disk is full" if error.errno == errno.ENOSPC else "The machine said no"
            raise Refused(f"{what}: {error}. {self._launch.users()}") from error

    def _finding_of_service(self) -> Finding:
        """Look, and bring nothing back that died: a preflight changes nothing."""
        if not self._proxy.route().live:
            return Finding("service", "failed", "Nothing is in service yet", "pitstop local up")
        try:
            live = self._need(self._proxy.settled().live or "")
            well, said = self._healthy_now()
        except (CannotTell, Refused) as unknown:
            return Finding("service", "failed", str(unknown), "pitstop local up")
        name = f"{live.commit[:7]} ({live.id})"
        if not self._ground.supervisor.answers():
            said = f"{name} serves users, but nobody would start it again: supervisord is gone"
            return Finding("service", "warning", said, "pitstop local up")
        if well:
            return Finding("service", "ok", f"{name} is healthy: {said}")
        return Finding("service", "warning", f"{name} is not healthy: {said}", "pitstop local up")


def _url(kept: Kept) -> str:
    return f"http://127.0.0.1:{kept.port}"

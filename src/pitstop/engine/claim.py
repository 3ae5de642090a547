"""Hold a service's claim on the git remote while a run lives, with a heartbeat while it executes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

from pitstop.adapters.forges.claims import Claim, GitClaims
from pitstop.ports import CannotTell, Clock, Refused

BEAT = 10.0  # seconds between heartbeats on the remote
LONG = 30.0  # seconds that a beat under way is waited for; a remote that takes longer is silent
STILL = 2.5 * BEAT  # seconds without one after which nobody executes the claim's run


class HeldClaim:
    """One run's hold on ``refs/pitstop/<service>``.

    A claim of this same clone passes between its runs, whose order its own locks keep; somebody
    else's claim is never taken here, only by ``pitstop take-over``.
    """

    def __init__(
        self,
        claims: GitClaims,
        *,
        background: GitClaims,
        service: str,
        owner: str,
        run: str,
        machine: str,
        now: Callable[[], str],
        pause: Callable[[float], None],
    ) -> None:
        self._claims, self._background = claims, background
        self._service, self._now, self._pause = service, now, pause
        self._owner, self._run, self._machine = owner, run, machine
        self._mine: Claim | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()

    def take(self, reason: str) -> None:
        """Claim the service for this run; raises Refused with who has it."""
        with self._between_beats():
            for _ in range(3):
                found = self._claims.read(self._service)
                if found and found.machine != self._machine:
                    raise Refused(_held_by(found))
                if found and found.run == self._run:
                    self._mine = found
                    return
                wanted = Claim(
                    service=self._service,
                    sha="",
                    owner=self._owner,
                    since=self._now(),
                    reason=reason,
                    run=self._run,
                    machine=self._machine,
                    rollback_point=found.rollback_point if found else None,
                    restore_command=found.restore_command if found else None,
                    heartbeat=None,  # idle until somebody executes the run for longer
                    taken_over_from=None,
                )
                self._mine = self._claims.take(wanted, found.sha if found else None)
                if self._mine:
                    return
        raise Refused(f"Somebody else claimed {self._service} at this moment. Look: pitstop status")

    def note(self, rollback_point: str, restore_command: str) -> None:
        """Let others see how production is returned, should this machine be lost."""
        facts = {"rollback_point": rollback_point, "restore_command": restore_command}
        with contextlib.suppress(Refused, CannotTell), self._between_beats():
            self._renew(self._claims, **facts)  # who took it over is seen before the deploy

    def release(self) -> None:
        """Give the claim back, if it is still ours."""
        self._stop.set()
        with self._between_beats():
            self._mine = None
            if found := self._taken_before(self._claims):
                self._claims.release(found)

    def keep_alive(self) -> None:
        """Beat on the remote from a thread, until the process ends or the claim is lost."""
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(Refused, CannotTell), self._lock:
                if not self._stop.is_set():
                    self._renew(self._background)
            self._stop.wait(BEAT)

    @contextlib.contextmanager
    def _between_beats(self) -> Iterator[None]:
        """Keep the next beat from beginning; wait for one under way, with our own heart beating."""
        waited = 0.0
        while not self._lock.acquire(blocking=False):
            if waited > LONG:
                raise CannotTell(
                    "The remote has not answered a heartbeat for so long that it is silent."
                )
            self._pause(0.05)
            waited += 0.05
        try:
            yield
        finally:
            self._lock.release()

    def _renew(self, claims: GitClaims, **facts: str) -> None:
        self._mine = self._mine or self._taken_before(claims)
        if self._mine:
            self._mine = claims.renew(self._mine, heartbeat=self._now(), **facts)

    def _taken_before(self, claims: GitClaims) -> Claim | None:
        """Return the claim that an earlier process of this run took."""
        found = claims.read(self._service)
        ours = found and (found.run, found.machine) == (self._run, self._machine)
        return found if ours else None


def beats(claims: GitClaims, claim: Claim, clock: Clock) -> bool:
    """Return whether somebody executes a claim's run; looks for up to ``STILL`` seconds.

    Clocks of two machines differ: what is seen is whether the ref changes, by our own clock.
    """
    if claim.heartbeat is None:
        return False
    until = clock.now() + timedelta(seconds=STILL)
    while clock.now() < until:
        clock.pause(1.0)
        found = claims.read(claim.service)
        if found is None or found.sha != claim.sha:
            return found is not None
    return False


def _held_by(claim: Claim) -> str:
    return (
        f"{claim.owner} has claimed {claim.service} since {claim.since} ({claim.reason}). If they are "
        "gone: pitstop take-over --reason TEXT"
    )

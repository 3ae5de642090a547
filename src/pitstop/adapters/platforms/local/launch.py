"""One release as a program: started, healthy, drained, stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from pitstop.adapters import _processes
from pitstop.adapters.platforms.local import files, health, listeners
from pitstop.adapters.platforms.local.ground import Ground
from pitstop.adapters.platforms.local.releases import (
    FAILED,
    RUNNING,
    STARTING,
    STOPPED,
    Kept,
    Releases,
)
from pitstop.adapters.platforms.local.settings import LocalSettings
from pitstop.ports import Clock, Fence, Refused

_GOOD_ANSWERS = 3  # one after the other, so that a lucky first answer does not count
_EXITS = 2
_LOOK = 0.05


class Launch:
    """Starts and stops releases; the fence is asked before each change of the world."""

    def __init__(
        self,
        home: Path,
        settings: LocalSettings,
        ground: Ground,
        releases: Releases,
        fence: Fence,
        clock: Clock,
    ) -> None:
        self._home, self._settings = home, settings
        self._ground, self._releases = ground, releases
        self._fence, self._clock = fence, clock

    def healthy(self, kept: Kept) -> tuple[bool, str]:
        """Ask a release once; an answer counts only if it is the release that gives it."""
        leader = self._ground.supervisor.process(kept.id)
        if leader is None:
            return False, f"{kept.id} does not run"
        if not listeners.is_listener(leader, kept.port):
            if listeners.sockets_on(kept.port):
                return False, f"port {kept.port} is taken by {listeners.who(kept.port)}"
            return False, f"{kept.id} does not listen on its port {kept.port}"
        return health.ask("127.0.0.1", kept.port, kept.health)

    def start(self, kept: Kept) -> Kept:
        """Return the release when it runs, is healthy and known to the proxy. Raises Refused."""
        if kept.state != RUNNING or not self.healthy(kept)[0]:
            began = self._clock.now()
            kept, before = self._set_going(kept)
            trouble = self._await_health(kept, before)
            if trouble:
                raise Refused(self._give_up(kept, trouble))
            took = round((self._clock.now() - began).total_seconds(), 1)
            kept = self._releases.save(replace(kept, state=RUNNING, reason="", took=took))
        self._ground.proxy.know(self._ground.ports())
        return kept

    def stop(self, kept: Kept, state: str = STOPPED, reason: str = "") -> Kept:
        """Take a release that serves no users from the proxy, then stop it."""
        self._fence.check()
        kept = self._releases.save(replace(kept, state=state, reason=reason))
        self._ground.proxy.know(self._ground.ports())
        self._ground.supervisor.run(self._ground.programs())
        return kept

    def drain(self, kept: Kept) -> None:
        """Wait until the release has answered everything, or for as long as settings say."""
        quiet, until = 0, self._clock.now() + self._settings.drain
        while quiet < _GOOD_ANSWERS and self._clock.now() < until:
            quiet = 0 if self._ground.proxy.active(kept.id) else quiet + 1
            self._clock.pause(_LOOK)

    def _set_going(self, kept: Kept) -> tuple[Kept, str | None]:
        """Start the program if it does not run; return also who ran under its name before."""
        supervisor = self._ground.supervisor
        self._ground.ensure()  # the build may have taken long
        self._fence.check()
        kept = self._ground.with_port(kept)
        self._ground.describe(kept)
        running = supervisor.process(kept.id)
        before = None if running else supervisor.last(kept.id)
        kept = self._releases.save(replace(kept, state=STARTING))
        known = kept.id in supervisor.states()
        supervisor.run(self._ground.programs())
        if known and not running:
            supervisor.start_again(kept.id)
        return kept, before

    def _await_health(self, kept: Kept, before: str | None) -> str:
        """Return an empty string when the release is healthy, or why it never was."""
        good, ended, until = 0, set[str](), self._clock.now() + self._settings.ready_within
        while True:
            well, said = self.healthy(kept)
            good = good + 1 if well else 0
            if good == _GOOD_ANSWERS:
                return ""
            last = self._ground.supervisor.last(kept.id)
            if last and last != before and not _processes.alive(last):
                ended.add(last)
            if len(ended) == _EXITS:
                return f"exited {_EXITS} times before it was healthy"
            if self._clock.now() > until:
                return f"was not healthy within {_seconds(self._settings.ready_within)}: {said}"
            self._clock.pause(_LOOK)

    def _give_up(self, kept: Kept, trouble: str) -> str:
        log = self._home / "log" / f"{kept.id}.log"
        if self._ground.proxy.route().live != kept.id:
            self.stop(kept, FAILED, trouble)
        said = files.tail(log)
        return (
            f"Release {kept.commit[:7]} ({kept.id}) {trouble}."
            + (f" It said last:\n{said}\n" if said else " It said nothing. ")
            + f"{self.users()} See {log}"
        )

    def users(self) -> str:
        """Say what users are served by, for the sentence about a refusal."""
        live = self._ground.proxy.route().live
        kept = self._releases.get(live) if live else None
        if not kept:
            return "Nothing is in service."
        return f"Users were not moved; they are on {kept.commit[:7]} ({kept.id})."


def _seconds(within: timedelta) -> str:
    return f"{within.total_seconds():g} s"

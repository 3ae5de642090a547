"""What every release stands on: folders, supervisord, the proxy and the housekeeper."""

from __future__ import annotations

import contextlib
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from pitstop.adapters._run import Runner
from pitstop.adapters.platforms.local import envoy, files, housekeeper, listeners
from pitstop.adapters.platforms.local.proxy import Proxy
from pitstop.adapters.platforms.local.releases import Kept, Releases
from pitstop.adapters.platforms.local.settings import LocalSettings
from pitstop.adapters.platforms.local.supervisor import Supervisor
from pitstop.ports import CannotTell, Clock, Refused

PROXY, HOUSEKEEPER = "proxy", "housekeeper"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Ground:
    """Brings up what is missing of it, and touches nothing that runs."""

    def __init__(
        self,
        home: Path,
        settings: LocalSettings,
        runner: Runner,
        clock: Clock,
        releases: Releases,
        *,
        tidy: tuple[float, int, int] = (5.0, 64_000_000, 6),
    ) -> None:
        self._home, self._settings, self._clock, self._releases = home, settings, clock, releases
        self._tidy = tidy
        self._mark = home / "run" / "up"
        self.proxy = Proxy(home, settings, clock)
        self.supervisor = Supervisor(home, runner, clock)

    def ensure(self) -> None:
        """Return when supervisord and the proxy are there. Raises Refused or CannotTell."""
        if not self.supervisor.answers():
            self._folders()
            with files.locked(self._home / "run" / "start.lock", self._clock):
                if not self.supervisor.answers():
                    self._start()
        if not self.proxy.answers():
            self._await_proxy()

    def ensure_again(self) -> None:
        """Bring back what died under a service that is meant to be up; never complain."""
        with contextlib.suppress(OSError, Refused, CannotTell):
            if self._mark.exists() and not self.supervisor.answers():
                self.ensure()

    def apply_settings(self) -> None:
        """Start the proxy anew if its settings were changed since it started."""
        if self.proxy.prepare(self.proxy.probe_port() or self._new_probe_port()):
            self.supervisor.start_again(PROXY)
            self._await_proxy()

    def take_down(self) -> None:
        """Stop everything; the records stay."""
        self._folders()
        self._mark.unlink(missing_ok=True)
        self.supervisor.shut_down()

    def programs(self) -> list[str]:
        """Return what supervisord is to keep alive, by the records."""
        return [PROXY, HOUSEKEEPER, *(each.id for each in self._releases.all() if each.wanted)]

    def ports(self) -> dict[str, int]:
        """Return where the proxy finds each deployment that runs."""
        live = self.proxy.route().live
        return {e.id: e.port for e in self._releases.all() if e.wanted or e.id == live}

    def describe(self, kept: Kept) -> None:
        """Write down how a release is run."""
        self.supervisor.describe(
            kept.id,
            ["sh", "-c", _as_one_process(kept.start)],
            folder=self._releases.checkout(kept),
            env={
                "PORT": str(kept.port),
                "PITSTOP_DEPLOYMENT": kept.id,
                "PITSTOP_COMMIT": kept.commit,
            },
        )

    def with_port(self, kept: Kept) -> Kept:
        """Return the release with a port it can have: its own, unless a stranger sits there."""
        if self.supervisor.process(kept.id) or listeners.can_listen("0.0.0.0", kept.port):  # noqa: S104 - asked, not bound
            return kept
        return self._releases.save(replace(kept, port=self._releases.free_port(kept.id)))

    def _folders(self) -> None:
        for name in ("run", "log", "programs"):
            (self._home / name).mkdir(parents=True, exist_ok=True, mode=0o700)

    def _start(self) -> None:
        if not self.supervisor.process(PROXY):
            self._refuse_strangers()
        for kept in self._releases.all():
            if kept.wanted:
                self.describe(self.with_port(kept))
        self.proxy.prepare(self._probe_port())
        self.proxy.write_down(self.ports())
        argv = [sys.executable, "-I", "-S", str(Path(housekeeper.__file__).resolve())]
        for name, command in (
            (PROXY, envoy.argv()),
            (HOUSEKEEPER, argv + [str(part) for part in self._tidy]),
        ):
            self.supervisor.describe(name, command, folder=self._home, env={})
        self._mark.write_text(_BOOT_ID.read_text())
        self.supervisor.start(self.programs())

    def _probe_port(self) -> int:
        """Return the port for probes: the one there was, unless a stranger took it."""
        port = self.proxy.probe_port()
        ours = self.supervisor.process(PROXY)
        if port and (ours or listeners.can_listen("127.0.0.1", port)):
            return port
        return self._new_probe_port()

    def _new_probe_port(self) -> int:
        return self._releases.free_port("probes")

    def _refuse_strangers(self) -> None:
        host, port = self._settings.host, self._settings.port
        for _ in range(100):  # a proxy that was just killed holds its address a moment longer
            if listeners.can_listen(host, port):
                return
            self._clock.pause(0.02)
        raise Refused(
            f"{self._settings.listen} is taken by {listeners.who(port)}. Nothing of pitstop's "
            "was started. End that program, or change platform.listen, then: pitstop local up"
        )

    def _await_proxy(self) -> None:
        for step in range(500):
            if self.proxy.answers():
                return
            if step % 50 == 25:
                self._help_proxy()
            self._clock.pause(0.02)
        raise CannotTell(
            "The proxy did not start within 10 s. Users may get no answer. "
            f"See {self._home / 'log' / 'proxy.log'}"
        )

    def _help_proxy(self) -> None:
        if not self.supervisor.process(PROXY):
            self._refuse_strangers()
        if self.supervisor.states().get(PROXY) in ("FATAL", "EXITED", "STOPPED"):
            self.supervisor.revive(PROXY)
        elif PROXY not in self.supervisor.states():
            self.supervisor.run(self.programs())


def _as_one_process(command: str) -> str:
    """Let a plain command take the place of its shell: signals and pids are then its own."""
    first = command.split(maxsplit=1)[0] if command.split() else ""
    plain = not set(command) & set(";&|<>()`\n#") and shutil.which(first)
    return f"exec {command}" if plain else command

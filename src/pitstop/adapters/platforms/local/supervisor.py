"""supervisord: starts the proxy and the releases, and starts them again when they die."""

from __future__ import annotations

import contextlib
import http.client
import os
import shlex
import signal
import sys
import xmlrpc.client
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from pitstop.adapters import _processes
from pitstop.adapters._run import Runner
from pitstop.adapters.platforms.local import files, hold
from pitstop.adapters.platforms.local.unix_http import UnixConnection
from pitstop.ports import CannotTell, Clock

_HEAD = """\
[unix_http_server]
file=/proc/self/cwd/run/supervisor.sock
chmod=0600
[supervisord]
logfile=log/supervisord.log
logfile_maxbytes=1MB
logfile_backups=1
pidfile=run/supervisord.pid
identifier=pitstop
nodaemon=true
silent=true
{user}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
_PROGRAM = """
[program:{name}]
command={command}
autostart=true
autorestart=true
startsecs=1
startretries=10
stopwaitsecs=10
stopasgroup=true
killasgroup=true
stdout_logfile=NONE
stderr_logfile=NONE
"""
# A session of its own and no child of ours: it outlives us, and leaves nothing of it with us.
_APART = 'exec setsid --fork "$@" >>log/supervisord.out 2>&1 </dev/null'
_PATIENCE = timedelta(seconds=20)
_OVER = ("STOPPED", "EXITED", "FATAL", "UNKNOWN", "BACKOFF")
_BAD_NAME, _ALREADY_STARTED, _NOT_RUNNING, _ALREADY_ADDED = 10, 60, 70, 90


def without_ours(argv: Sequence[str]) -> list[str]:
    """Return a command that does not see the git and pitstop variables of our own caller."""
    ours = sorted(name for name in os.environ if name.startswith(("GIT_", "PITSTOP_")))
    return ["env", *(part for name in ours for part in ("-u", name)), *argv]


class Supervisor:
    """One supervisord per service, and the programs it keeps alive.

    A program runs under ``hold.py``: it holds a lock and wrote down who it is. When supervisord
    itself died, its programs live on; a new one waits for their locks instead of doubling them.
    """

    def __init__(self, home: Path, runner: Runner, clock: Clock) -> None:
        self._home, self._runner, self._clock = home, runner, clock
        self._conf = home / "supervisord.conf"
        self._socket = home / "run" / "supervisor.sock"

    def answers(self) -> bool:
        """Return whether supervisord is there."""
        try:
            with self._remote() as remote:
                return bool(remote.supervisor.getState()["statename"] == "RUNNING")
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return False

    def start(self, names: Sequence[str]) -> None:
        """Start supervisord with these programs; it outlives us."""
        self._write(names)
        argv = [sys.executable, "-P", "-m", "supervisor.supervisord", "-c", self._conf.name]
        self._runner.run(["sh", "-c", _APART, "sh", *without_ours(argv)], folder=self._home)
        until = self._clock.now() + _PATIENCE
        while self._clock.now() < until:
            if self.answers():
                return
            self._clock.pause(0.02)
        raise CannotTell(
            f"supervisord did not start within {_PATIENCE.total_seconds():g} s. What users get is not known. "
            f"See {self._home / 'log' / 'supervisord.out'}"
        )

    def describe(
        self, name: str, argv: Sequence[str], *, folder: Path, env: Mapping[str, str]
    ) -> None:
        """Write down how a program is run; what runs already is not touched."""
        spec = {
            "argv": list(argv),
            "folder": str(folder),
            "env": dict(env),
            "lock": f"run/{name}.lock",
            "pid": f"run/{name}.pid",
            "log": f"log/{name}.log",
        }
        files.write_json(self._home / "programs" / f"{name}.json", spec)

    def run(self, names: Sequence[str]) -> None:
        """Keep exactly these programs alive; the others are stopped."""
        self._write(names)
        with self._calls() as remote:
            added, _, removed = remote.supervisor.reloadConfig()[0]
        for name in removed:
            self.stop(name)
        for name in added:
            with self._calls(_ALREADY_ADDED) as remote:
                remote.supervisor.addProcessGroup(name)
        for name in self._started() - set(names):
            self._forget(name)

    def start_again(self, name: str) -> None:
        """Start one program anew, with what is now written down about it."""
        self._end(name)
        self.revive(name)

    def revive(self, name: str) -> None:
        """Start a program that supervisord has given up on."""
        with self._calls(_ALREADY_STARTED) as remote:
            remote.supervisor.startProcess(name, False)

    def stop(self, name: str) -> None:
        """Stop a program and forget it: the one supervisord knows, and one it did not start."""
        self._end(name)
        with self._calls(_BAD_NAME) as remote:
            remote.supervisor.removeProcessGroup(name)
        self._forget(name)

    def states(self) -> dict[str, str]:
        """Return what supervisord says about each program."""
        with self._calls() as remote:
            found = cast("list[dict[str, Any]]", remote.supervisor.getAllProcessInfo())
        return {each["name"]: each["statename"] for each in found}

    def process(self, name: str) -> int | None:
        """Return the pid of a program that runs, whoever started it."""
        who = self.last(name)
        return int(who.split("/")[1]) if who and _processes.alive(who) else None

    def last(self, name: str) -> str | None:
        """Return who ran last under this name, dead or alive."""
        try:
            return (self._home / "run" / f"{name}.pid").read_text() or None
        except OSError:
            return None

    def shut_down(self) -> None:
        """Stop every program, then supervisord itself."""
        if self.answers():
            for name in self.states():
                self.stop(name)
            with contextlib.suppress(CannotTell), self._calls() as remote:
                remote.supervisor.shutdown()
            for _ in range(500):
                if not self.answers():
                    break
                self._clock.pause(0.02)
        for name in self._started():
            self._end_orphan(name)

    def _end(self, name: str) -> None:
        with self._calls(_BAD_NAME, _NOT_RUNNING) as remote:
            remote.supervisor.stopProcess(name, False)
        until = self._clock.now() + _PATIENCE
        while self._clock.now() < until:
            if self.states().get(name, "STOPPED") in _OVER:
                break
            self._clock.pause(0.02)
        self._end_orphan(name)

    def _started(self) -> set[str]:
        """Return the programs that were started by this supervisord or an earlier one."""
        return {path.stem for path in (self._home / "run").glob("*.pid")} - {"supervisord"}

    def _forget(self, name: str) -> None:
        self._end_orphan(name)
        (self._home / "run" / f"{name}.pid").unlink(missing_ok=True)

    def _end_orphan(self, name: str) -> None:
        """End what runs under this name without being supervisord's child."""
        who = self.last(name)
        if not who:
            return
        leader, lock = int(who.split("/")[1]), self._home / "run" / f"{name}.lock"
        for number in [signal.SIGTERM] + [0] * 500 + [signal.SIGKILL] + [0] * 100:
            left = hold.holders(leader, lock) or ([leader] if _processes.alive(who) else [])
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            self._clock.pause(0.02)

    def _write(self, names: Sequence[str]) -> None:
        user = "user=root" if os.geteuid() == 0 else ""
        held = Path(hold.__file__).resolve()
        parts = [_HEAD.format(user=user)]
        for name in names:
            argv = [sys.executable, "-I", "-S", str(held), f"programs/{name}.json"]
            command = shlex.join(argv).replace("%", "%%")
            parts.append(_PROGRAM.format(name=name, command=command))
        text = "".join(parts)
        if not self._conf.exists() or self._conf.read_text(encoding="utf-8") != text:
            files.write(self._conf, text)

    @contextlib.contextmanager
    def _remote(self) -> Iterator[Any]:
        with xmlrpc.client.ServerProxy(
            "http://localhost/RPC2", transport=_Transport(self._socket)
        ) as remote:
            yield remote

    @contextlib.contextmanager
    def _calls(self, *fine: int) -> Iterator[Any]:
        """Call supervisord; some of its refusals mean that nothing is left to be done."""
        try:
            with self._remote() as remote:
                yield remote
        except xmlrpc.client.Fault as fault:
            if fault.faultCode not in fine:
                raise CannotTell(f"supervisord refused: {fault.faultString}.") from None
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
            raise CannotTell(
                f"supervisord did not answer: {error}. Users are served on without it. "
                "Start it again: pitstop local up"
            ) from None


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        """Return a connection to supervisord's socket."""
        connection = UnixConnection(self._path, timeout=10.0)
        self._connection = host, connection  # the base class closes this one
        return connection

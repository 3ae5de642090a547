"""Worlds in which the contract of a platform is tested: one class per platform."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from pitstop.adapters._run import Runner
from pitstop.adapters.platforms.local import LocalPlatform, LocalSettings
from pitstop.domain.change import Deployment, Release
from pitstop.ports import Fenced

APP = """
import os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
COMMIT = os.environ["PITSTOP_COMMIT"]
if COMMIT.startswith("exits"):
    sys.exit("the database is missing")
class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_GET(self):
        if self.path == "/slow":
            time.sleep(1)
        sick = self.path.endswith("fail") or COMMIT.startswith("sick")
        body = f"{COMMIT} {sorted(n for n in os.environ if n.startswith('GIT_'))}".encode()
        self.send_response(500 if sick else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Version", COMMIT)
        self.end_headers()
        if self.path.startswith("/drip"):
            self.wfile.flush()
            time.sleep(0.3)
        self.wfile.write(body)
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()
    def log_message(self, *args):
        pass
print("starting", flush=True)
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), App).serve_forever()
"""


RUNNER = Runner()  # one for all: each has a helper process that lives as long as it does


class World(Protocol):
    """What a contract test needs to know of a platform's surroundings."""

    platform: Any  # Platform, and the abilities it has

    def release(self, commit: str, key: str | None = None) -> Release:
        """Return a release; a commit named ``exits...`` or ``sick...`` never becomes healthy."""

    def served(self) -> str:
        """Return the commit that answers a user now."""

    def take_over(self) -> None:
        """Let somebody else act on the service from now on."""

    def lose_files(self, deployment: Deployment) -> None:
        """Remove what a deployment would need to be started again."""

    def silence(self) -> None:
        """Let the platform stop answering."""

    def end(self) -> None:
        """End everything that was started."""


class RealClock:
    """Real time."""

    def __init__(self) -> None:
        self.tick: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        return datetime.now(UTC)

    def pause(self, seconds: float) -> None:
        self.tick()
        time.sleep(seconds)


class LoseableFence:
    """A fence that can be taken from us."""

    def __init__(self) -> None:
        self.lost = False
        self.checks = 0

    def check(self) -> None:
        self.checks += 1
        if self.lost:
            raise Fenced


def a_free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def until(condition: Callable[[], Any], within: float = 20.0) -> Any:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def ask(port: int, path: str = "/", method: str = "GET") -> tuple[int, str]:
    """Send one request; status 0 when there is no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body=b"x" if method == "POST" else None)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


class LocalWorld:
    """The embedded platform with real programs below a temporary folder with an awkward name."""

    def __init__(self, **settings: Any) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pit stop 🔧 100% [x] ")).resolve()
        self.port = a_free_port()
        self.fence, self.clock = LoseableFence(), RealClock()
        self.exports: list[str] = []
        self.settings = {
            "start": f"{sys.executable} -I -S app.py",
            "listen": f"127.0.0.1:{self.port}",
            "ready_within": "10s",
            "drain": "5s",
        } | settings
        self.platform = self.new()
        self.first = self.platform.up("first")

    def new(self, **settings: Any) -> LocalPlatform:
        """Return the platform as another process would see it."""
        return LocalPlatform(
            "shop",
            LocalSettings.model_validate(self.settings | settings),
            home=self.home,
            checkouts=self.folder / "checkouts",
            export=self.export,
            runner=RUNNER,
            fence=self.fence,
            clock=self.clock,
        )

    @property
    def home(self) -> Path:
        return self.folder / ("deep " * 20) / "home"

    def export(self, commit: str, folder: Path) -> str:
        assert not folder.exists()
        self.exports.append(commit)
        folder.mkdir(parents=True)
        (folder / "app.py").write_text(APP)
        return f"tree of {commit}"

    def release(self, commit: str, key: str | None = None) -> Release:
        if commit.startswith("sick"):
            self.platform = self.new(ready_within="1s")
        return Release(key or f"run of {commit}", commit, f"tree of {commit}")

    def served(self) -> str:
        return ask(self.port)[1].partition(" ")[0]

    def take_over(self) -> None:
        self.fence.lost = True

    def lose_files(self, deployment: Deployment) -> None:
        shutil.rmtree(self.folder / "checkouts" / deployment.id)

    def silence(self) -> None:
        self.kill("supervisord", "proxy")
        (self.home / "run" / "up").unlink()

    def pid(self, name: str) -> int:
        """Return the pid of a program by its name."""
        text = (self.home / "run" / f"{name}.pid").read_text().strip()
        return int(text.split("/")[1]) if "/" in text else int(text)

    def kill(self, *names: str) -> None:
        """Kill programs, each by its pid, and wait until they are gone."""
        for name in names:
            pid = self.pid(name)
            os.kill(pid, signal.SIGKILL)
            until(lambda pid=pid: not is_running(pid))

    def processes(self) -> list[int]:
        """Return the processes that live below our folder: those that were started here."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (entry / "cwd").resolve().is_relative_to(self.folder):
                    found.append(int(entry.name))
        return [pid for pid in found if is_running(pid)]

    def reboot(self) -> None:
        """Kill everything at once, supervisord first; the sockets stay behind."""
        self.kill("supervisord")
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: not self.processes())

    def end(self) -> None:
        with contextlib.suppress(Exception):
            os.kill(self.pid("supervisord"), signal.SIGKILL)
        for _ in range(100):
            left = self.processes()
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if not left:
                break
            time.sleep(0.02)
        shutil.rmtree(self.folder, ignore_errors=True)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextlib.contextmanager
def a_stranger(port: int) -> Iterator[None]:
    """Somebody else's web server on a port; it answers everything with 200."""
    import subprocess

    code = (
        "import sys;from http.server import *;"
        "H=type('H',(BaseHTTPRequestHandler,),{'do_GET':lambda s:(s.send_response(200),s.end_headers())});"
        "HTTPServer(('127.0.0.1',int(sys.argv[1])),H).serve_forever()"
    )
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code, str(port)], stderr=subprocess.DEVNULL
    ) as stranger:
        try:
            until(lambda: ask(port)[0])
            yield
        finally:
            stranger.kill()

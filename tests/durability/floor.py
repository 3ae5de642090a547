"""A shop floor for the tests of this folder: a service in use, its repository, and the real command.

Nothing here is simulated: git, a bare remote, the local platform with its proxy, users who come all
the time, an audience that reads a file and one behind a loopback webhook.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

LIMIT = 90.0  # seconds for anything to happen; reached only when it never will
INSIDE = Path(__file__).parent / "inside"
ADA = "Ada Lovelace <ada@shop.example>"
GRACE = "Grace Hopper <grace@shop.example>"

APP = '''\
"""A small service: what it answers stands in answers.py."""
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import answers


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        status = 200 if self.path == "/health" else answers.status(self.path)
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.send_header("X-Version", answers.VERSION)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), App).serve_forever()
'''
ANSWERS = '''\
"""What the service answers."""
VERSION = "{version}"


def status(path):
    """Return the status for a path."""
    return {status}
'''
WELL, SICK = "200", '500 if path == "/orders" else 200'
TEST = """\
import answers

assert answers.status("/products") == 200
"""
CONFIG = """\
[service]
name = "shop"

[platform]
use = "local"
start = {start}
listen = "127.0.0.1:{port}"
drain = "2s"

[checks]
targeted = {targeted}
smoke = {smoke}

[approval]
within = "60s"

[gate]
baseline = "2s"
warmup = "0s"
soak = "{soak}"
deadline = "{deadline}"
min_requests = 10
unacceptable_rate = 0.2

[watch]
duration = "{watch}"

[audiences.team]
file = "../announcements.log"

[audiences.chat]
webhook = "http://127.0.0.1:{chat}/"

[backup]
use = "sqlite"
file = "../orders.db"
"""


def until(wanted: Callable[[], Any], within: float = LIMIT, what: str = "") -> Any:
    """Return what ``wanted`` returns as soon as it is true; fail when it never is."""
    deadline = time.monotonic() + within
    while not (found := wanted()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within:g} s in vain: {what or wanted}")
        time.sleep(0.03)
    return found


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Users:
    """They ask all the time, and count what they get."""

    def __init__(self, port: int, threads: int = 2, think: float = 0.04) -> None:
        self._port, self._think = port, think
        self._end, self.away = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self.asked = self.errors = 0
        self.lost: list[str] = []
        self.version = ""
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(30)

    def forget(self) -> None:
        """Count anew."""
        with self._lock:
            self.asked = self.errors = 0
            self.lost = []

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        pages = ("/products", "/orders")
        while not self._end.wait(self._think):
            if self.away.is_set():
                connection.close()
                continue
            pages = pages[::-1]
            try:
                connection.request("GET", pages[0])
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as trouble:
                connection.close()
                with self._lock:
                    self.asked += 1
                    self.lost.append(f"{type(trouble).__name__}: {trouble}")
                continue
            with self._lock:
                self.asked += 1
                self.errors += answer.status >= 500
                self.version = answer.headers.get("X-Version") or self.version
        connection.close()


class Chat:
    """A webhook on the loopback: what it heard, by the key of the message."""

    def __init__(self) -> None:
        self.heard: Counter[str] = Counter()
        heard = self.heard

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                heard[str(self.headers.get("Idempotency-Key"))] += 1
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class Client:
    """A command that is under way."""

    def __init__(self, words: list[str], folder: Path, env: dict[str, str], **more: Any) -> None:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | more
        self.process = subprocess.Popen(words, cwd=folder, env=env, **pipes)
        self.words = words

    @property
    def pid(self) -> int:
        return self.process.pid

    def running(self) -> bool:
        return self.process.poll() is None

    def end(self, within: float = LIMIT) -> Said:
        """Wait for its end."""
        try:
            out, err = self.process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            raise AssertionError(f"{self.words} did not end: {out[-3000:]}{err[-2000:]}") from None
        return Said(self.process.returncode, out or "", err or "")

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def let_go(self) -> None:
        """Close what is left of it here."""
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


@dataclass
class Hotfix:
    """One hotfix under way."""

    id: str
    branch: str
    worktree: Path
    version: str
    good: bool
    before: dict[str, Any] = field(default_factory=dict)


FAILED = pytest.StashKey[bool]()
"""Whether a test failed, for the fixtures that outlive it."""


class Floor:
    """The repository, its remote, the service in use, and pitstop's commands in it."""

    def __init__(self, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="floor-"))
        self.shop, self.remote = self.folder / "shop", self.folder / "remote.git"
        self.port, self.number = free_port(), 1
        self.point = self.folder / "point.json"
        self.clients: list[Client] = []
        self.chat = Chat()
        self.users: Users | None = None
        self.spoiled = False  # a test failed here
        self.env = _environment() | {
            "DURABILITY_POINT": str(self.point),
            "PYTHONPATH": os.pathsep.join([str(INSIDE), *_source()]),
        }
        self._build(settings)

    # -- the place ---------------------------------------------------------------------------

    def _build(self, settings: dict[str, str]) -> None:
        (self.shop / "tests").mkdir(parents=True)
        (self.shop / "app.py").write_text(APP)
        (self.shop / "answers.py").write_text(ANSWERS.format(version="1", status=WELL))
        (self.shop / "tests" / "test_answers.py").write_text(TEST)
        (self.shop / "pitstop.toml").write_text(self.config(**settings))
        (self.shop / ".gitignore").write_text("__pycache__/\n")
        with contextlib.closing(sqlite3.connect(self.folder / "orders.db")) as orders:
            orders.executescript("CREATE TABLE orders (i); INSERT INTO orders VALUES (1), (2), (3)")
        self.git("init", "-q", "--bare", "-b", "main", str(self.remote), folder=self.folder)
        self.git("config", "core.logAllRefUpdates", "true", folder=self.remote)
        self.git("init", "-q", "-b", "main")
        self.git("remote", "add", "origin", str(self.remote))
        self.identify(self.shop)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "The shop")
        self.git("push", "-q", "origin", "main")

    def identify(self, folder: Path, who: str = ADA) -> None:
        name, _, mail = who.rstrip(">").partition(" <")
        for key, value in (("user.name", name), ("user.email", mail)):
            self.git("config", key, value, folder=folder)

    def config(self, **given: str) -> str:
        python = f"{sys.executable} -S"
        values = {
            "start": json.dumps(f"{sys.executable} app.py"),
            "targeted": json.dumps(f"PYTHONPATH=. {python} {{tests}}"),
            "smoke": json.dumps(f"git rev-parse 'HEAD^{{tree}}' >>{self.folder}/tested"),
            "port": str(self.port),
            "chat": str(self.chat.port),
            "soak": "0.5s",
            "deadline": "15s",
            "watch": "1s",
        }
        return CONFIG.format(**(values | given))

    @property
    def waiting(self) -> dict[str, str]:
        """Return settings with which a new release never starts: the test acts in the middle of it."""
        return {"start": json.dumps(f"sleep 1234; exec {sys.executable} app.py")}

    def other_config(self, **given: str) -> Path:
        """Write a configuration for one hotfix; name it with ``--config`` at its start."""
        path = self.folder / f"{self.number + 1}.toml"
        path.write_text(self.config(**given))
        return path

    def opens(self) -> Floor:
        """Put the service on and let users in."""
        said = self.pitstop("local", "up")
        assert said.code == 0, said
        self.users = Users(self.port)
        until(lambda: self.users and self.users.asked > 20)
        return self

    # -- commands ----------------------------------------------------------------------------

    def client(self, *words: str, folder: Path | None = None, **more: Any) -> Client:
        """Start a pitstop command."""
        argv = [sys.executable, "-m", "pitstop", *words]
        found = Client(argv, folder or self.shop, self.env, **more)
        self.clients.append(found)
        return found

    def pitstop(self, *words: str, folder: Path | None = None) -> Said:
        """Run a pitstop command to its end."""
        return self.client(*words, folder=folder).end()

    def git(self, *words: str, folder: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words],
            cwd=folder or self.shop,
            env=self.env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout.strip()

    def backups(self) -> list[dict[str, Any]]:
        """Return what is backed up; a half backup is none, and must not be left."""
        folder = self.shop / ".git/pitstop/services/shop/backups"
        assert list(folder.glob(".*")) == []
        return [json.loads(one.read_text())["taken"] for one in folder.glob("*.json")]

    # -- a hotfix ----------------------------------------------------------------------------

    def start(self, *more: str, good: bool = True, folder: Path | None = None) -> Hotfix:
        """Declare a hotfix and make the fix in its worktree."""
        self.number += 1
        version = str(self.number)
        before = self.world()
        self.users.forget() if self.users else None
        said = self.pitstop(
            *("start", f"Fix {version}", "--impact", "some cannot pay"),
            *("--symptom", "critical-bug", "--repro", 'test -n "$PITSTOP_URL"', "--json", *more),
            folder=folder,
        )
        assert said.code == 0, said
        found = said.json
        worktree = Path(found["worktree"])
        hotfix = Hotfix(found["id"], found["branch"], worktree, version, good, before)
        text = ANSWERS.format(version=version, status=WELL if good else SICK)
        (worktree / "answers.py").write_text(text)
        return hotfix

    def ship(self, hotfix: Hotfix, *more: str, **how: Any) -> Client:
        """Ship it, without waiting for anything."""
        words = ("ship", hotfix.id, "--fix", f"version {hotfix.version}", "--yes", *more)
        return self.client(*words, **how)

    def approve(self, hotfix: Hotfix) -> None:
        """Wait until a colleague is asked, and let her say yes."""
        until(lambda: self.seen(hotfix, "asked", "approval"), what="approval asked for")
        if not self.seen(hotfix, "heard", "approval"):
            said = self.pitstop("approve", hotfix.id, "--as", GRACE)
            assert said.code == 0, said

    def shipped_to(self, hotfix: Hotfix, step: str, event: str = "finished") -> Client:
        """Ship and approve, and return as soon as this line stands in the journal."""
        client = self.ship(hotfix)
        self.approve(hotfix)
        self.await_line(hotfix, event, step)
        return client

    # -- what can be seen --------------------------------------------------------------------

    def run_folder(self, run: str) -> Path:
        return self.shop / ".git" / "pitstop" / "runs" / run

    def lines(self, run: str, folder: Path | None = None) -> list[dict[str, Any]]:
        """Return a run's journal."""
        from pitstop.journal import store

        path = self.run_folder(run) / "run.db"
        if folder:
            path = folder / ".git" / "pitstop" / "runs" / run / "run.db"
        with contextlib.suppress(store.JournalError):
            return store.read(str(path))
        return []

    def seen(self, hotfix: Hotfix | str, event: str, name: str | None = None) -> bool:
        """Return whether the journal has this line; ``name`` is a step, question or outcome."""
        run = hotfix if isinstance(hotfix, str) else hotfix.id
        return any(
            line["event"] == event and name in (None, *named(line)) for line in self.lines(run)
        )

    def await_line(self, hotfix: Hotfix | str, event: str, name: str | None = None) -> None:
        until(lambda: self.seen(hotfix, event, name), what=f"{event} {name}")

    def status(self, run: str, folder: Path | None = None) -> dict[str, Any]:
        """Return what ``status --json`` says."""
        found: dict[str, Any] = self.pitstop("status", run, "--json", folder=folder).json
        return found

    def pid(self, run: str) -> int | None:
        """Return the pid of the process that executes a run."""
        from pitstop.engine import ownership

        found = ownership.process(ownership.RunFolder(self.run_folder(run)))
        return int(str(found["pid"])) if found and found["pid"] else None

    def kill(self, run: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to the process of a run; a killed one is gone on return."""
        pid = until(lambda: self.pid(run), what="a process")
        os.kill(pid, number)
        if number == signal.SIGKILL:
            until(lambda: not alive(pid))
        return int(pid)

    def world(self) -> dict[str, Any]:
        """Return what the remote, the proxy and the disk hold; nothing of it is pitstop's word."""
        route = self.home / "proxy" / "routes" / "rds.json"
        version = json.loads(route.read_text())["version_info"] if route.exists() else "0 - "
        listed = self.git("for-each-ref", "--format=%(refname) %(objectname)", folder=self.remote)
        return {
            "switches": int(version.split(" ")[0]),
            "live": version.split(" ")[1],
            "refs": dict(line.split(" ") for line in listed.splitlines()),
            "main": self.git("rev-parse", "main", folder=self.remote),
            "moves": len((self.remote / "logs/refs/heads/main").read_text().splitlines()),
        }

    @property
    def home(self) -> Path:
        return self.shop / ".git" / "pitstop" / "services" / "shop" / "local"

    def releases(self, key: str) -> list[dict[str, Any]]:
        """Return the records of the releases made for a key."""
        found = [json.loads(p.read_text()) for p in self.home.glob("releases/*/record.json")]
        return [record for record in found if record["key"] == key]

    def tree_on_disk(self, release: str) -> str:
        """Return the git tree of a release's files, as they lie there."""
        files = self.folder / "shop.hotfix" / ".releases" / "shop" / release
        index = self.folder / f"index-{release}"
        env = self.env | {"GIT_INDEX_FILE": str(index), "GIT_DIR": str(self.shop / ".git")}
        for words in (["add", "-A"], ["write-tree"]):
            done = subprocess.run(
                ["git", f"--work-tree={files}", *words],
                cwd=files,
                env=env,
                capture_output=True,
                text=True,
                check=True,
            )
        index.unlink(missing_ok=True)
        return done.stdout.strip()

    # -- the end -----------------------------------------------------------------------------

    def processes(self, *, clients: bool = False) -> dict[int, str]:
        """Return the living processes that belong to this floor, by pid."""
        mark, found = str(self.folder), {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = os.fsdecode((folder / "cmdline").read_bytes().replace(b"\0", b" "))
                if mark in command or os.readlink(folder / "cwd").startswith(mark):
                    if alive(int(folder.name)):
                        found[int(folder.name)] = command
        return found

    def close(self) -> list[str]:
        """End everything; return what had to be ended by force."""
        for client in self.clients:
            if client.running():
                client.kill()
            client.let_go()
        if self.users:
            self.users.stop()
        down = self.pitstop("local", "down")
        left = [] if down.code == 0 else [f"local down: {down.err}"]
        with contextlib.suppress(AssertionError):
            until(lambda: not self.processes(), within=5)
        for _ in range(20):
            for pid, command in self.processes().items():
                left.append(command)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        self.chat.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        return left


def named(line: dict[str, Any]) -> tuple[str | None, ...]:
    """Return what a line of the journal is about."""
    return line["step"], line["data"].get("question"), line["data"].get("status")


def alive(pid: int) -> bool:
    """Return whether a process lives; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _source() -> list[str]:
    """Return where the pitstop under test lies; it is not imported to find that out."""
    found = importlib.util.find_spec("pitstop")
    return [str(Path(found.origin).parents[1])] if found and found.origin else []


def _environment() -> dict[str, str]:
    """Return the environment of a person who has configured nothing."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("GIT_", "PITSTOP_", "PYTHON", "COLUMNS"))
    }
    nowhere = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "TERM": "dumb"}
    return kept | nowhere


_KEPT: list[Floor] = []


@contextlib.contextmanager
def shared_floor() -> Iterator[Floor]:
    """Give a floor that tests use one after the other; one that a test failed on is replaced."""
    floor = _KEPT.pop() if _KEPT else Floor().opens()
    sound = False
    try:
        yield floor
        sound = not floor.spoiled
    finally:
        if sound:
            _KEPT.append(floor)
        else:
            floor.close()


def close_shared() -> list[str]:
    """Close the floor that is shared; return what had to be ended by force."""
    return _KEPT.pop().close() if _KEPT else []

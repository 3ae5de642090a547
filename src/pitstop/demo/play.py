"""Plays the demo: builds the shop, lets customers in, and ships a fix with pitstop's own commands."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pitstop.demo.customers import Customers

ADA = ("Ada Lovelace", "ada@shop.example")
GRACE = "Grace Hopper <grace@shop.example>"
TITLE = "Checkout answers 500"

GOOD = '''"""What it costs to send a parcel."""


def cost(postcode):
    """Return the shipping cost; without a postcode, the dearer one."""
    return 4.0 if (postcode or "").strip().startswith("1") else 9.0
'''
BAD = '''"""What it costs to send a parcel."""


def cost(postcode):
    """Return the shipping cost; without a postcode, the dearer one."""
    return 4.0 if postcode and int(postcode) // 10000 == 1 else 9.0
'''
SLOW = '''"""What it costs to send a parcel."""

import time


def cost(postcode):
    """Return the shipping cost; without a postcode, the dearer one."""
    time.sleep(0.8)  # asks the carrier, each time
    return 4.0 if (postcode or "").strip().startswith("1") else 9.0
'''
LEAK = '''"""What it costs to send a parcel."""

LABELS = []


def cost(postcode):
    """Return the shipping cost; without a postcode, the dearer one."""
    LABELS.append((postcode or "") * 10_000 + "a label that nobody throws away " * 3_000)
    return 4.0 if (postcode or "").strip().startswith("1") else 9.0
'''
FIXES = {"bad-fix": BAD, "slow": SLOW, "leak": LEAK}
SOAK = {"leak": "25s"}  # that memory grows takes some rounds of garbage collection to see
TEST = """
    def test_without_a_postcode_it_is_dear(self):
        self.assertEqual(9.0, shipping.cost(None))

"""
CONFIG = """\
[service]
name = "shop"

[platform]
use = "local"
start = {start}
health = "/health"
listen = "127.0.0.1:{port}"

[checks]
targeted = {targeted}
smoke = {smoke}

[gate]
warmup = "1s"
soak = "{soak}"
deadline = "30s"
acceptable_ms = 250  # this machine does other things, too
unacceptable_ms = 500
memory_block = "1s"

[watch]
duration = "6s"

[audiences.team]
file = "../announcements.log"
"""


def play(fault: str | None, keep: Path | None) -> int:
    """Play the demo in a folder of its own; return ship's exit code."""
    folder = (keep or Path(tempfile.mkdtemp(prefix="pitstop-demo-"))).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    shop = folder / "shop"
    port = _free_port()
    build(folder, shop, port, SOAK.get(fault or "", "4s"))
    customers = Customers(port)
    try:
        _say("The shop opens: a real process behind a real proxy.")
        _pitstop(shop, "local", "up")
        customers.start()
        time.sleep(3)
        _say(f"Customers see errors: {customers.told()}")
        code = _hotfix(shop, fault)
        customers.forget()
        time.sleep(2)
        _say(f"Customers now: {customers.told()}")
        _wait_for_the_watch(shop)
        _say("The watch has ended. The timeline, from the journal:")
        _pitstop(shop, "log")
        _pitstop(shop, "log", "--verify")
        return code
    finally:
        customers.stop()
        _wait_for_the_watch(shop)
        _pitstop(shop, "local", "down")
        if keep:
            _say(f"Everything is in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _hotfix(shop: Path, fault: str | None) -> int:
    _pitstop(
        shop,
        "start",
        TITLE,
        "--impact",
        "customers without a postcode cannot pay",
        "--symptom",
        "critical-bug",
        "--repro",
        f"{shlex.quote(sys.executable)} repro.py",
    )
    state = _status(shop)
    worktree = Path(state["worktree"])
    _say(f"Ada makes the fix in {worktree}")
    (worktree / "shipping.py").write_text(FIXES.get(fault or "", GOOD))
    tests = worktree / "tests" / "test_shipping.py"
    head, mark, rest = tests.read_text().partition("\nif __name__")
    tests.write_text(head.rstrip() + "\n" + TEST + mark + rest)
    with _grace_approves(shop, state["id"]):
        if fault == "crash":
            _ship_and_crash(shop, state["id"])
            return _pitstop(shop, "resume", state["id"], check=False)
        return _pitstop(shop, "ship", "--fix", "no postcode, no error", "--yes", check=False)


@contextlib.contextmanager
def _grace_approves(shop: Path, run: str) -> Iterator[None]:
    """Let a colleague approve as soon as it is asked."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.3):
            state = _status(shop, run)
            if state["waiting_for"] == "approval":
                _pitstop(shop, "approve", run, "--as", GRACE)
                return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _ship_and_crash(shop: Path, run: str) -> None:
    """Kill client and process while the deploy is under way, as a dying machine would."""
    words = [*_command(), "ship", run, "--fix", "no postcode, no error", "--yes"]
    client = subprocess.Popen(words, cwd=shop)
    while True:
        log = subprocess.run(
            [*_command(), "log", run, "--json"], cwd=shop, capture_output=True, text=True
        )
        steps = [json.loads(line)["step"] for line in log.stdout.splitlines()]
        if "deploy.stage" in steps or client.poll() is not None:
            break
        time.sleep(0.05)
    client.kill()
    client.wait()
    state = _status(shop, run)
    if state["process"]:
        os.kill(state["process"]["pid"], signal.SIGKILL)
    _say(f'pitstop was killed while it did "{state["step"]}". Customers noticed nothing. Resume:')


def build(folder: Path, shop: Path, port: int, soak: str = "4s") -> None:
    """Make the repository, its remote and its configuration."""
    shutil.copytree(
        Path(__file__).parent / "shop", shop, ignore=shutil.ignore_patterns("__pycache__")
    )
    python = shlex.quote(sys.executable)
    values = {
        "start": f"{python} app.py",
        "targeted": f"{python} -m unittest {{tests}}",
        "smoke": f"{python} -m unittest tests/smoke.py",
    }
    quoted = {name: json.dumps(value) for name, value in values.items()}
    (shop / "pitstop.toml").write_text(CONFIG.format(port=port, soak=soak, **quoted))
    (shop / ".gitignore").write_text("__pycache__/\n*.db\n")
    _git(folder, "init", "-q", "--bare", "-b", "main", "remote.git")
    _git(shop, "init", "-q", "-b", "main")
    _git(shop, "config", "user.name", ADA[0])
    _git(shop, "config", "user.email", ADA[1])
    _git(shop, "config", "commit.gpgsign", "false")
    _git(shop, "config", "tag.gpgsign", "false")
    _git(shop, "remote", "add", "origin", str(folder / "remote.git"))
    _git(shop, "add", "-A")
    _git(shop, "commit", "-q", "-m", "The shop")
    _git(shop, "push", "-q", "origin", "main")
    os.environ["SHOP_DATABASE"] = str(folder / "orders.db")


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True)


def _command() -> list[str]:
    return [sys.executable, "-m", "pitstop"]


def _pitstop(shop: Path, *words: str, check: bool = True) -> int:
    """Run a pitstop command as a person would, showing it."""
    print(f"\n$ pitstop {shlex.join(words)}", flush=True)
    code = subprocess.run([*_command(), *words], cwd=shop).returncode
    if check and code:
        raise SystemExit(code)
    return code


def _status(shop: Path, *run: str) -> dict[str, Any]:
    done = subprocess.run(
        [*_command(), "status", *run, "--json"],
        cwd=shop,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _wait_for_the_watch(shop: Path) -> None:
    """Let the run close by itself, a minute at most."""
    for _ in range(120):
        done = subprocess.run(
            [*_command(), "list", "--json"], cwd=shop, capture_output=True, text=True
        )
        if done.returncode or all(run["closed_at"] for run in json.loads(done.stdout)):
            return
        time.sleep(0.5)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _say(text: str) -> None:
    print(f"\n— {text}", flush=True)

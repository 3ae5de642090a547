"""A shop for the command line: the demo's own, in a temporary folder, with quick gates."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pitstop.demo.customers import Customers
from pitstop.demo.play import _free_port, build


class Shop:
    """A repository with a remote, and pitstop's command line in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "shop"
        self.env = {**os.environ, "NO_COLOR": "1", "SHOP_DATABASE": str(folder / "orders.db")}
        self.env.pop("PITSTOP_STATE", None)
        self.port = _free_port()
        build(folder, self.path, self.port)

    def configure(self, **replacements: str) -> None:
        """Change values in pitstop.toml, or append a table."""
        text = (self.path / "pitstop.toml").read_text()
        for name, value in replacements.items():
            rows = [r for r in text.splitlines() if not r.startswith(f"{name} = ")]
            index = next(n for n, row in enumerate(rows) if row == f"[{_TABLE[name]}]")
            rows.insert(index + 1, f"{name} = {value}")
            text = "\n".join(rows) + "\n"
        (self.path / "pitstop.toml").write_text(text)

    def pitstop(self, *words: str, **kwargs) -> subprocess.CompletedProcess:
        """Run a command without a terminal."""
        return subprocess.run(
            [sys.executable, "-m", "pitstop", *words],
            cwd=self.path,
            env=self.env,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=180,
            **kwargs,
        )

    def status(self, *run: str) -> dict:
        """Return the state of a hotfix."""
        return json.loads(self.pitstop("status", *run, "--json").stdout)

    def start(
        self, title: str = "Checkout answers 500", *words: str
    ) -> subprocess.CompletedProcess:
        """Declare a hotfix."""
        return self.pitstop("start", title, "--impact", "i", "--symptom", "critical-bug", *words)

    def fix(self, text: str = "\n# mended\n", file: str = "shipping.py") -> None:
        """Make a harmless fix in the worktree."""
        with (Path(self.status()["worktree"]) / file).open("a") as source:
            source.write(text)

    def end_what_is_left(self) -> list[str]:
        """End every process that goes on standing in this shop's folder; return what they were."""
        deadline = time.monotonic() + 10
        while (left := self._standing_here()) and time.monotonic() < deadline:
            time.sleep(0.1)
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        return list(left.values())

    def _standing_here(self) -> dict[int, str]:
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if str(self.folder) in os.readlink(process / "cwd"):
                    found[int(process.name)] = os.fsdecode(
                        (process / "cmdline").read_bytes()
                    ).replace("\0", " ")
        return found

    def git(self, *words: str, cwd: Path | None = None) -> str:
        """Run git and return what it says."""
        done = subprocess.run(
            ["git", *words], cwd=cwd or self.path, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()


_TABLE = {
    "start": "platform",
    "listen": "platform",
    "ready_within": "platform",
    "targeted": "checks",
    "smoke": "checks",
    "setup": "checks",
    "min_requests": "gate",
    "deadline": "gate",
    "soak": "gate",
    "unacceptable_rate": "gate",
}


@pytest.fixture
def shop(tmp_path):
    """A shop that is not up."""
    return Shop(tmp_path)


@pytest.fixture
def open_shop(shop):
    """A shop that serves, and is taken down afterwards."""
    shop.configure(unacceptable_rate="0.2")  # so few customers show no more within seconds
    up = shop.pitstop("local", "up")
    assert up.returncode == 0, up.stderr
    yield shop
    for run in json.loads(shop.pitstop("list", "--json").stdout):
        if not run["closed_at"]:
            shop.pitstop("abort", run["id"], "--reason", "the test is over")
    down = shop.pitstop("local", "down")
    left = shop.end_what_is_left()
    assert down.returncode == 0, down.stderr
    assert left == []


@pytest.fixture
def customers(open_shop):
    """Customers who come all the time."""
    crowd = Customers(open_shop.port)
    crowd.start()
    yield crowd
    crowd.stop()

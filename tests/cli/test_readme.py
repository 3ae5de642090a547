"""The README's first screen, typed as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pitstop.demo.customers import Customers
from pitstop.demo.play import GOOD

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
USE_IT = re.search(r"## Use it\n\n```\n(.*?)```", README, re.DOTALL)[1]
TYPED = [row for row in USE_IT.splitlines() if row.startswith("pitstop ")]
QUICK = {
    '"127.0.0.1:8080"': '"127.0.0.1:{port}"',
    '"30s"': '"1s"',
    "min_requests = 50": "min_requests = 10",
}


@pytest.fixture
def terminal(shop):
    """A person's shell in the shop, before pitstop came."""
    (shop.path / "pitstop.toml").unlink()
    env = shop.env | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def typed(row: str, **how) -> subprocess.Popen:
        return subprocess.Popen(
            ["sh", "-c", row],
            cwd=shop.path,
            env=env,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **how,
        )

    yield typed
    shop.pitstop("abort", "--reason", "the test is over")
    shop.pitstop("resume", "--wait")
    shop.pitstop("local", "down")
    assert shop.end_what_is_left() == []


def test_the_commands_of_the_readme_ship_a_fix(shop, terminal):
    """From an empty repository to *fixed*, in the order in which they stand there."""
    ended = []
    crowd = Customers(shop.port)
    for row in TYPED:
        command = row.split()[1]
        client = terminal(row)
        if command == "ship":
            shipping = client
            continue
        if command == "approve":
            while shop.status()["waiting_for"] != "approval" and shipping.poll() is None:
                client.communicate()
                client = terminal(row)
        out, _ = client.communicate()
        ended.append((command, client.returncode))
        if command == "init":
            _make_quick(shop)
        if command == "local":
            crowd.start()
        if command == "start":
            (Path(shop.status()["worktree"]) / "shipping.py").write_text(GOOD)
        assert client.returncode == (1 if command == "doctor" else 0), out
    out, _ = shipping.communicate()
    crowd.stop()

    # before the service was put on, doctor says that nothing is in service yet
    assert [name for name, _ in ended] == ["init", "doctor", "local", "start", "approve"]
    assert shipping.returncode == 0, out
    assert "Fixed in" in out
    assert crowd.lost == 0


def _make_quick(shop) -> None:
    """Change what init wrote as a test must: its own port, short waits."""
    path = shop.path / "pitstop.toml"
    text = path.read_text()
    for said, quick in QUICK.items():
        assert said in text
        text = text.replace(said, quick.format(port=shop.port))
    path.write_text(text.replace('duration = "30m"', 'duration = "1s"'))


def test_every_command_that_the_readme_mentions_has_help():
    """Nothing there is a promise for later."""
    named = set(re.findall(r"`pitstop ([a-z-]+)", README))
    assert named
    for name in named:
        done = subprocess.run(
            [sys.executable, "-m", "pitstop", name, "--help"], capture_output=True, check=False
        )
        assert done.returncode == 0, name

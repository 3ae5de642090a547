"""The demo keeps its promises, word for word on the real thing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


def played(keep: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Play it in a folder that is left there."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PITSTOP_")}
    return subprocess.run(
        [sys.executable, "-m", "pitstop", "demo", "--no-open", "--keep", str(keep), *words],
        cwd=keep.parent,
        env=env | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )


def journal(keep: Path) -> list[dict]:
    """Return what was recorded."""
    done = subprocess.run(
        [sys.executable, "-m", "pitstop", "log", "--json"],
        cwd=keep / "shop",
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


LONG = pytest.mark.skipif(
    not os.environ.get("PITSTOP_KILL_ALL"), reason="a minute: make kill plays it"
)


@pytest.mark.parametrize(
    ("fault", "code", "outcome"),
    [
        (None, 0, "fixed"),
        ("bad-fix", 3, "rolled_back"),
        ("crash", 0, "fixed"),
        ("slow", 3, "rolled_back"),
        pytest.param("leak", 3, "rolled_back", marks=LONG),
    ],
)
def test_the_demo_ends_as_it_says(tmp_path, fault, code, outcome):
    """Customers see errors, the hotfix cures them or goes back, and nobody is left without an answer."""
    keep = tmp_path / "demo"

    done = played(keep, *(["--fault", fault] if fault else []))

    assert done.returncode == code, done.stdout + done.stderr
    told = re.findall(r"(\d+) answered with an error, (\d+) without any answer", done.stdout)
    (before, lost), (after, lost_after) = told
    assert int(before) > 0
    assert (int(after) == 0) is (code == 0)
    assert {lost, lost_after} == {"0"}
    lines = journal(keep)
    assert [ln["data"]["status"] for ln in lines if ln["event"] == "outcome"][-1] == outcome
    assert lines[-1]["event"] == "closed"
    attempts = {ln["data"]["attempt"] for ln in lines if ln["event"] == "started"}
    assert attempts == ({1, 2} if fault == "crash" else {1})
    assert "The timeline, from the journal:" in done.stdout
    assert f"■ {outcome.replace('_', ' ')}" in done.stdout
    assert "The service is down" in done.stdout

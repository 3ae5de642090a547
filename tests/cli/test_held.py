"""``pitstop held`` and ``pitstop release-known-bad``, as pipelines and people use them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pitstop.domain.calendar import DAYS
from repositories import Shop, a_claim, a_shop, git, hook, save

ROOT = Path(__file__).parents[2]
CONFIG = """\
[service]
name = "shop"

[platform]
use = "simulated"

[approval]
required = false

[gate]
baseline = "1s"
warmup = "0s"
soak = "1s"
min_requests = 10
unacceptable_rate = 0.2

[watch]
duration = "1s"
"""
FROZEN = """
[calendar]
timezone = "Europe/Berlin"
[[calendar.freeze]]
name = "the nineties"
from = 2000-01-01
until = 2100-01-01T06:00:00
"""


class Repository:
    """A repository with a remote, a configuration and the command line."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.path = shop, shop.here
        self.configure()
        git(self.path, "push", "-q", "origin", "main")

    def configure(self, more: str = "") -> None:
        """Commit a configuration."""
        save(self.path, {"pitstop.toml": CONFIG + more}, "configure")

    def pitstop(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command without a terminal."""
        return subprocess.run(
            [sys.executable, "-m", "pitstop", *words],
            cwd=cwd or self.path,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )

    def reasons(self, *words: str) -> list[dict[str, str]]:
        """Return why it is held; the exit code, the text and the JSON must agree."""
        done, plain = self.pitstop("held", "--json", *words), self.pitstop("held", *words)
        said = json.loads(done.stdout)
        assert done.returncode == plain.returncode == (3 if said["held"] else 0), done.stderr
        assert said["held"] == bool(said["reasons"])
        assert len(plain.stdout.splitlines()) == 1 + len(said["reasons"])
        return said["reasons"]

    def kinds(self, *words: str) -> list[str]:
        """Return the kinds of reasons."""
        return [reason["kind"] for reason in self.reasons(*words)]

    def start(self, title: str = "Checkout", *words: str) -> subprocess.CompletedProcess[str]:
        """Declare a hotfix."""
        return self.pitstop("start", title, "--impact", "i", "--symptom", "critical-bug", *words)

    def status(self, run: str) -> dict:
        """Return a run's state."""
        return json.loads(self.pitstop("status", run, "--json").stdout)

    def shipped(self) -> dict:
        """Ship a fix to its end and return its state."""
        assert self.start().returncode == 0
        worktree = Path(self.status("checkout")["worktree"])
        (worktree / "app.py").write_text("fixed\n")
        done = self.pitstop("ship", "--fix", "x", "--wait")
        assert done.returncode == 0, done.stdout + done.stderr
        return self.status("checkout")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository in which nothing holds a deployment."""
    monkeypatch.delenv("PITSTOP_STATE", raising=False)
    found = Repository(a_shop(tmp_path, monkeypatch))
    yield found
    for run in json.loads(found.pitstop("list", "--json").stdout):
        if not run["closed_at"]:
            found.pitstop("abort", run["id"], "--reason", "the test is over")


def test_a_quiet_day_is_free(repository):
    """Exit 0, in one line."""
    assert repository.reasons() == []
    assert repository.pitstop("held").stdout == "Free: nothing holds shop.\n"


def test_a_freeze_and_the_normal_windows_hold(repository):
    """With the time at which it opens again."""
    day = DAYS[(datetime.now(UTC) + timedelta(days=3)).weekday()]
    windows = f'\nwindows = ["{day} 09:00-12:00"]\n[[calendar'
    repository.configure(FROZEN.replace("\n[[calendar", windows))

    freeze, window = repository.reasons()

    assert [freeze["kind"], freeze["since"], freeze["until"]] == [
        "freeze",
        "1999-12-31T23:00:00Z",
        "2100-01-01T05:00:00Z",
    ]
    assert 'The freeze "the nineties" lasts until 2100-01-01 06:00 Europe/Berlin' in freeze["said"]
    assert window["kind"] == "window"
    assert f"outside the normal windows ({day} 09:00-12:00 Europe/Berlin)" in window["said"]


def test_the_next_opening_is_said(repository):
    """A pipeline knows when to come again."""
    day = DAYS[(datetime.now(UTC) + timedelta(days=3)).weekday()]
    repository.configure(f'\n[calendar]\nwindows = ["{day} 09:00-12:00"]\n')
    [window] = repository.reasons()
    opens = datetime.fromisoformat(window["until"])
    assert [DAYS[opens.weekday()], opens.hour] == [day, 9]
    assert f"Deploy after {opens:%Y-%m-%d} 09:00 UTC" in window["said"]


def test_a_calendar_that_cannot_be_read_holds(repository):
    """Not known is not free."""
    repository.configure('\n[calendar]\nics = ["gone.ics"]\n')
    [reason] = repository.reasons()
    assert reason["kind"] == "unknown"
    assert "gone.ics cannot be read" in reason["said"]


def test_a_remote_that_does_not_answer_holds(repository):
    """Nobody knows whether a hotfix is under way."""
    repository.shop.remote.rename(repository.shop.root / "away")
    [reason] = repository.reasons()
    assert reason["kind"] == "unknown"
    assert "not known whether a hotfix is under way" in reason["said"]
    assert reason["said"].endswith("then: pitstop held")


def test_somebody_elses_hotfix_holds(repository):
    """Its claim is on the remote."""
    other = repository.shop.clone("other")
    repository.shop.claims(other).take(a_claim(reason="checkout 500s"), None)
    [reason] = repository.reasons()
    assert [reason["kind"], reason["by"], reason["since"], reason["run"]] == [
        "hotfix",
        "Ada <ada@example.com>",
        "2026-01-02T03:04:05Z",
        "r1",
    ]
    assert "checkout 500s" in reason["said"]


def test_an_own_hotfix_holds_from_its_declaration_to_its_end(repository):
    """Once, though its claim and its record both say so; without the claim as well."""
    assert repository.start().returncode == 0
    [reason] = repository.reasons()
    assert [reason["kind"], reason["run"]] == ["hotfix", "checkout"]
    assert "pitstop status checkout" in reason["said"]
    git(repository.shop.remote, "update-ref", "-d", "refs/pitstop/shop")
    assert repository.kinds() == ["hotfix"]

    assert repository.pitstop("abort", "--reason", "x").returncode == 0
    assert repository.reasons() == []


def test_a_strangers_claim_holds_and_says_how_to_remove_it(repository):
    """What cannot be understood is no permission."""
    git(repository.path, "push", "-q", "origin", "HEAD:refs/pitstop/shop")
    [reason] = repository.reasons()
    assert reason["kind"] == "unknown"
    assert "push origin --delete" in reason["said"]


@pytest.mark.parametrize(
    "words", [["--commit", "nope"], ["--commit=--all"], ["--service", "other"]]
)
def test_what_is_typed_wrongly_is_no_reason_to_hold(repository, words):
    """Exit 2: somebody mends the pipeline."""
    done = repository.pitstop("held", *words)
    assert [done.returncode, done.stdout] == [2, ""]


def test_a_mistake_in_the_configuration_is_no_reason_to_hold(repository):
    """Named with its line."""
    repository.configure('\n[calendar]\ntimezone = "Berlin"\n')
    done = repository.pitstop("held")
    assert done.returncode == 2
    assert "calendar.timezone" in done.stderr


def test_it_loads_only_what_it_needs(repository):
    """Pipelines ask often: no terminal, no calendar files, no statistics."""
    code = "import sys; from pitstop.cli import main; main(['held'])\n"
    code += "print([m for m in ('rich', 'icalendar', 'recurring_ical_events') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository.path, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_the_documented_script_deploys_when_free_and_ends_when_held(repository):
    """The snippet of the how-to, as it stands."""
    text = (ROOT / "docs/how-to/hold-deployments.md").read_text()
    script = repository.path / "deploy.sh"
    script.write_text(re.search(r"```sh\n(#!/bin/sh\n.*?)```", text, re.DOTALL)[1])
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def deploy() -> subprocess.CompletedProcess[str]:
        words = ["sh", script.name]
        env = {**os.environ, "PATH": path}
        return subprocess.run(words, cwd=repository.path, env=env, capture_output=True, text=True)

    free = deploy()
    repository.configure(FROZEN)
    held = deploy()

    assert [free.returncode, "deploying" in free.stdout] == [0, True]
    assert [held.returncode, "deploying" in held.stdout] == [3, False]
    assert "the nineties" in held.stdout


def test_what_was_rolled_back_is_refused_and_holds_until_it_is_released(repository):
    """The whole life of a known-bad commit, on a remote that takes branches only."""
    refuse = 'case "$1" in refs/pitstop-known-bad/*) exit 1;; esac; exit 0'
    hook(repository.shop.remote, "update", refuse)
    commit = repository.shipped()["commit"]
    assert repository.reasons() == []

    assert repository.pitstop("rollback", "checkout", "--reason", "it lost orders").returncode == 0

    [reason] = repository.reasons()
    assert [reason["kind"], reason["by"]] == ["known-bad", "Ada <Ada@Example.com>"]
    assert "origin/main holds" in reason["said"]
    assert "it lost orders" in reason["said"]
    assert repository.reasons("--commit", f"{commit}^") == []
    again = repository.start("Again", "--from", commit)
    assert again.returncode == 4
    assert f"pitstop release-known-bad {commit[:12]} --reason TEXT" in again.stdout + again.stderr

    other = repository.shop.clone("other")
    for words in ([commit[:12]], [commit.upper()]):
        done = repository.pitstop("release-known-bad", *words, "--reason", "it was d1", cwd=other)
        assert done.returncode == 0, done.stderr
    assert "already" in done.stdout
    assert repository.reasons() == []
    assert repository.start("Again", "--from", commit).returncode == 0
    [listed] = json.loads(repository.pitstop("release-known-bad", "--list", "--json").stdout)
    assert [listed["commit"], listed["released"]["reason"]] == [commit, "it was d1"]
    assert "released" in repository.pitstop("release-known-bad", "--list").stdout


def test_a_hotfix_returned_in_its_watch_says_what_it_marked(repository):
    """``status --json`` names the commit; so does the timeline."""
    text = CONFIG.replace('duration = "1s"', 'duration = "60s"')
    save(repository.path, {"pitstop.toml": text}, "watch longer")
    assert repository.start().returncode == 0
    (Path(repository.status("checkout")["worktree"]) / "app.py").write_text("fixed\n")
    assert repository.pitstop("ship", "--fix", "x").returncode == 0

    assert repository.pitstop("rollback", "--reason", "it lost orders").returncode == 0

    state = repository.status("checkout")
    assert [state["outcome"], state["known_bad"]] == ["rolled_back", [state["commit"]]]
    assert (
        f"{state['commit'][:12]} is known bad until" in repository.pitstop("log", "checkout").stdout
    )
    [entry] = json.loads(repository.pitstop("release-known-bad", "--list", "--json").stdout)
    assert [entry["commit"], entry["reason"]] == [state["commit"], "it lost orders"]


def test_a_freeze_for_hotfixes_too_is_passed_by_name_and_blocks_no_rollback(repository):
    """Declined with the way past it; shipped with the override; returned without asking anybody.

    A silent remote delays neither the rollback nor the release: what others do not know yet is said.
    """
    repository.configure(FROZEN + 'hotfix = "override"\n')
    git(repository.path, "push", "-q", "origin", "main")
    assert repository.start().returncode == 0
    (Path(repository.status("checkout")["worktree"]) / "app.py").write_text("fixed\n")

    declined = repository.pitstop("ship", "--fix", "x")

    assert declined.returncode == 4
    said = declined.stdout + declined.stderr
    assert 'The freeze "the nineties" lasts until 2100-01-01 06:00 Europe/Berlin' in said
    assert "--override freeze --because TEXT" in said
    assert repository.start("Again", "--from", "hotfix/checkout").returncode == 0
    because = ("--override", "freeze", "--because", "nobody can pay")
    done = repository.pitstop("ship", "--fix", "x", *because, "--wait")
    assert done.returncode == 0, done.stdout + done.stderr
    state = repository.status("again")
    assert [one["gate"] for one in state["overrides"]] == ["freeze"]
    assert "freeze the nineties overridden" in repository.pitstop("log", "again").stdout
    away = repository.shop.root / "away"
    repository.shop.remote.rename(away)

    assert repository.pitstop("rollback", "again", "--reason", "it lost orders").returncode == 0
    words = ("release-known-bad", state["commit"][:10], "--reason", "good after all")
    alone = repository.pitstop(*words)

    assert [alone.returncode, "Only this clone knows so far" in alone.stderr] == [0, True]
    away.rename(repository.shop.remote)
    assert repository.pitstop(*words).stderr == ""
    other = repository.shop.clone("other")
    assert "good after all" in repository.pitstop("release-known-bad", "--list", cwd=other).stdout


@pytest.mark.parametrize(
    "words",
    [["abcdef12", "--reason", "x"], ["--reason", "x"], ["abcdef12"], ["abcdef12", "--reason", " "]],
)
def test_an_unknown_commit_and_an_empty_reason_are_usage(repository, words):
    """Exit 2, and what there is to release."""
    done = repository.pitstop("release-known-bad", *words)
    assert done.returncode == 2
    assert "--list" in done.stderr or "--reason" in done.stderr

"""Doctor: each thing that a hotfix would miss is named beforehand, with what to do about it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pitstop.cli import schema
from pitstop.cli.findings import debts, hooks
from repositories import a_shop, git, save, write

CONFIG = """\
[service]
name = "shop"

[platform]
use = "simulated"

[checks]
targeted = "{python} -m pytest -q {{tests}}"
smoke = "{python} -m pytest -q tests"
"""


USUAL = {  # of a run's state, what debts are read from
    "closed_at": "2026-01-02T03:04:05Z",
    "broke": None,
    "owed": [],
    "revert": None,
    "merged": {"main": None},
    "outcome": None,
    "waiting_for": None,
    "phase": "closed",
    "service": "shop",
    "commit": "f" * 40,
}


class Doctor:
    """A repository of two people that lacks nothing, and what doctor says of it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop = a_shop(root, monkeypatch)
        self.top = self.shop.here
        self.config = CONFIG.format(python=sys.executable)
        files = {"tests/test_app.py": "def test_it(): pass\n", "pitstop.toml": self.config}
        save(self.top, files, "with tests")
        git(self.top, "commit", "-q", "--allow-empty", "-m", "x", "--author=Grace <g@example.com>")
        git(self.top, "push", "-q", "origin", "main")

    def configure(self, said: str, instead: str) -> None:
        """Change the configuration."""
        assert said in self.config
        (self.top / "pitstop.toml").write_text(self.config.replace(said, instead))

    def says(self, code: int = 0, **env: str) -> dict[str, dict[str, str]]:
        """Return the findings that are not ok, by their names."""
        done = subprocess.run(
            [sys.executable, "-m", "pitstop", "doctor", "--json"],
            cwd=self.top,
            env=os.environ | env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        found = json.loads(done.stdout)
        assert all(set(one) == {"name", "status", "said", "remedy"} for one in found)
        bad = [one for one in found if one["status"] != "ok"]
        assert all(one["remedy"] for one in bad)
        return {one["name"]: one for one in bad}


@pytest.fixture
def doctor(tmp_path, monkeypatch):
    """A repository that lacks nothing."""
    return Doctor(tmp_path, monkeypatch)


def test_a_repository_that_lacks_nothing_has_only_good_news(doctor):
    """No false alarm: what doctor warns of must be worth reading."""
    assert doctor.says() == {}


@pytest.mark.parametrize(
    ("said", "instead", "name", "words"),
    [
        ("targeted = ", "# ", "checks.targeted", "every change runs the smoke tests only"),
        ("smoke = ", "# ", "checks.smoke", "where no test belongs to a change, none would run"),
        ("[checks]", "[slo]\nbudget = '1h'\n[checks]\n", "", ""),
        ("smoke = ", 'smoke = "make smoke"\n# ', "checks.smoke", "does not show a target smoke"),
        ("smoke = ", 'smoke = "npx jest"\n# ', "checks.smoke", "jest is not in package.json"),
        ("smoke = ", 'smoke = "$RUNNER tests | tee log"\n# ', "", ""),
        ("smoke = ", 'smoke = "echo \'half"\n# ', "", ""),
    ],
)
def test_what_would_not_run_is_a_warning(doctor, said, instead, name, words):
    """Each with the key; what takes a shell to tell is left alone."""
    (doctor.top / "Makefile").write_text("test:\n\ttrue\n")
    doctor.configure(said, instead)
    found = doctor.says()
    assert list(found) == ([name] if name else [])
    assert not name or words in found[name]["said"]


def test_a_test_runner_that_is_not_installed_is_found_out_beforehand(doctor):
    """Failed where nothing brings it; a warning where setup has to."""
    doctor.configure("-m pytest -q {tests}", "-m no_such_runner {tests}")
    found = doctor.says(1)
    assert "has no module no_such_runner" in found["checks.targeted"]["said"]
    text = (doctor.top / "pitstop.toml").read_text()
    (doctor.top / "pitstop.toml").write_text(f'{text}setup = "true"\n')
    found = doctor.says()
    assert (found["checks.targeted"]["status"], list(found)) == ("warning", ["checks.targeted"])


def test_no_test_at_all_is_a_warning(doctor):
    """There is nothing to choose from."""
    git(doctor.top, "rm", "-rq", "tests")
    assert list(doctor.says()) == ["tests"]


def test_alone_in_the_history_is_a_warning(doctor):
    """Robots approve nothing; who does not need another person is not told of it."""
    git(doctor.top, "checkout", "-q", "--orphan", "alone")
    save(doctor.top, {}, "all anew")
    robot = "--author=dependabot[bot] <49+dependabot[bot]@users.noreply.github.com>"
    git(doctor.top, "commit", "-q", "--allow-empty", "-m", "x", robot)
    git(doctor.top, "push", "-q", "-f", "origin", "HEAD:main")
    found = doctor.says()
    assert "only ada@example.com committed" in found["approval"]["said"]
    doctor.configure("[checks]", "[approval]\nrequired = false\n[checks]")
    assert doctor.says() == {}


def test_a_clock_behind_the_history_is_a_warning(doctor, monkeypatch):
    """Deadlines would be wrong."""
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2099-01-02T03:04:05Z")
    save(doctor.top, {}, "from the future")
    git(doctor.top, "push", "-q", "origin", "main")
    found = doctor.says()
    assert "2099-01-02 03:04 UTC" in found["clock"]["said"]


def test_a_calendar_file_that_cannot_be_read_has_failed(doctor):
    """Missing or no calendar, each by its name; a freeze that asks for an override hides neither."""
    event = "BEGIN:VEVENT\r\nUID:a\r\nDTSTART;VALUE=DATE:20260101\r\nEND:VEVENT\r\n"
    good = f"BEGIN:VCALENDAR\r\n{event}END:VCALENDAR\r\n"
    write(doctor.top, {"good.ics": good, "odd.ics": "no calendar"})
    always = 'name = "x"\nfrom = 2000-01-01\nuntil = 2999-01-01\nhotfix = "override"'
    doctor.configure(
        "[checks]",
        f'[calendar]\nics = ["gone.ics", "good.ics", "odd.ics"]\n[[calendar.freeze]]\n{always}\n[checks]',
    )
    done = subprocess.run(
        [sys.executable, "-m", "pitstop", "doctor"], cwd=doctor.top, capture_output=True, text=True
    )
    rows = [row for row in done.stdout.splitlines() if " calendar: " in row]
    assert done.returncode == 1
    assert rows[0].startswith("failed   calendar: The calendar gone.ics cannot be read: ")
    assert rows[1].startswith("failed   calendar: The calendar odd.ics cannot be understood: ")
    assert rows[2] == "ok       calendar: 1 of 3 calendar files can be read"
    assert f"→ mend {doctor.top / 'gone.ics'}, or take it out of calendar.ics" in done.stdout
    write(doctor.top, {"gone.ics": good, "odd.ics": good})
    assert doctor.says() == {}


def test_hooks_that_would_not_be_called_are_named(doctor):
    """Not executable, or called like no stage; notes and what hooks read are left alone."""
    folder = doctor.top / hooks.FOLDER
    write(folder, {"pre-deploying": "", "post-deploy": "", "README.md": "", "lib.sh": ""})
    write(folder, {"post-merging": "", ".x": "", "o\nd d": ""})
    for name in ("post-merging", "o\nd d"):
        (folder / name).chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", "pitstop", "doctor"], cwd=doctor.top, capture_output=True, text=True
    )
    rows = [row for row in done.stdout.splitlines() if ".pitstop/hooks" in row]
    assert rows == [
        "warning  hooks: .pitstop/hooks/o\\nd d is called at no stage",
        "warning  hooks: .pitstop/hooks/post-deploy is called at no stage",
        "warning  hooks: .pitstop/hooks/pre-deploying is not executable, so it would not be called",
        "         → chmod +x .pitstop/hooks/pre-deploying",
        "ok       hooks: .pitstop/hooks has post-merging",
    ]
    assert "→ call it post-deploying" in done.stdout


def test_the_schema_that_editors_are_shown_must_be_there_and_true(doctor):
    """Missing, old, right."""
    (doctor.top / "pitstop.toml").write_text(f"{schema.LINE}\n{doctor.config}")
    assert "there is none" in doctor.says()["schema"]["said"]
    (doctor.top / schema.FILE).write_text("{}")
    assert "another version's" in doctor.says()["schema"]["said"]
    (doctor.top / schema.FILE).write_text(schema.text())
    assert doctor.says() == {}


def test_a_secret_that_is_not_set_is_named(doctor):
    """By its variable; its value is never shown."""
    doctor.configure("[checks]", '[audiences.team]\nwebhook = { env = "TEAM_HOOK" }\n[checks]')
    found = doctor.says()
    assert found["audiences.team"]["said"] == "TEAM_HOOK is not set, so team would not hear"
    assert doctor.says(TEAM_HOOK="http://127.0.0.1:9/x") == {}


def test_an_open_hotfix_is_a_debt(doctor):
    """Somebody else has to wait for it."""
    words = ["start", "Slow pages", "--impact", "i", "--symptom", "critical-bug"]
    subprocess.run([sys.executable, "-m", "pitstop", *words], cwd=doctor.top, check=True)
    found = doctor.says()
    [name] = found
    assert "it is open (it waits for fix)" in found[name]["said"]
    assert f"pitstop abort {name}" in found[name]["remedy"]


@pytest.mark.parametrize("word", ["Reverts-hotfix:", "This reverts commit"])
def test_a_fix_that_main_lost_again_is_owed_no_more(doctor, word):
    """Whoever takes it out, with the prepared branch or with git revert."""
    fix = git(doctor.top, "rev-parse", "HEAD")
    state = {"outcome": "rolled_back", "merged": {"main": fix}, "main_ref": "origin/main"}
    state = USUAL | state | {"commit": fix}
    assert [one.name for one in debts.left([("x", state)], doctor.top)] == ["x"]
    git(doctor.top, "commit", "-q", "--allow-empty", "-m", f"Out\n\n{word} {fix}")
    git(doctor.top, "push", "-q", "origin", "main")
    assert [one.name for one in debts.left([("x", state)], doctor.top)] == ["debts"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (
            {"outcome": "fixed", "owed": ["push main by hand"]},
            ["its merge is owed: push main by hand"],
        ),
        (
            {"outcome": "rolled_back", "merged": {"main": "f" * 40}, "revert": "hotfix/x-revert"},
            ["main still holds the fix; merge hotfix/x-revert into it"],
        ),
        ({"outcome": "rolled_back"}, []),
        (
            {"outcome": "fixed", "closed_at": None},
            ["its fix serves users, and production is watched"],
        ),
        (
            {"broke": "The journal is damaged.", "closed_at": None},
            ["it cannot go on: The journal is damaged."],
        ),
    ],
)
def test_what_earlier_hotfixes_left_is_owed(state, words):
    """Also after they are closed."""
    assert [one.said for one in debts.of("x", USUAL | state)] == words

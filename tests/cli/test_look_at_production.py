"""``error-rate``, ``monitor`` and what doctor says of traffic: outside any hotfix, on a real log."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pitstop.cli import main
from repositories import git

CONFIG = """\
[service]
name = "shop"

[platform]
use = "shell"
deploy = "true"
current = "echo d1 {commit}"
health = "test ! -e sick"
access_log = "access.log"
"""


class Production:
    """A service whose requests stand in a log; one line for each."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self._capsys = home, capsys
        git(home, "init", "-q", "-b", "main")
        (home / "pitstop.toml").write_text(CONFIG.format(commit="a" * 40))
        (home / "access.log").touch()

    def served(self, ago: float, seconds: int, each: int, failing: int, ms: float = 20.0) -> None:
        """Write down so many requests in each of so many seconds, the first of them failing.

        What lies in the future is not heard yet: so traffic comes in while somebody looks.
        """
        rows, now = [], time.time()
        for second in range(seconds):
            for number in range(each):
                at, status = now - ago + second + number / each, 500 if number < failing else 200
                rows.append(json.dumps({"at": at, "status": status, "ms": ms}))
        with (self.home / "access.log").open("a") as log:
            log.write("\n".join(rows) + "\n")

    def pitstop(self, *words: str) -> tuple[int, str, str]:
        """Run a command; return its exit code and what it said."""
        code = main(["-C", str(self.home), *words])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def json(self, *words: str) -> tuple[int, dict]:
        """Run a command with --json."""
        code, out, _ = self.pitstop(*words, "--json")
        return code, json.loads(out)


@pytest.fixture
def production(tmp_path, monkeypatch, capsys):
    """A service with ten quiet minutes behind it: 10 requests a second, none of them failing."""
    monkeypatch.delenv("PITSTOP_STATE", raising=False)
    found = Production(tmp_path, capsys)
    found.served(ago=700, seconds=600, each=10, failing=0)
    return found


@pytest.mark.parametrize(("failing", "code", "verdict"), [(0, 0, "pass"), (2, 3, "fail")])
def test_the_error_rate_is_compared_with_the_time_before(production, failing, code, verdict):
    """The same is normal, a fifth failing where nothing failed is too high."""
    production.served(ago=50, seconds=45, each=10, failing=failing)

    found, said = production.json("error-rate", "--last", "1m")

    assert [found, said["verdict"]] == [code, verdict]
    assert [said["requests"], said["errors"]] == [450, 45 * failing]
    assert said["rate"] == pytest.approx(failing / 10)
    low, high = said["interval"]
    assert low <= said["rate"] <= high
    assert high - low < 0.15
    assert said["baseline_requests"] == 6000
    code, out, _ = production.pitstop("error-rate", "--last", "1m")
    assert [code, out.startswith("shop: ")] == [found, True]
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(("failing", "code"), [(4, 0), (6, 3)])
def test_what_was_as_bad_before_is_not_higher_but_half_is_never_normal(production, failing, code):
    """Compared with a time in which every second request failed, too."""
    (production.home / "access.log").write_text("")
    production.served(ago=700, seconds=600, each=10, failing=5)
    production.served(ago=50, seconds=45, each=10, failing=failing)
    assert production.pitstop("error-rate", "--last", "1m")[0] == code


@pytest.mark.parametrize(("failing", "code"), [(0, 0), (1, 3)])
def test_without_a_time_before_what_nobody_accepts_is_too_high(production, failing, code):
    """A service that has failed since it came up is not normal."""
    (production.home / "access.log").write_text("")
    production.served(ago=50, seconds=45, each=10, failing=failing)
    found, said = production.json("error-rate", "--last", "1m")
    assert [found, said["baseline_requests"]] == [code, 0]


@pytest.mark.parametrize("silence", ["nothing served", "a source that does not answer"])
def test_silence_is_neither_normal_nor_too_high(production, silence):
    """Exit 6, with what is known."""
    if silence != "nothing served":
        (production.home / "access.log").unlink()
    code, said = production.json("error-rate", "--last", "1m")
    assert [code, said["verdict"], said["requests"]] == [6, "inconclusive", 0]
    assert said["rate"] is said["interval"] is None
    assert said["reason"]


def test_a_few_failures_are_too_few_to_tell(production):
    """One of three is no outage yet, and not normal either."""
    production.served(ago=30, seconds=1, each=3, failing=1)
    code, said = production.json("error-rate", "--last", "1m")
    assert [code, said["errors"]] == [6, 1]


@pytest.mark.parametrize(
    "words",
    [
        ["error-rate"],
        ["error-rate", "--last", "soon"],
        ["error-rate", "--last", "0s"],
        ["error-rate", "--last", "99999999d"],
        ["monitor", "--duration", "-5m"],
    ],
)
def test_a_length_of_time_that_is_none_is_usage(production, words):
    """Exit 2, and the option is named."""
    with pytest.raises(SystemExit) as ended:
        production.pitstop(*words)
    assert ended.value.code == 2


def test_monitor_sees_health_errors_and_latency_and_says_one_verdict(production):
    """Also where nobody comes: then nothing is known of users, and that is said."""
    code, said = production.json("monitor", "--duration", "2s")
    assert [code, said["verdict"], said["requests"]] == [6, "inconclusive", 0]
    assert said["health"]["good"] == said["health"]["asked"] >= 2

    production.served(ago=0, seconds=30, each=60, failing=0)
    code, said = production.json("monitor", "--duration", "3s")

    assert [code, said["verdict"], said["interrupted"]] == [0, "pass", False]
    assert said["requests"] > 50
    assert said["latency_ms"]["p50"] == pytest.approx(20, rel=0.03)
    assert said["latency_ms"]["baseline_p95"] == pytest.approx(20, rel=0.03)


def test_monitor_ends_at_once_when_it_is_clear_that_users_are_hurt(production):
    """A minute of waiting would tell nothing new; without a terminal the lines are plain."""
    production.served(ago=0, seconds=30, each=40, failing=30)
    code, out, _ = production.pitstop("monitor", "--duration", "10m")
    assert code == 3
    lines = out.splitlines()
    assert " of 10:00  up  " in lines[0]
    assert [line for line in lines if line.startswith("shop: worse: ")]
    assert [line for line in lines if line.startswith("errors: ")]
    assert "\x1b" not in out


def test_a_service_that_never_answers_is_worse_than_anything(production):
    """Whatever its traffic was."""
    (production.home / "sick").touch()
    code, said = production.json("monitor", "--duration", "1s")
    assert [code, said["verdict"], said["health"]["good"]] == [3, "fail", 0]
    assert "not healthy" in said["reason"]


def test_in_a_terminal_monitor_rewrites_one_line_of_80_columns(production, monkeypatch):
    """And leaves nothing of it behind."""
    production.served(ago=0, seconds=30, each=40, failing=0)
    shown = io.StringIO()
    monkeypatch.setattr(shown, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    production.pitstop("monitor", "--duration", "2s")
    live, last = shown.getvalue().rsplit("\r\x1b[K", 1)
    rows = live.split("\r\x1b[K")[1:]
    assert rows[0].startswith("0:00 of 0:02  up  ")
    assert len(rows) >= 2
    assert max(map(len, rows)) < 80
    assert "\n" not in live
    assert last.startswith("shop: ")


def test_monitor_interrupted_says_what_was_seen_so_far(production):
    """Ctrl-C is no verdict."""
    words = [sys.executable, "-m", "pitstop", "monitor", "--duration", "10m"]
    client = subprocess.Popen(
        words,
        cwd=production.home,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert client.stdout
    first = client.stdout.readline()
    os.kill(client.pid, signal.SIGINT)
    rest, _ = client.communicate(timeout=60)
    assert "0:00 of 10:00  up" in first
    assert client.returncode == 130
    assert "shop so far: cannot tell: nothing was heard of users" in rest


def test_doctor_says_when_traffic_would_come_to_a_verdict(production):
    """Ten requests a second pass in time, one in two minutes does not, none is said."""

    def findings() -> dict[str, dict]:
        _, out, _ = production.pitstop("doctor", "--json")
        return {one["name"]: one for one in json.loads(out)}

    production.served(ago=50, seconds=45, each=10, failing=0)
    found = findings()
    assert [found["telemetry"]["status"], found["traffic"]["status"]] == ["ok", "ok"]
    assert "a good fix passes in about" in found["traffic"]["said"]

    (production.home / "access.log").write_text("")
    for minute in range(1, 30, 2):
        production.served(ago=60 * minute + 5, seconds=1, each=1, failing=0)
    found = findings()
    assert [found["telemetry"]["status"], found["traffic"]["status"]] == ["warning", "warning"]
    assert "set up probes" in found["traffic"]["remedy"]

    (production.home / "access.log").write_text("")
    found = findings()
    assert "nothing was heard" in found["telemetry"]["said"]
    assert "traffic" not in found

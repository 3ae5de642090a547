"""The live view: stages, clock and output below the journal, within 80 columns."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from datetime import UTC, datetime, timedelta

import pytest

from pitstop.cli import filling
from pitstop.cli.follow import Budget
from pitstop.cli.live import LiveView
from pitstop.engine.ownership import RunFolder
from pitstop.journal.stages import BUDGETS, stages, still_usual
from pitstop.journal.status import status

BY = "a <a@x>"


@pytest.fixture
def run(tmp_path):
    """A run in the middle of its checks, declared 29 minutes ago."""
    run = RunFolder.create(tmp_path, "checkout")
    journal = run.journal(create=True)
    began = datetime.now(UTC) - timedelta(minutes=29)
    incident = {"id": "checkout", "title": "t", "service": "s", "owner": BY}
    journal.append("declared", {"incident": incident, "budget_seconds": 1800.0}, by=BY, at=began)
    for phase, minutes in (("preparing", 0), ("checking", 12), ("checking", 20)):
        data = {"title": f"{phase} it", "phase": phase, "attempt": 1}
        at = began + timedelta(minutes=minutes)
        journal.append(
            "started", data, by=BY, step=f"checks.{'smoke' if minutes else phase}", at=at
        )
    (run.output / "smoke.1.log").write_bytes(b"test one ok\ntest two \033[2Jok" + b"x" * 300)
    yield run
    journal.close()


def test_a_stage_lasts_to_the_first_step_of_the_next(run):
    """Budgets are the runbook's."""
    now = datetime.fromisoformat(run.lines()[1]["at"]) + timedelta(minutes=29)
    rows = {row["name"]: row for row in stages(run.lines(), now)}
    assert list(rows) == list(BUDGETS)
    assert [rows["preparing"]["state"], round(rows["preparing"]["seconds"])] == ["done", 720]
    assert [rows["checking"]["state"], round(rows["checking"]["seconds"])] == ["current", 1020]
    assert rows["merging"]["state"] == "ahead"


def test_the_view_shows_stages_clock_and_output_within_80_columns(run):
    """What a tired person looks at."""
    view = LiveView(run)
    for line in run.lines():
        view._lines.append(line)
    rows = view._below().plain.splitlines()
    assert "prepare 12:00!  check 17:0" in rows[1]
    assert "! of 10 min  approve  deploy" in rows[1]
    assert rows[2] == "checking it"
    assert "1.0 min left of 30 · verified about" in rows[3]
    assert "\033" not in rows[4]
    assert max(len(row) for row in rows[:4]) <= 80


def test_output_of_a_step_that_is_over_is_not_shown(run):
    """A green test line below a running deploy would be a lie."""
    view = LiveView(run)
    view._lines += run.lines()
    assert view._below().plain.splitlines()[-1].startswith("│ test two")
    for line in [line for line in run.lines() if line["event"] == "started"]:
        view._lines.append(line | {"event": "finished", "data": {"value": None}})
    view._lines.append(line | {"step": "deploy.stage", "at": "2999-01-01T00:00:00.000Z"})
    assert "│" not in view._below().plain


def test_in_a_real_terminal_of_80_columns_nothing_is_torn(open_shop):
    """The journal scrolls above, the stages and the clock stay below, and Ctrl-C only stops looking."""
    go = open_shop.folder / "go"
    waits = f"while [ ! -e '{go}' ]; do sleep 0.1; done"
    open_shop.configure(smoke=json.dumps(f"echo all 12 tests passed; {waits}"))
    open_shop.start("A title that is so long that it has to be cut in every row it stands in " * 2)
    open_shop.fix()
    said = in_a_terminal(open_shop, "ship", "--fix", "x", until="tests passed")
    go.touch()

    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)
    rows = [row for row in re.split(r"[\r\n]+", plain) if row.strip()]
    assert "\x1b[" in said
    assert [row for row in rows if "prepare 0:" in row and "check 0:" in row and "of 10 min" in row]
    assert [row for row in rows if row.startswith("│ all 12 tests passed")]
    assert [row for row in rows if "min left of 30 · verified about" in row]
    live = [row for row in rows if row.startswith(("prepare", "│", "0."))]
    assert max(map(len, live)) <= 80
    assert open_shop.status()["outcome"] is None


def in_a_terminal(shop, *words: str, until: str) -> str:
    """Run a command in a terminal until it shows a text, then press Ctrl-C; return what was shown."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    env = {k: v for k, v in shop.env.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")}
    client = subprocess.Popen(
        [sys.executable, "-m", "pitstop", *words],
        cwd=shop.path,
        env=env | {"TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # may be ignored around us
    )
    os.close(theirs)
    shown, deadline = b"", time.monotonic() + 60
    while client.poll() is None and time.monotonic() < deadline:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:
                break
        if until.encode() in shown:
            client.send_signal(signal.SIGINT)
            until = "\0"
    client.kill()
    client.wait()
    os.close(ours)
    return shown.decode(errors="replace")


def test_the_usual_time_that_is_left_counts_only_what_lies_ahead(run):
    """Stages that are done take no more time, one that takes longer than usual is about to end."""
    now = datetime.fromisoformat(run.lines()[-1]["at"])
    assert still_usual(stages(run.lines(), now)) == (5 + 2) * 60
    assert still_usual(stages(run.lines()[:2], now - timedelta(minutes=19))) == (2 + 5 + 5 + 2) * 60


def test_a_budget_that_runs_out_is_said_once_before_and_once_after(run, capsys):
    """Also without a terminal's live view."""
    state, budget = status(run.lines()), Budget()
    for seconds in (3600.0, 1800.0, 1741.0, 1735.0, 1700.0):
        state["slo"]["budget_seconds"] = seconds
        budget.look(state)

    said = capsys.readouterr().err.splitlines()
    assert [row.partition(":")[0] for row in said] == ["WARNING", "WARNING"]
    assert "are left of the 30 min" in said[0]
    assert "are over" in said[1]
    state["verified_at"] = state["declared_at"]
    Budget().look(state)
    assert capsys.readouterr().err == ""


def test_the_gate_fills_up_below_the_journal_within_80_columns(run):
    """Rates, bars and words; a half line, an unknown metric and a new count tear nothing."""
    file = run.output / filling.FILE
    at = datetime.now(UTC)
    counts = [(90_000, 9_000), (90_100, 9_010), (100, 50), (200, 50)]
    looks = [
        {"at": at.isoformat(), "verdict": "pending", "requests": n, "errors": x, "rate": x / n}
        | {"baseline_rate": 0.004, "to_pass": 0.25, "to_fail": 0.996, "blame": "errors"}
        for n, x in counts
    ]
    file.write_text("\n".join(map(json.dumps, looks)) + '\n{"at": "20')

    errors, bounds = filling.rows(run.output, at)

    assert errors == "errors ▂█▁                      25.0 % of 200, before 0.4 %"
    assert bounds == "pass ██░░░░░░░░ 25 %   roll back █████████░ 99 % (errors)"
    view = LiveView(run)
    view._lines += run.lines()
    shown = view._below().plain.splitlines()
    assert [errors, bounds] == shown[3:5]
    assert max(map(len, shown)) <= 80 or shown[-1].startswith("│")
    assert filling.rows(run.output, at + timedelta(minutes=1)) == []

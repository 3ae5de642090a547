"""The live view: stages, clock and output below the journal, within 80 columns."""

from datetime import UTC, datetime, timedelta

import pytest

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
        journal.append("started", data, by=BY, step=f"x.{phase}{minutes}", at=at)
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
    assert "prepare 12:00  check 17:0" in rows[1]
    assert rows[2] == "checking it"
    assert "1.0 min left of 30 · verified about" in rows[3]
    assert "\033" not in rows[4]
    assert max(len(row) for row in rows[:4]) <= 80


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

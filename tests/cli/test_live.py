"""The live view: stages, clock and output below the journal, within 80 columns."""

from datetime import UTC, datetime, timedelta

import pytest

from pitstop.cli.live import LiveView
from pitstop.engine.ownership import RunFolder
from pitstop.journal.stages import BUDGETS, stages

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
    assert "1.0 min left of 30" in rows[2]
    assert "\033" not in rows[3]
    assert max(len(row) for row in rows[:3]) <= 80

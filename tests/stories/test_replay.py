"""A run continues from its journal: killed anywhere, it comes to the same end without doubling."""

import contextlib
import json
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

import given
from pitstop.adapters import simulated
from pitstop.adapters.simulated import World
from pitstop.engine.recorded import Stopped
from pitstop.journal.chain import broken_at
from pitstop.journal.store import Journal
from pitstop.procedures.hotfix import hotfix


class Killed(BaseException):
    """The process is gone."""


def kill_at(journal, count: int) -> None:
    """Let the journal's process die right before or after the line with this number."""
    append = journal.append

    def dying(*args, **kwargs):
        dying.left -= 1
        if dying.left == 0:
            raise Killed
        result = append(*args, **kwargs)
        if dying.left == 1 and count % 2:
            dying.left = 0
            raise Killed
        return result

    dying.left = count
    journal.append = dying


def run_killed(world: World, kills: list[int]) -> given.Rehearsal:
    """Run a hotfix that is killed at each of these line numbers and started again."""
    story = given.Rehearsal(world).ships().approves()
    append = story.journal.append
    for count in kills:
        kill_at(story.journal, count)
        with contextlib.suppress(Killed):
            story.runs()
        story.journal.append = append
    story.runs()
    return story


def without_noise(acts: list[str]) -> list[str]:
    """Return the acts, each once if it was done once."""
    return sorted(acts)


@settings(max_examples=60, deadline=None, derandomize=True)
@for_all(st.lists(st.integers(1, 60), max_size=3), st.booleans())
def test_killed_anywhere_the_world_ends_the_same(kills, good):
    """Whatever line it died at, each act is done exactly once and the outcome is the same."""
    rates = {} if good else {"rate_before": 0.0, "rate_after": 0.5}
    quiet = given.Rehearsal(World(**rates)).ships().approves()
    expected = quiet.runs().status

    story = run_killed(World(**rates), kills)

    assert expected == story.status["outcome"]
    assert without_noise(quiet.world.acts) == without_noise(story.world.acts)
    assert broken_at(story.journal.lines()) is None


def test_a_finished_step_is_never_done_again():
    """Called from the top, the procedure changes nothing that is finished."""
    story = given.Rehearsal().ships().approves()
    story.runs()
    acts, lines = list(story.world.acts), len(story.journal.lines())

    story.runs()

    assert [acts, lines] == [story.world.acts, len(story.journal.lines())]


def test_a_step_of_an_older_version_that_nobody_asks_for_stops_in_words():
    """An old run meets a new procedure without surprise, or is not touched."""
    story = given.Rehearsal().ships().approves()
    story.says("finished", {"value": 1}, once="finished:old.step")
    story.journal._db.execute("UPDATE lines SET step = 'old.step' WHERE once = 'finished:old.step'")

    with pytest.raises(Stopped, match=r"old\.step"):
        story.runs()
    assert story.world.acts == []


def test_a_run_that_an_earlier_version_opened_goes_on_to_its_end():
    """Its journal lacks a step that this version has: it is done now, nothing else again."""
    kept = Path(__file__).parent / "journals" / "before-the-merge-was-foreseen.jsonl"
    story = given.Rehearsal(journal=Journal(":memory:", "checkout-500s", create=True))
    for line in map(json.loads, kept.read_text().splitlines()[1:]):
        story.journal.append(**line | {"at": datetime.fromisoformat(line["at"])})
    story.world.branches["hotfix/checkout-500s"] = simulated.FIX
    before = story.steps("started")

    outcome = story.approves().runs()

    assert outcome.status == "fixed"
    new = story.steps("started")[len(before) :]
    assert new[:3] == ["triage.passes_calendar", "guard.known_bad", "merge.foresee"]
    assert set(new).isdisjoint(before)


def test_nothing_new_is_slipped_in_once_a_run_holds_the_service():
    """A guard that came with this version and says no behind the switch would strand users."""
    story = given.Rehearsal().ships().approves()
    story.runs()
    rows = "SELECT seq FROM lines WHERE step = 'merge.foresee' OR seq > ?"
    switched = next(ln for ln in story.journal.lines() if ln["step"] == "deploy.release")
    story.journal._db.execute(f"DELETE FROM lines WHERE seq IN ({rows})", (switched["seq"] + 1,))

    with pytest.raises(Stopped, match=r"deploy\.release"):
        story.runs()
    assert story.world.live == "d2"


def test_a_result_of_another_shape_stops_in_words():
    """A recorded result that cannot be read is not guessed at."""
    story = given.Rehearsal().ships().approves()
    story.journal.append("finished", {"value": {"new": 1}}, by=given.ADA, step="triage.classify")

    with pytest.raises(Stopped, match="another"):
        story.runs(hotfix)

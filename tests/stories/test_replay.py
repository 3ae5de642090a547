"""A run continues from its journal: killed anywhere, it comes to the same end without doubling."""

import contextlib

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

import given
from pitstop.adapters.simulated import World
from pitstop.engine.recorded import Stopped
from pitstop.journal.chain import broken_at
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


def test_a_result_of_another_shape_stops_in_words():
    """A recorded result that cannot be read is not guessed at."""
    story = given.Rehearsal().ships().approves()
    story.journal.append("finished", {"value": {"new": 1}}, by=given.ADA, step="triage.classify")

    with pytest.raises(Stopped, match="another"):
        story.runs(hotfix)

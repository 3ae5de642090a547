"""Windows and freezes in the procedure: a hotfix passes them on record, a rollback passes anything."""

from datetime import timedelta

import pytest

import given
from pitstop.adapters.simulated import START, World
from pitstop.domain.calendar import Freeze
from pitstop.domain.incident import Return
from pitstop.procedures.rollback import roll_back

STRICT = Freeze("audit", START - timedelta(days=1), START + timedelta(days=1), "override")
MILD = Freeze("year end", START - timedelta(days=1), START + timedelta(days=1))
BECAUSE = "nobody can pay"


def ready(**world) -> given.Rehearsal:
    """Return a shipped and approved hotfix in a world."""
    return given.Rehearsal(World(**world)).ships().approves()


def passed(story: given.Rehearsal) -> str:
    """Return what the record says about the calendar."""
    [line] = [
        line
        for line in story.journal.lines()
        if (line["event"], line["step"]) == ("finished", "triage.passes_calendar")
    ]
    return line["data"]["value"]


@pytest.mark.parametrize(
    ("world", "said"),
    [
        ({}, "no freeze"),
        ({"windows": ("Mon-Sun 00:00-24:00",)}, "inside the normal windows"),
        ({"windows": ("Mon 09:00-10:00",)}, "outside the normal windows (Mon 09:00-10:00 UTC)"),
        ({"freezes": [MILD]}, 'during the freeze "year end", until 2026-01-03 03:04 UTC'),
        ({"calendar_answers": False}, "not known whether there is a freeze: The calendar freezes"),
    ],
)
def test_a_hotfix_passes_the_calendar_and_the_record_says_what(world, said):
    """Nothing that is there for ordinary deployments stops an emergency."""
    story = ready(**world)

    assert story.runs().status == "fixed"
    assert said in passed(story)


def test_a_freeze_for_hotfixes_too_declines_and_names_the_flag():
    """Production is unchanged, and what to type is there."""
    story = ready(freezes=[MILD, STRICT])

    outcome = story.runs()

    assert outcome.status == "declined"
    assert 'The freeze "audit" lasts until 2026-01-03 03:04 UTC' in outcome.reason
    assert "--override freeze --because TEXT" in outcome.reason
    assert story.world.live == "d1"


def test_such_a_freeze_is_passed_by_an_override_that_stays_visible():
    """Who, what and why; reviewed afterwards."""
    story = ready(freezes=[STRICT])
    story.says("override", {"gate": "freeze", "because": BECAUSE})

    assert story.runs().status == "fixed"
    assert passed(story) == f"the freeze audit overridden by {given.ADA}: {BECAUSE}"
    assert [f["title"] for f in story.status["followups"]] == ["review the override of freeze"]


def test_an_override_of_something_else_opens_no_freeze():
    """Each gate is answered for by its own name."""
    story = ready(freezes=[STRICT])
    story.says("override", {"gate": "known-bad", "because": BECAUSE})

    assert story.runs().status == "declined"


def test_a_rollback_is_blocked_by_nothing():
    """Neither by a freeze, nor by a claim of others, nor outside the windows, nor by a silent remote."""
    story = ready(bad_after=10_000.0)
    story.runs()
    world = story.world
    assert world.live == "d2"
    world.freezes, world.windows = [STRICT], ("Mon 09:00-10:00",)
    world.claimed_by, world.remote_answers, world.calendar_answers = "other-run", False, False
    wanted = Return("rollback-1", "shop", "d1", "users complain", given.ADA)

    returned = given.Rehearsal(world).runs(lambda pit, _: roll_back(pit, wanted))

    assert returned.status == "rolled_back"
    assert [world.live, world.claimed_by] == ["d1", "other-run"]


def test_a_failing_fix_is_returned_during_a_freeze():
    """The way back of a hotfix asks no calendar either."""
    story = ready(freezes=[STRICT], rate_before=0.0, rate_after=0.5)
    story.says("override", {"gate": "freeze", "because": BECAUSE})

    assert story.runs().status == "rolled_back"
    assert story.world.live == "d1"

"""What production was returned from is remembered, unless nothing was found against it."""

import pytest

import given
from pitstop.adapters.simulated import BASE, FIX, SimulatedKnownBad, World
from pitstop.domain.incident import Return
from pitstop.domain.known_bad import BadCommit, Released
from pitstop.ports import Refused
from pitstop.procedures.rollback import roll_back

BAD = {"rate_before": 0.0, "rate_after": 0.5}
TREE = f"tree-{FIX}"


def ready(**world) -> given.Rehearsal:
    """Return a shipped and approved hotfix in a world."""
    return given.Rehearsal(World(**world)).ships().approves()


def entry(commit: str = FIX, tree: str = "", released: Released | None = None) -> BadCommit:
    """Return what somebody learned yesterday."""
    at = "2026-01-01T09:00:00Z"
    return BadCommit(commit, tree, "it lost orders", given.GRACE, at, "old-run", released)


def test_a_fix_that_a_gate_found_bad_is_known_bad():
    """Which commit, why, by whom and in which run."""
    story = ready(**BAD)

    assert story.runs().status == "rolled_back"
    bad = story.world.known_bad[FIX]
    assert [bad.tree, bad.by, bad.run] == [TREE, given.ADA, "checkout-500s"]
    assert bad.reason == story.status["reason"]
    assert story.status["known_bad"] == [FIX]


def test_a_fix_that_turns_bad_in_the_watch_is_known_bad():
    """Also when it was merged already."""
    story = ready(bad_after=30.0)

    assert story.runs().status == "rolled_back"
    assert story.status["known_bad"] == [FIX]


def test_a_release_that_died_is_known_bad():
    """Health is a gate as well."""
    story = ready(stays_healthy=False)
    story.runs()
    assert list(story.world.known_bad) == [FIX]


def test_a_fix_that_a_person_returned_from_is_known_bad_by_their_word():
    """The rollback says it to the hotfix, which remembers it."""
    story = ready(requests_per_second=0)

    def return_it():
        if story.status["deployment"] and story.world.live == "d2":
            story.world.live = "d1"
            said = {"run": "rollback-1", "reason": "users complain", "ok": True, "to": "d1"}
            story.says("rollback", said, by=given.GRACE, once="rollback:0")
            story.says("returned", said, by=given.GRACE, once="returned")

    story.world.on_tick = return_it

    assert story.runs().status == "rolled_back"
    bad = story.world.known_bad[FIX]
    assert [bad.reason, bad.by] == ["users complain", given.GRACE]


def at_the_verdict(story, act) -> None:
    """Let something happen while a person is to decide about a deployed fix."""
    story.world.on_tick = lambda: story.status["waiting_for"] == "verdict" and act()


def test_an_abort_after_the_deploy_says_nothing_about_the_fix():
    """It was stopped, not found bad."""
    story = ready(requests_per_second=0)
    at_the_verdict(story, lambda: story.says("abort", {"reason": "enough"}, once="abort"))

    assert story.runs().status == "rolled_back"
    assert [story.world.known_bad, story.status["known_bad"]] == [{}, []]


def test_a_fault_after_the_deploy_says_nothing_about_the_fix():
    """The tool's trouble is not the commit's."""
    story = ready()

    story.world.on_tick = lambda: (
        story.world.live == "d2" and setattr(story.world, "requests_per_second", "nonsense")
    )

    assert story.runs().status == "rolled_back"
    assert "broke" in story.status["reason"]
    assert story.world.known_bad == {}


def test_a_fix_that_never_served_users_is_not_known_bad():
    """Nothing was rolled back."""
    for world in ({"starts": False}, {"failing": ("targeted",)}):
        story = ready(**world)
        story.runs()
        assert story.world.known_bad == {}


def test_a_rollback_goes_on_where_nothing_can_be_remembered(monkeypatch):
    """A remark about the past never costs the present anything."""
    story = ready(**BAD)

    def fail(*_):
        raise OSError("disk on fire")

    monkeypatch.setattr(SimulatedKnownBad, "mark", fail)

    assert story.runs().status == "rolled_back"
    assert story.world.live == "d1"
    said = [ln for ln in story.journal.lines() if ln["step"] == "learn.mark_known_bad"][-1]
    assert "is not marked: disk on fire" in said["data"]["value"]["said"]
    assert story.steps()[-1] == "learn.close"


def returned(world: World, **facts) -> given.Rehearsal:
    """Return to d1 by hand in a world."""
    story = given.Rehearsal(world)
    wanted = Return("rollback-1", "shop", "d1", "users complain", given.GRACE, **facts)
    story.runs(lambda pit, _: roll_back(pit, wanted))
    return story


def test_what_a_rollback_by_hand_left_is_known_bad():
    """An ordinary deployment, too."""
    story = ready()
    story.runs()

    rollback = returned(story.world, left=(FIX, TREE))

    bad = story.world.known_bad[FIX]
    assert [bad.reason, bad.by, bad.run] == ["users complain", given.GRACE, "rollback-1"]
    assert rollback.status["known_bad"] == [FIX]


def test_a_rollback_that_left_nothing_later_marks_nothing():
    """Going on to a later deployment says nothing against the earlier one."""
    story = ready()
    story.runs()
    assert returned(story.world).status["known_bad"] == []


def test_a_rollback_that_failed_marks_nothing():
    """Users are still there."""
    story = ready()
    story.runs()
    story.world.returns = False
    assert returned(story.world, left=(FIX, TREE)).status["known_bad"] == []


@pytest.mark.parametrize(
    "world",
    [
        {"known_bad": {FIX: entry(FIX)}},
        {"known_bad": {"e" * 40: entry("e" * 40, TREE)}},
        {"known_bad": {"e" * 40: entry("e" * 40)}, "below": {FIX: ("e" * 40,)}},
    ],
    ids=["the commit", "its tree", "a commit under it"],
)
def test_what_is_known_bad_is_declined_with_its_story(world):
    """Since when, why, by whom, and both ways past it."""
    story = ready(**world)

    outcome = story.runs()

    assert outcome.status == "declined"
    for word in ("2026-01-01T09:00:00Z", "it lost orders", given.GRACE, "Production is unchanged"):
        assert word in outcome.reason
    assert "pitstop release-known-bad" in outcome.reason
    assert "--override known-bad --because TEXT" in outcome.reason
    assert story.world.live == "d1"


def test_it_may_go_with_an_override_or_once_it_is_released():
    """By name and with a reason, either way."""
    released = entry(FIX, released=Released(given.ADA, "the disk was full", "2026-01-02T00:00:00Z"))
    assert ready(known_bad={FIX: released}).runs().status == "fixed"

    story = ready(known_bad={FIX: entry()})
    story.says("override", {"gate": "known-bad", "because": "the second commit mends it"})
    assert story.runs().status == "fixed"
    assert [f["title"] for f in story.status["followups"]] == ["review the override of known-bad"]
    [said] = [ln for ln in story.journal.lines() if ln["step"] == "guard.known_bad"][1:]
    assert said["data"]["value"].startswith(f"{FIX[:12]} overridden by {given.ADA}")


def test_an_entry_that_cannot_be_understood_is_passed_by_override_only(monkeypatch):
    """Not known to be good is not good; a person may answer for it."""

    def find(*_):
        raise Refused("refs/pitstop-known-bad/shop/x is no entry that pitstop wrote.")

    monkeypatch.setattr(SimulatedKnownBad, "find", find)
    assert ready().runs().status == "failed"

    story = ready()
    story.says("override", {"gate": "known-bad", "because": "looked at it"})
    assert story.runs().status == "fixed"


def test_a_start_from_a_known_bad_commit_is_declined_before_anything_is_made():
    """No branch, no claim."""
    story = given.Rehearsal(World(known_bad={FIX: entry()}))
    story.incident = given.an_incident(start_from=FIX)

    assert story.runs().status == "declined"
    assert [story.world.acts, story.world.claimed_by] == [[], None]


def test_other_commits_pass():
    """What is under production is not held against a fix."""
    assert ready(known_bad={BASE: entry(BASE)}).runs().status == "fixed"

"""A part of the users first: what hurts them hurts few, and never for long."""

import given

GATE = given.TABLES["gate"] | {"canary": True}


def a_canary(**world) -> given.Rehearsal:
    story = given.Rehearsal(given.World(**world), gate=GATE)
    return story.ships().approves()


def test_a_good_fix_is_tried_by_a_part_and_then_given_to_all():
    """Two verdicts stand on record, and the platform was asked for one switch."""
    story = a_canary()

    assert story.runs().status == "fixed"
    acts = [act for act in story.world.acts if act.startswith(("split", "switch"))]
    assert acts == ["split d2 20", "switch d2"]
    passed = [one["name"] for one in story.status["gates"] if one["verdict"] == "pass"]
    assert (passed.index("canary") < passed.index("errors"), passed[-1]) == (True, "watch")


def test_a_bad_fix_hurts_a_part_only():
    """All of the users were never on it; the verdict compares with the others of that moment."""
    story = a_canary(rate_before=0.01, rate_after=0.5, requests_per_second=60)

    outcome = story.runs()

    assert outcome.status == "rolled_back"
    acts = [act for act in story.world.acts if act.startswith(("split", "unsplit", "switch"))]
    assert acts == ["split d2 20", "unsplit"]
    assert (story.world.live, story.world.beside()) == ("d1", ("", 0))


def test_what_cannot_be_told_of_a_part_is_judged_when_all_have_it():
    """Telemetry that is silent passes nobody: in the end a person decides, once."""
    story = a_canary(telemetry_answers=False)

    def accept():
        if story.status["waiting_for"] == "verdict" and not story.status["overrides"]:
            story.says("override", {"gate": "verdict", "because": "looked by hand"})

    story.world.on_tick = accept

    assert story.runs().status == "fixed"
    named = {one["name"]: one["verdict"] for one in story.status["gates"]}
    assert (named["canary"], named["errors"]) == ("inconclusive", "inconclusive")


def test_nobody_asked_for_it_so_all_users_move_at_once():
    """The step is there and does nothing."""
    story = given.Rehearsal().ships().approves()

    assert story.runs().status == "fixed"
    assert not [act for act in story.world.acts if act.startswith("split")]

"""The procedure told as situations: one story for every outcome."""

from datetime import timedelta

import pytest

import given
from pitstop.adapters.simulated import BASE, FIX, SimulatedForge, World
from pitstop.engine.recorded import Waiting
from pitstop.flow import Step
from pitstop.ports import CannotTell


def ready(**world) -> given.Rehearsal:
    """Return a shipped and approved hotfix in a world."""
    return given.Rehearsal(World(**world)).ships().approves()


def test_a_good_fix_ends_fixed_merged_tagged_and_watched():
    """On a good day users get the fix, main and a tag have it, and the watch passes."""
    story = ready()

    outcome = story.runs()

    assert outcome.status == "fixed"
    assert [
        story.world.live,
        story.world.main,
        story.world.tags,
    ] == ["d2", FIX, {"hotfix-20260102-0304": FIX}]
    assert story.status["watch"]["verdict"] == "pass"
    assert story.status["slo"]["met"] is True


def test_a_good_fix_is_announced_before_during_and_after_and_never_twice():
    """Each moment is said once."""
    story = ready()
    story.runs()

    assert [a for a in story.world.acts if a.startswith("say")] == [
        "say starting",
        "say deploying",
        "say ended",
    ]


def test_the_world_is_changed_in_the_order_of_the_runbook():
    """Start before announce is a surprise, switch before start an outage."""
    story = ready()
    story.runs()

    assert story.world.acts == [
        "cut hotfix/checkout-500s",
        "commit",
        "say starting",
        "start d2",
        "switch d2",
        "say deploying",
        "tag hotfix-20260102-0304",
        "merge",
        "say ended",
        "stop d1",
    ]


def test_a_bad_verdict_returns_production_to_the_rollback_point():
    """When errors rise after the deployment, production ends where it began."""
    story = ready(rate_before=0.0, rate_after=0.5)

    outcome = story.runs()

    assert outcome.status == "rolled_back"
    assert [story.world.live, story.world.main, story.world.tags] == ["d1", BASE, {}]
    assert story.status["gates"][-1]["verdict"] == "fail"


def test_a_release_that_dies_after_the_switch_is_rolled_back():
    """An outage needs no statistics."""
    story = ready(stays_healthy=False)

    assert story.runs().status == "rolled_back"
    assert story.world.live == "d1"


def test_a_release_that_never_becomes_healthy_fails_with_production_unchanged():
    """Users are moved only to what is healthy."""
    story = ready(starts=False)

    assert story.runs().status == "failed"
    assert story.world.live == "d1"


def test_a_failed_rollback_is_stranded_and_says_what_to_type():
    """The loudest outcome carries the exact way by hand."""
    story = ready(rate_before=0.0, rate_after=0.5, returns=False)

    outcome = story.runs()

    assert outcome.status == "stranded"
    assert "pitstop rollback --service simulated --to d1" in outcome.reason


def test_failing_tests_stop_the_hotfix_before_production():
    """A red test is a no."""
    story = ready(failing=("targeted",))

    assert story.runs().status == "failed"
    assert story.world.live == "d1"
    assert "checks.smoke" in story.steps(), "checks run side by side; both are shown"


def test_a_rejected_change_is_declined():
    """A reviewer's no ends the short path."""
    story = given.Rehearsal().ships()
    said = {
        "question": "approval",
        "said": "reject",
        "about": f"tree-{FIX}",
        "reason": "prices too",
    }
    story.says("answered", said, by=given.GRACE)

    outcome = story.runs()

    assert outcome.status == "declined"
    assert "prices too" in outcome.reason


def test_the_author_cannot_approve():
    """Four eyes are two people."""
    story = given.Rehearsal().ships().approves(by=given.ADA)

    assert story.runs().status == "declined"


def test_an_approval_of_another_tree_does_not_count():
    """An approval is bound to exactly what was looked at."""
    story = given.Rehearsal().ships().approves(tree="tree-other")

    with pytest.raises(Waiting):
        story.runs()
    assert story.world.live == "d1"


def test_silence_is_no_approval_and_the_run_stays_open():
    """When nobody answers in time, nothing goes live and nothing is closed."""
    story = given.Rehearsal().ships()

    with pytest.raises(Waiting):
        story.runs()

    assert [story.status["waiting_for"], story.status["outcome"]] == ["approval", None]
    assert story.world.now >= World().now + timedelta(minutes=10)


def test_a_late_approval_goes_on_where_it_waited():
    """What was finished before the silence is not done again."""
    story = given.Rehearsal().ships()
    with pytest.raises(Waiting):
        story.runs()
    before = story.steps()

    assert story.approves().runs().status == "fixed"
    assert before == story.steps()[: len(before)]


def test_an_overridden_approval_is_on_record_and_becomes_a_follow_up():
    """An override names who, what and why."""
    story = given.Rehearsal().ships()
    story.says("override", {"gate": "approval", "because": "alone at night"})

    assert story.runs().status == "fixed"
    assert [f["title"] for f in story.status["followups"]] == ["review the override of approval"]


def test_no_traffic_is_never_healthy_a_person_decides():
    """Nothing heard is not a pass; an accepted verdict goes on."""
    story = ready(requests_per_second=0)

    def accept():
        if story.status["waiting_for"] == "verdict" and not story.status["overrides"]:
            story.says("override", {"gate": "verdict", "because": "looked by hand"})

    story.world.on_tick = accept

    assert story.runs().status == "fixed"
    errors = next(gate for gate in story.status["gates"] if gate["name"] == "errors")
    assert errors["verdict"] == "inconclusive"


def test_a_verdict_cannot_be_accepted_in_advance():
    """Nobody can accept what has not been seen."""
    story = ready(requests_per_second=0)
    story.says("override", {"gate": "verdict", "because": "trust me"})
    seen = []

    def give_up():
        if story.status["waiting_for"] == "verdict":
            seen.append(True)
            story.says("abort", {"reason": "enough"}, once="abort")

    story.world.on_tick = give_up

    assert story.runs().status == "rolled_back"
    assert seen


def test_production_that_falls_ill_while_a_person_decides_is_rolled_back():
    """Waiting for a verdict is no reason to look away."""
    story = ready(requests_per_second=0)

    def fall_ill():
        if story.status["waiting_for"] == "verdict":
            story.world.stays_healthy = False

    story.world.on_tick = fall_ill

    assert story.runs().status == "rolled_back"
    assert story.world.live == "d1"


def test_an_abort_before_the_deploy_leaves_nothing_behind():
    """Branch and claim are gone, production was never touched."""
    story = given.Rehearsal().ships()
    story.world.on_tick = lambda: story.says("abort", {"reason": "wrong service"}, once="abort")

    assert story.runs().status == "aborted"
    assert [story.world.branches, story.world.claimed_by, story.world.live] == [{}, None, "d1"]


BEFORE, AFTER = "aborted", "rolled_back"
STEPS = {
    "triage.classify": BEFORE,
    "branch.claim": BEFORE,
    "branch.cut": BEFORE,
    "branch.commit": BEFORE,
    "guard.inspect": BEFORE,
    "branch.publish": BEFORE,
    "merge.foresee": BEFORE,
    "checks.prepare": BEFORE,
    "checks.targeted": BEFORE,
    "checks.smoke": BEFORE,
    "checks.proof": BEFORE,
    "checks.same_tree": BEFORE,
    "checks.by_hand": BEFORE,
    "review.request": BEFORE,
    "review.admit": BEFORE,
    "snapshot.back_up": BEFORE,
    "snapshot.record": BEFORE,
    "announce.starting": BEFORE,
    "deploy.stage": BEFORE,
    "validate.candidate": BEFORE,
    "validate.reproduce": BEFORE,
    "deploy.split": AFTER,
    "validate.canary": AFTER,
    "deploy.release": AFTER,
    "validate.healthy": AFTER,
    "announce.deploying": AFTER,
    "validate.repro": AFTER,
    "validate.errors": AFTER,
    # production is good: it is merged first, and then returned from the watch, which can do that
    "merge.name_tag": AFTER,
    "merge.land": AFTER,
    "branch.clean_up": AFTER,
    "announce.ended": AFTER,
    "validate.begin_watch": AFTER,
    "validate.hold": AFTER,
}


@pytest.mark.parametrize("step", STEPS)
def test_an_abort_is_heard_in_every_step(step):
    """Whatever a step catches of its own troubles, it does not catch a person's word."""
    story = ready()
    append = story.journal.append

    def aborting(event, data, **more):
        line = append(event, data, **more)
        if (event, more.get("step")) == ("started", step):
            append("abort", {"reason": "enough"}, by=given.ADA, once="abort", at=story.world.now)
        return line

    story.journal.append = aborting

    assert story.runs().status == STEPS[step]
    assert story.world.live == "d1"


def test_an_abort_after_the_deploy_rolls_back():
    """Stopping halfway is not an option for production."""
    story = ready()

    def abort():
        if story.world.live == "d2":
            story.says("abort", {"reason": "wrong fix"}, once="abort")

    story.world.on_tick = abort

    assert story.runs().status == "rolled_back"
    assert story.world.live == "d1"


def test_a_late_regression_rolls_back_and_prepares_the_revert():
    """The watch guards the fix, also after it was merged."""
    story = ready(bad_after=30.0)

    assert story.runs().status == "rolled_back"
    assert [story.world.live, story.world.main] == ["d1", FIX]
    assert "revert prepared" in story.world.acts
    owed = "main still holds the fix; merge revert/checkout-500s into it"
    assert [f["title"] for f in story.status["followups"]] == [f"revert: {owed}"]
    assert owed in story.world.said["checkout-500s/regressed"]


def test_a_protected_main_owes_the_merge_and_is_still_fixed():
    """Production is fixed, so the run is; what is owed stays visible."""
    story = ready(main_protected=True)

    assert story.runs().status == "fixed"
    assert [f["title"] for f in story.status["followups"]] == [
        "merge: main is protected: open a pull request"
    ]


def test_a_merge_that_will_conflict_is_foreseen_and_does_not_delay_the_fix():
    """Users first; what main has is said before the deploy, and owed after it."""
    story = ready(conflicts=("VERSION",))

    assert story.runs().status == "fixed"
    steps = story.steps()
    assert steps.index("merge.foresee") < steps.index("deploy.release")
    assert [f["title"] for f in story.status["followups"]] == [
        "merge: merging conflicts in VERSION"
    ]


def test_a_fault_that_is_nobodys_decision_ends_errored_with_production_unchanged():
    """A platform that never answers is neither a yes nor a no."""
    story = ready(platform_answers=False)

    outcome = story.runs()

    assert outcome.status == "errored"
    assert "does not answer" in outcome.reason
    assert story.world.live == "d1"


def test_a_step_that_returns_an_awaitable_is_refused():
    """An unawaited deploy would be a silent success."""

    class Later:
        def __await__(self):
            yield

    story = given.Rehearsal()

    with pytest.raises(TypeError, match="awaitable"):
        story.runs(lambda pit, _: pit.do(Step("deploy.it", "t", "deploying", 1, lambda _: Later())))
    assert story.steps() == []


def test_a_remote_that_is_silent_for_a_moment_delays_the_merge_only():
    """Nothing is owed that a few seconds bring."""
    story = ready()
    append = story.journal.append

    def fall_silent(event, data, **more):
        story.world.remote_answers = (event, more.get("step")) != ("started", "merge.land")
        return append(event, data, **more)

    def answer_again():
        story.world.remote_answers = True

    story.journal.append, story.world.on_tick = fall_silent, answer_again

    assert story.runs().status == "fixed"
    assert [story.status["owed"], story.world.main] == [[], FIX]


def test_a_claimed_service_declines_the_start():
    """Two people do not fix the same service at once without knowing."""
    story = given.Rehearsal(World(claimed_by="other-run"))

    assert story.runs().status == "declined"


def test_a_minor_trouble_takes_the_normal_path():
    """P4 is not an emergency."""
    story = given.Rehearsal()
    story.incident = given.an_incident(severity="P4")

    assert story.runs().status == "declined"


def test_a_remote_that_is_down_at_the_end_owes_the_merge():
    """The fix is live; git can wait."""
    story = ready()

    def cut_off():
        if story.world.live == "d2":
            story.world.remote_answers = False

    story.world.on_tick = cut_off

    assert story.runs().status == "fixed"
    assert "is not merged: The remote does not answer" in story.status["owed"][0]
    assert "By hand: git push" in story.status["owed"][0]


def test_a_remote_that_falls_silent_in_the_merge_may_have_merged():
    """Unknown is never *not merged*: it is said as what it is."""
    story = ready()
    land = SimulatedForge.land

    class Forge(SimulatedForge):
        def land(self, *words):
            land(self, *words)
            raise CannotTell("The remote does not answer.")

    story.forge = Forge

    assert story.runs().status == "fixed"
    assert "not known whether hotfix/checkout-500s was merged" in story.status["owed"][0]


def test_a_service_taken_over_before_the_merge_is_left_to_whoever_has_it():
    """Users have the fix; what main becomes is theirs to decide."""
    story = ready()

    def take_over():
        if story.world.live == "d2":
            story.world.claimed_by = "grace-run"

    story.world.on_tick = take_over

    assert story.runs().status == "fixed"
    assert "is live and not merged: grace-run has claimed" in story.status["owed"][0]
    assert [story.world.main, story.world.claimed_by] == [BASE, "grace-run"]

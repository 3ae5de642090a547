"""Gates before the deploy: each refuses with its reason, and opens for a name and a reason."""

from datetime import timedelta

import pytest

import given
from pitstop.adapters.simulated import BASE, FIX, World
from pitstop.cli.standing import summary
from pitstop.domain.change import Deployment
from pitstop.engine.recorded import Waiting
from pitstop.journal.status import may_try_again
from pitstop.ports import Ran, Tally

TREE = f"tree-{FIX}"


def ready(world: World | None = None, **tables) -> given.Rehearsal:
    """Return a shipped and approved hotfix."""
    return given.Rehearsal(world, **tables).ships().approves()


def again(story: given.Rehearsal) -> given.Rehearsal:
    """Ship what was refused once more."""
    number = story.status["attempt"]
    story.says("again", {"fix": "smaller"}, once=f"again:{number}")
    story.says(
        "answered", {"question": "fix", "said": "smaller"}, once=f"{number + 1}:answered:fix"
    )
    return story


def test_a_large_change_is_declined_with_production_untouched():
    """It says which gate, how much, and what to type."""
    story = ready(World(lines=500))
    outcome = story.runs()
    assert outcome.status == "declined"
    assert "scope: 500 changed lines" in outcome.reason
    assert "--override scope --because TEXT" in outcome.reason
    assert [a for a in story.world.acts if a.startswith(("start", "switch"))] == []


def test_an_override_for_this_tree_opens_the_gate_and_becomes_a_follow_up():
    """By name, with a reason, on record."""
    story = ready(World(lines=500))
    story.says("override", {"gate": "scope", "because": "a table of postcodes", "tree": TREE})
    assert story.runs().status == "fixed"
    assert "review the override of scope" in [t["title"] for t in story.status["followups"]]


def test_an_override_for_another_tree_does_not_count():
    """What was looked at then is not what would be shipped."""
    story = ready(World(lines=500))
    story.says("override", {"gate": "scope", "because": "a table of postcodes", "tree": "tree-1"})
    outcome = story.runs()
    assert outcome.status == "declined"
    assert "was for another tree" in outcome.reason


def test_an_approval_overridden_for_another_tree_is_waited_for():
    """No override outlives a change of the fix."""
    story = given.Rehearsal().ships()
    story.says("override", {"gate": "approval", "because": "alone at night", "tree": "tree-1"})
    with pytest.raises(Waiting):
        story.runs()


def test_what_was_declined_is_shipped_again_in_the_same_run():
    """With the approval of the same tree, and new names for all that is done once."""
    story = ready(World(lines=500))
    assert story.runs().status == "declined"
    story.world.lines = 5
    assert again(story).runs().status == "fixed"
    assert [story.status["attempt"], story.status["outcome"]] == [2, "fixed"]
    assert list(story.world.keys) == ["checkout-500s.2"]
    assert "checkout-500s/starting-2" in story.world.said


def test_a_candidate_that_failed_is_no_candidate_of_the_next_attempt():
    """Another attempt is another release, though the run is the same."""
    story = ready(World(starts=False))
    assert story.runs().status == "failed"
    story.world.starts = True
    assert again(story).runs().status == "fixed"


def test_a_third_attempt_is_a_third_release():
    """Neither the second's, nor announced as it, nor with its backup."""
    backup = {"use": "simulated"}
    story = ready(World(starts=False), backup=backup)
    for _ in range(2):
        assert story.runs().status == "failed"
        again(story)
    story.world.starts = True
    assert story.runs().status == "fixed"
    assert story.status["attempt"] == 3
    assert list(story.world.keys) == ["checkout-500s.3"]
    assert {f"checkout-500s/starting{n}" for n in ("", "-2", "-3")} <= set(story.world.said)
    assert len(story.world.backups) == 3


def test_who_asked_for_the_end_is_not_shipped_again():
    """Also where the abort came too late to be obeyed."""
    story = ready(World(lines=500))
    story.runs()
    assert may_try_again(story.status)
    story.says("abort", {"reason": "enough"}, once="abort")
    assert not may_try_again(story.status)


def test_what_is_cut_off_in_a_second_attempt_goes_on_there():
    """A replay sees the attempt it belongs to."""
    story = ready(World(lines=500))
    story.runs()
    story.world.lines = 5
    again(story)
    append = story.journal.append

    def dying(event, data, **more):
        if (event, more.get("step")) == ("finished", "deploy.stage"):
            raise SystemExit
        return append(event, data, **more)

    story.journal.append = dying
    with pytest.raises(SystemExit):
        story.runs()
    story.journal.append = append
    assert story.runs().status == "fixed"


def test_code_that_nothing_tries_is_declined_whatever_is_overridden():
    """A test run is a floor."""
    story = ready(World(files=("app.rs",)), checks={"targeted": "pytest {tests}"})
    story.incident = given.an_incident(repro=None)
    story.says("override", {"gate": "untested", "because": "no time for tests", "tree": TREE})
    outcome = story.runs()
    assert outcome.status == "declined"
    assert "never: no test maps" in outcome.reason


def test_a_repro_alone_needs_an_override_by_name():
    """It tries one thing, and not what else may break."""
    story = ready(World(files=("app.rs",)), checks={"targeted": "pytest {tests}"})
    assert "--override untested" in story.runs().reason
    story.says(
        "override", {"gate": "untested", "because": "the repro is all there is", "tree": TREE}
    )
    assert again(story).runs().status == "fixed"


def test_main_that_deploys_itself_is_a_gate():
    """What else it holds would go live with the merge."""
    service = {"name": "shop", "main_deploys_itself": True}
    story = ready(World(), service=service)
    story.forge = type("Ahead", (story.forge,), {"cut": _ahead})
    assert "ride-along: main deploys itself and holds 3 commits" in story.runs().reason


def _ahead(self, name, base_commit, start_from):
    from dataclasses import replace

    from pitstop.adapters.simulated import SimulatedForge

    return replace(SimulatedForge.cut(self, name, base_commit, start_from), not_deployed=3)


def test_a_proof_that_does_not_fail_before_is_said_and_stops_nobody():
    """The change's own tests pass on what is deployed: they show nothing."""
    world = World(files=("app.py", "tests/test_app.py"), proves=False)
    story = ready(world, checks={"targeted": "pytest {tests}", "smoke": "smoke"})
    assert story.runs().status == "fixed"
    proof = next(gate for gate in story.status["gates"] if gate["name"] == "proof")
    assert proof["verdict"] == "inconclusive"


def test_a_proof_that_fails_before_is_a_pass():
    """And only then."""
    world = World(files=("app.py", "tests/test_app.py"))
    story = ready(world, checks={"targeted": "pytest {tests}", "smoke": "smoke"})
    story.runs()
    proof = next(gate for gate in story.status["gates"] if gate["name"] == "proof")
    assert proof["verdict"] == "pass"


def test_evidence_is_waited_for_where_the_team_asks_for_it():
    """The run rests, says what to try, and goes on with what somebody saw."""
    story = ready(World(), checks={"smoke": "smoke", "manual": "log in and pay"})
    with pytest.raises(Waiting):
        story.runs()
    story.says("rests", {"question": "evidence"})
    assert story.status["waiting_for"] == "evidence"
    assert "log in and pay" in summary(story.status)
    story.says("evidence", {"text": "paid 12 EUR", "tree": "tree-1"})
    with pytest.raises(Waiting):
        story.runs()
    story.says("evidence", {"text": "paid 12 EUR", "tree": TREE})
    assert not story.status["rests"]
    assert story.runs().status == "fixed"
    assert story.status["evidence"][-1]["text"] == "paid 12 EUR"


class Flaky:
    """Commands that pass when they are run once more."""

    def __init__(self, commands, ran: list[Ran]) -> None:
        self._commands, self._ran = commands, ran

    def run(self, command, *, name, **more):
        """Return what was laid down for the smoke suite."""
        return (
            self._ran.pop(0) if name == "smoke" else self._commands.run(command, name=name, **more)
        )


def flaky(monkeypatch, *ran: Ran) -> None:
    """Let the smoke suite come out like this, one time after the other."""
    from pitstop.adapters import simulated

    left, made = list(ran), simulated.SimulatedCommands
    monkeypatch.setattr(simulated, "SimulatedCommands", lambda *a: Flaky(made(*a), left))


RED = Ran(1, 1.0, "", tests=Tally(3, 1, 0, ("test_cart",)))
GREEN = Ran(0, 1.0, "", tests=Tally(4, 0, 0))


def test_a_check_that_passes_only_the_second_time_is_flaky_and_owed(monkeypatch):
    """Counted, named, and not hidden."""
    flaky(monkeypatch, RED, GREEN)
    story = ready(World(), checks={"smoke": "smoke", "retries": 1})
    assert story.runs().status == "fixed"
    check = next(one for one in story.status["checks"] if one["name"] == "smoke")
    assert (check["attempts"], check["flaky"]) == (2, ["test_cart"])
    assert "mend what passes only now and then: test_cart" in [
        task["title"] for task in story.status["followups"]
    ]


@pytest.mark.parametrize(
    "ran", [RED, Ran(0, 1.0, "", tests=RED.tests), Ran(0, 1.0, "", tests=Tally(0, 0, 9))]
)
def test_a_check_without_retries_fails_at_once(monkeypatch, ran):
    """Also one that ends with 0 although a test failed, or that tried nothing."""
    flaky(monkeypatch, ran)
    assert ready(World(), checks={"smoke": "smoke"}).runs().status == "failed"


def recent(**more) -> World:
    """Return a world in which the release in service came a minute ago."""
    old = Deployment("d0", "a" * 40, "tree-a", "http://d0", "2026-01-01T03:00:00Z", 4.0)
    world = World(**more)
    world.deployments.insert(0, old)
    return world


def test_a_recent_deployment_makes_rolling_back_first_the_better_start():
    """With how long it takes, what it loses, and what to type."""
    story = ready(recent())
    assert story.runs().status == "fixed"
    triage = story.status["triage"]
    assert triage["verdict"] == "roll back first"
    assert triage["earlier"]["deployment_id"] == "d0"
    said = summary(story.status | {"waiting_for": "fix", "outcome": None})
    assert 'back in about 4 s and lose 1 commit ("prices: round them")' in said
    assert "pitstop rollback --service shop --to d0 --reason TEXT" in said


def test_a_migration_since_speaks_against_rolling_back_first():
    """The database would stay as it is."""
    story = ready(recent(brought=("shop/migrations/0007_total.py",)))
    story.runs()
    assert story.status["triage"]["verdict"] == "hotfix"
    assert "NOT advised" in summary(story.status | {"waiting_for": "fix", "outcome": None})


def test_what_came_long_ago_is_not_suspected():
    """Nor is anything lost by not asking."""
    story = ready(recent(), triage={"recent": "1s"})
    story.runs()
    assert story.status["triage"]["earlier"] is None


def test_a_no_to_one_of_the_criteria_is_a_normal_change():
    """In the runbook's words."""
    story = given.Rehearsal()
    story.incident = given.an_incident(answers=("isolated=no", "lower-risk=yes"))
    outcome = story.runs()
    assert outcome.status == "declined"
    assert "the fix is small and isolated" in outcome.reason
    assert story.world.branches == {}


def test_the_clock_runs_through_all_attempts():
    """Users have waited all the time."""
    story = ready(World(lines=500))
    story.runs()
    story.world.now += timedelta(minutes=40)
    story.world.lines = 5
    again(story).runs()
    assert story.status["slo"]["met"] is False
    assert story.world.main == FIX != BASE


def test_the_rollback_point_says_how_the_platform_was_told_to_run_it():
    """The same configuration has the same fingerprint, another one another."""
    points = []
    for platform in (
        {"use": "simulated"},
        {"use": "simulated"},
        {"use": "simulated", "start": "x"},
    ):
        story = ready(World(), platform=platform)
        story.runs()
        points.append(story.status["rollback_point"]["config_fingerprint"])
    assert points[0] == points[1] != points[2]


def test_a_team_without_tests_ships_and_owes_them():
    """Its configuration is enough; that nothing tried the fix stays visible."""
    story = ready(World(), checks={})
    assert story.runs().status == "fixed"
    assert "write tests: none is configured, so nothing tried the fix" in [
        task["title"] for task in story.status["followups"]
    ]


def test_without_a_network_before_the_deploy_production_is_unchanged_and_it_is_tried_again():
    """A fault says what production is like and what to type, as every no does."""
    story = given.Rehearsal()
    with pytest.raises(Waiting):
        story.runs()  # cut, and waiting for the fix
    story.ships().approves()
    story.world.remote_answers = False
    assert story.runs().status == "errored"
    said = summary(story.status)
    assert "Production is unchanged." in said
    assert "pitstop ship checkout-500s --fix TEXT" in said
    story.world.remote_answers = True
    assert again(story).runs().status == "fixed"

"""The plan is the procedure: what ship would do, in order."""

import re
import tomllib
from pathlib import Path

import given
from pitstop import bootstrap, rehearsal

ROOT = Path(__file__).parents[2]

STEPS = [
    "triage.classify",
    "branch.claim",
    "branch.cut",
    "branch.commit",
    "triage.passes_calendar",
    "guard.inspect",
    "guard.known_bad",
    "branch.publish",
    "merge.foresee",
    "checks.prepare",
    "checks.targeted",
    "checks.smoke",
    "checks.proof",
    "checks.same_tree",
    "checks.by_hand",
    "review.request",
    "review.admit",
    "snapshot.back_up",
    "snapshot.record",
    "announce.starting",
    "deploy.stage",
    "validate.candidate",
    "validate.reproduce",
    "deploy.split",
    "validate.canary",
    "deploy.release",
    "validate.healthy",
    "announce.deploying",
    "validate.repro",
    "validate.errors",
    "merge.name_tag",
    "merge.land",
    "branch.clean_up",
    "announce.ended",
    "validate.begin_watch",
    "validate.hold",
    "deploy.retire",
    "learn.close",
]


def test_the_plan_names_every_step_of_a_good_day_in_order():
    """A changed procedure shows here first."""
    planned = [row["step"] for row in rehearsal.rehearsed_steps(given.settings(), given.TABLES)]
    assert sorted(planned) == sorted(STEPS)
    side_by_side = ("checks.targeted", "checks.smoke", "checks.proof")
    assert [s for s in planned if s not in side_by_side] == [
        s for s in STEPS if s not in side_by_side
    ]


def test_the_plan_of_the_documented_configuration_goes_to_the_end():
    """With {tests}, three days of watch and all."""
    text = (ROOT / "docs/configuration.md").read_text()
    tables = tomllib.loads(re.search(r"```toml\n(.*?)```", text, re.DOTALL)[1])
    tables["watch"]["duration"] = "3d"
    rows = rehearsal.rehearsed_steps(bootstrap.check(tables), tables)
    assert [row["step"] for row in rows][-1] == "learn.close"
    assert {row["step"] for row in rows} == set(STEPS)


def test_the_plan_shows_this_teams_commands():
    """Not a brochure: the commands that will run."""
    rows = {
        r["step"]: r["detail"] for r in rehearsal.rehearsed_steps(given.settings(), given.TABLES)
    }
    assert [rows["checks.targeted"], rows["checks.smoke"]] == ["test", "smoke"]

"""A run's process is killed before, inside and after every step; the hotfix ends as if nothing was.

Everything is real: see floor.py. Steps that change production or main are always tried, the others in
turn, a tenth each day (``PITSTOP_KILL_TENTH=3`` tries a certain one); ``PITSTOP_KILL_ALL=1`` (``make
kill``) tries all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from durability.afterwards import nothing_is_left, unharmed
from durability.floor import ANSWERS, Floor, Hotfix, Said, shared_floor, until

# The steps in their order, each with how many acts it had when this was written. The last acts of a
# step that has fewer by now are its end; the reference run tells when a step is missing here.
BEFORE_SHIP = {"triage.classify": 0, "branch.claim": 10, "branch.cut": 26}
SHIPPED = {
    "branch.commit": 17,
    "triage.passes_calendar": 0,
    "guard.inspect": 5,
    "guard.known_bad": 9,
    "branch.publish": 6,
    "merge.foresee": 4,
    "checks.prepare": 0,
    "checks.targeted": 2,
    "checks.smoke": 2,
    "checks.proof": 1,
    "checks.same_tree": 5,
    "checks.by_hand": 0,
    "review.request": 0,
    "review.admit": 0,
    "snapshot.back_up": 11,
    "snapshot.record": 2,
    "announce.starting": 8,
    "deploy.stage": 36,
    "validate.candidate": 2,
    "validate.reproduce": 2,
    "deploy.split": 0,
    "validate.canary": 0,
    "deploy.release": 4,
    "announce.deploying": 8,
    "validate.healthy": 0,
    "validate.repro": 2,
    "validate.errors": 0,
}
FIXED = {
    "merge.name_tag": 3,
    "merge.land": 22,
    "branch.clean_up": 19,
    "announce.ended": 8,
    "validate.begin_watch": 0,
    "validate.hold": 0,
    "deploy.retire": 10,
    "learn.close": 21,
}
RETURNED = {
    "rollback.return_to": 2,
    "deploy.discard": 10,
    "announce.ended": 8,
    "learn.mark_known_bad": 17,
    "learn.close": 21,
}
GOOD, BAD = BEFORE_SHIP | SHIPPED | FIXED, BEFORE_SHIP | SHIPPED | RETURNED
VITAL = {"deploy.stage", "deploy.release", "merge.land", "rollback.return_to"}
LONG = ("checks.targeted", "validate.healthy", "validate.errors", "validate.hold")
LINES = (("asked", "fix"), ("heard", "fix"), ("asked", "approval"), ("heard", "approval"))
LINES += (("fence", None), ("left", None), ("outcome", None), ("closed", None))


@dataclass(frozen=True)
class Case:
    """Where the process dies, once or several times, in a hotfix whose fix is good or bad."""

    good: bool
    name: str
    points: tuple[tuple[tuple[str, Any], ...], ...]
    always: bool = False

    @property
    def id(self) -> str:
        return f"{'good' if self.good else 'bad'}-{self.name}"

    @property
    def armed(self) -> list[dict[str, Any]]:
        return [dict(point) for point in self.points]


def point(when: str, event: str, name: str | None, **more: Any) -> tuple[tuple[str, Any], ...]:
    return tuple(({"when": when, "event": event, "name": name} | more).items())


def at_act(step: str, number: int, delay: float = 0.0) -> tuple[tuple[str, Any], ...]:
    return point("act", "finished", step, act=number, delay=delay)


def all_around(good: bool, step: str, acts: int) -> Case:
    """Die before the step, when it has begun, in its middle, when it is done, and after it."""
    later = (
        0.005 if acts > 5 else 0.0
    )  # a short step would be over by then, its last points never met
    middle = at_act(step, acts // 2, later) if acts > 1 else None
    points = (
        point("before", "started", step),
        point("after", "started", step),
        middle,
        point("before", "finished", step),
        point("after", "finished", step),
    )
    return Case(good, step, tuple(one for one in points if one), always=step in VITAL)


def cases() -> Iterator[Case]:
    for good, steps in ((True, GOOD), (False, BAD)):
        for step, acts in steps.items():
            around = all_around(good, step, acts)
            twice = step in ("deploy.stage", "merge.land") and not good
            yield replace(around, always=around.always and not twice)
            if step in LONG:
                name = f"{step}-under-way"
                yield Case(good, name, (point("after", "started", step, delay=0.3),))
            if good or step in RETURNED:
                yield from inside(good, step, acts)
        for event, name in LINES:
            if good or event in ("fence", "outcome", "closed"):
                points = point("before", event, name), point("after", event, name)
                yield Case(good, f"{event}-{name or 'line'}", points)


def inside(good: bool, step: str, acts: int) -> Iterator[Case]:
    """Die before some acts; in a vital step before each of them, once in each run."""
    if step in VITAL:
        for number in range(1, acts + 1):
            yield Case(good, f"{step}-act-{number}", (at_act(step, number),), always=True)
    elif acts:
        wanted = sorted({1, (acts + 1) // 3, acts} - {0})
        points = tuple(at_act(step, number) for number in wanted)
        yield Case(good, f"{step}-acts", points)


def chosen() -> list[Case]:
    """Return what is tried today."""
    found = list(cases())
    if os.environ.get("PITSTOP_KILL_ALL"):
        return found
    today = int(os.environ.get("PITSTOP_KILL_TENTH") or datetime.now(UTC).toordinal()) % 10
    vital = [case for case in found if case.always]
    acts = [case for case in vital if "-act-" in case.name]
    rest = [case for case in found if not case.always]
    around = [case for case in vital if case not in acts]
    return around + acts[today % 4 :: 4] + rest[today::10]  # `make kill` takes all


@pytest.mark.parametrize("case", chosen(), ids=lambda case: case.id)
def test_killed_anywhere_it_ends_as_if_nothing_had_happened(case: Case) -> None:
    """The outcome is that of an undisturbed run; no act is done twice, no user's request is lost."""
    with shared_floor() as floor:
        floor.point.write_text(json.dumps(case.armed))

        hotfix, said = go_through(floor, case)

        assert not floor.point.exists(), "the process never came to the point where it was to die"
        check(floor, hotfix, said)


@pytest.mark.parametrize("good", [True, False], ids=["good", "bad"])
def test_no_step_is_forgotten_here(good: bool) -> None:
    """An undisturbed run has exactly the steps that this file kills in."""
    with shared_floor() as floor:
        hotfix, said = go_through(floor, Case(good, "undisturbed", ()))

        check(floor, hotfix, said)
        done = {line["step"] for line in floor.lines(hotfix.id) if line["event"] == "finished"}
        assert done == set(GOOD if good else BAD)


RETURN = "rollback.go_back"
ROLLBACKS = {
    "before the switch": (
        point("before", "started", RETURN),
        point("after", "started", RETURN),
        at_act(RETURN, 1),
        at_act(RETURN, 2),
    ),
    "after the switch": (
        at_act(RETURN, 9),
        point("after", "finished", RETURN),
        point("before", "returned", None),
        point("after", "returned", None),
    ),
    "at its end": (
        point("before", "outcome", "rolled_back"),
        point("after", "outcome", "rolled_back"),
        point("before", "closed", None),
        point("after", "closed", None),
    ),
}


@pytest.mark.parametrize("moment", ROLLBACKS)
def test_a_rollback_that_is_killed_goes_on_to_its_end(moment: str) -> None:
    """However often its process dies: users are moved back once, both commands say so."""
    with shared_floor() as floor:
        assert floor.users
        long = floor.other_config(soak="60s", deadline="90s")
        before, hotfix = floor.users.version, floor.start("--config", str(long))
        client = floor.shipped_to(hotfix, "deploy.release")
        floor.point.write_text(json.dumps([dict(one) for one in ROLLBACKS[moment]]))

        said = floor.pitstop("rollback", hotfix.id, "--reason", "users are angry")

        assert (said.code, client.end().code) == (0, 3), said
        assert not floor.point.exists()
        unharmed(floor, hotfix, before)
        assert floor.world()["switches"] - hotfix.before["switches"] == 2
        assert floor.status(hotfix.id)["outcome"] == "rolled_back"


@pytest.mark.parametrize("step", ["branch.discard"])
def test_an_abort_that_is_killed_leaves_nothing_all_the_same(step: str) -> None:
    """Killed while it tidies up, it tidies up the rest."""
    with shared_floor() as floor:
        assert floor.users
        before, hotfix = floor.users.version, floor.start()
        around = (
            point("after", "started", step),
            at_act(step, 5),
            point("before", "finished", step),
            point("after", "finished", step),
            point("before", "closed", None),
        )
        floor.point.write_text(json.dumps([dict(one) for one in around]))
        client = floor.ship(hotfix)
        floor.await_line(hotfix, "asked", "approval")

        said = floor.pitstop("abort", hotfix.id, "--reason", "it went away")

        assert (said.code, client.end().code) == (0, 1), said
        assert not floor.point.exists(), floor.point.read_text()
        nothing_is_left(floor, hotfix)
        unharmed(floor, hotfix, before)


@pytest.mark.parametrize("step", ["rollback.return_to", "announce.ended"])
def test_an_abort_after_the_deploy_that_is_killed_returns_production(step: str) -> None:
    """Killed on the way back, or while it tidies up, it ends rolled back; users are moved once."""
    with shared_floor() as floor:
        assert floor.users
        long = floor.other_config(soak="60s", deadline="90s")
        before, hotfix = floor.users.version, floor.start("--config", str(long))
        around = (
            point("before", "started", step),
            point("after", "started", step),
            at_act(step, 2),
            point("after", "finished", step),
            point("before", "closed", None),
        )
        floor.point.write_text(json.dumps([dict(one) for one in around]))
        client = floor.shipped_to(hotfix, "deploy.release")

        said = floor.pitstop("abort", hotfix.id, "--reason", "it went away")

        assert (said.code, client.end().code) == (0, 3), said
        assert not floor.point.exists(), floor.point.read_text()
        unharmed(floor, hotfix, before)
        assert floor.world()["switches"] - hotfix.before["switches"] == 2
        assert floor.status(hotfix.id)["outcome"] == "rolled_back"


@pytest.mark.parametrize("killed", [False, True], ids=["undisturbed", "killed"])
def test_a_late_regression_goes_back_and_main_gets_its_revert_prepared(killed: bool) -> None:
    """The fix was merged and turns bad in the watch: users go back, everybody hears it once."""
    with shared_floor() as floor:
        assert floor.users
        before, sick = floor.users.version, floor.folder / "sick"
        hotfix = floor.start("--config", str(floor.other_config(watch="90s")))
        late = f'500 if path == "/orders" and __import__("os").path.exists("{sick}") else 200'
        text = ANSWERS.format(version=hotfix.version, status=late)
        (hotfix.worktree / "answers.py").write_text(text)
        points = around("merge.prepare_revert", 5) + around("announce.regressed", 2)
        if killed:
            floor.point.write_text(json.dumps([dict(one) for one in points]))
        client = floor.ship(hotfix, "--wait")
        floor.approve(hotfix)
        floor.await_line(hotfix, "started", "validate.hold")
        sick.touch()

        said = client.end()

        sick.unlink()
        assert said.code == 3, said
        assert not floor.point.exists()
        unharmed(floor, hotfix, before)
        state, world = floor.status(hotfix.id), floor.world()
        assert state["outcome"] == "rolled_back"
        assert world["switches"] - hotfix.before["switches"] == 2
        assert world["main"] == state["commit"]
        announced_once(floor, hotfix, "regressed")
        revert = world["refs"][f"refs/heads/revert/{hotfix.id}"]
        assert f"merge revert/{hotfix.id} into it" in state["followups"][0]["title"]
        trees = {
            floor.git("rev-parse", f"{commit}^{{tree}}", folder=floor.remote)
            for commit in (revert, hotfix.before["main"])
        }
        assert len(trees) == 1
        # the next test on this floor finds production and main as this one found them
        floor.git("branch", "-f", "main", hotfix.before["main"], folder=floor.remote)


def around(step: str, act: int) -> tuple[tuple[tuple[str, Any], ...], ...]:
    """Return the points before, in and after a step."""
    return (
        point("before", "started", step),
        point("after", "started", step),
        at_act(step, act),
        point("before", "finished", step),
        point("after", "finished", step),
    )


def go_through(floor: Floor, case: Case) -> tuple[Hotfix, Said]:
    """Ship a hotfix; every other time nobody follows, and somebody types ``resume`` later."""
    hotfix = floor.start(good=case.good)
    step = case.name.partition("-")[0]
    followed = len(case.points) > 1 or step in BEFORE_SHIP or len(case.name) % 2
    if followed:
        client = floor.ship(hotfix, "--wait")
        floor.approve(hotfix)
        return hotfix, client.end()
    assert floor.ship(hotfix, "--detach").end().code == 7
    until(lambda: floor.seen(hotfix, "asked", "approval") or died(floor, hotfix))
    client = floor.client("resume", hotfix.id, "--wait") if died(floor, hotfix) else None
    floor.approve(hotfix)
    if client is None:
        until(lambda: died(floor, hotfix) or floor.seen(hotfix, "closed"))
        client = floor.client("resume", hotfix.id, "--wait")
    return hotfix, client.end()


def died(floor: Floor, hotfix: Hotfix) -> bool:
    return not floor.point.exists() and floor.pid(hotfix.id) is None


def check(floor: Floor, hotfix: Hotfix, said: Said) -> None:
    """Compare the world with what an undisturbed run leaves."""
    until(lambda: floor.seen(hotfix, "closed"))
    state = floor.status(hotfix.id)
    assert (said.code, state["outcome"]) == ((0, "fixed") if hotfix.good else (3, "rolled_back"))
    verified = floor.pitstop("log", hotfix.id, "--verify")
    assert verified.code == 0, verified

    users_were_served(floor, hotfix)
    one_tree(floor, hotfix, state)
    one_deployment(floor, hotfix)
    one_backup(floor, hotfix, state)
    home(floor, hotfix, state)
    announced_once(floor, hotfix)


def users_were_served(floor: Floor, hotfix: Hotfix) -> None:
    users = floor.users
    assert users
    assert users.lost == []
    assert users.asked > 20
    assert bool(users.errors) == (not hotfix.good)
    seen = users.asked
    until(lambda: users.asked > seen + 3)
    until(lambda: (users.version == hotfix.version) == hotfix.good)


def one_tree(floor: Floor, hotfix: Hotfix, state: dict[str, Any]) -> None:
    """What was tested, approved, deployed and tagged is one tree."""
    tested = (floor.folder / "tested").read_text().split()[-1]
    [approval] = state["approvals"]
    [release] = floor.releases(hotfix.id)
    trees = {tested, approval["tree"], release["tree"], state["tree"]}
    trees.add(floor.git("rev-parse", f"{state['commit']}^{{tree}}"))
    if hotfix.good:
        trees.add(floor.tree_on_disk(release["id"]))
        trees.add(floor.git("rev-parse", f"{state['tag']}^{{tree}}", folder=floor.remote))
    assert len(trees) == 1


def one_deployment(floor: Floor, hotfix: Hotfix) -> None:
    """Users were moved once; back once, if the fix was bad."""
    [release] = floor.releases(hotfix.id)
    world, before = floor.world(), hotfix.before
    assert world["switches"] - before["switches"] == (1 if hotfix.good else 2)
    assert world["live"] == (release["id"] if hotfix.good else before["live"])


def one_backup(floor: Floor, hotfix: Hotfix, state: dict[str, Any]) -> None:
    """The rollback point names the one backup of this hotfix, and it was read back."""
    [taken] = [one for one in floor.backups() if one["id"].startswith(f"{hotfix.id}-2")]
    assert (taken["id"], bool(taken["verified"])) == (state["rollback_point"]["backup_id"], True)


def home(floor: Floor, hotfix: Hotfix, state: dict[str, Any]) -> None:
    """Main, tags, branches, worktrees and claims are as they must be, here and on the remote."""
    world, before = floor.world(), hotfix.before
    refs, earlier = world["refs"], before["refs"]
    head, new = f"refs/heads/{hotfix.branch}", {name for name in refs if name not in earlier}
    here = floor.git("for-each-ref", "--format=%(refname)").splitlines()
    assert world["moves"] - before["moves"] == int(hotfix.good)
    claims = [n for n in refs if n.startswith(("refs/pitstop/", "refs/heads/pitstop-lock"))]
    assert claims == [], [str(lock) for lock in floor.remote.rglob("*.lock")]
    if hotfix.good:
        tag = f"refs/tags/{state['tag']}"
        assert new == {tag}
        assert world["main"] == state["commit"] == state["merged"]["main"]
        assert floor.git("rev-parse", f"{tag}^{{}}", folder=floor.remote) == state["commit"]
        assert floor.git("rev-parse", tag) == refs[tag] != state["commit"]
        assert head not in here
        assert not hotfix.worktree.exists()
    else:
        bad = f"refs/pitstop-known-bad/shop/{state['commit']}"
        assert new == {head, bad}
        assert floor.git("rev-list", "--count", bad, folder=floor.remote) == "1"
        assert state["known_bad"] == [state["commit"]]
        assert (world["main"], refs[head]) == (before["main"], state["commit"])
        assert head in here
        assert hotfix.version in (hotfix.worktree / "answers.py").read_text()


def announced_once(floor: Floor, hotfix: Hotfix, *more: str) -> None:
    """Each announcement stands in the file once; the webhook was told once, or it is not known."""
    text = (floor.folder / "announcements.log").read_text()
    for moment in ("starting", "deploying", "ended", *more):
        key = f"{hotfix.id}/{moment}"
        assert text.count(f"[{key}]") == 1, text
        [told] = [
            line["data"]["value"]
            for line in floor.lines(hotfix.id)
            if (line["event"], line["step"]) == ("finished", f"announce.{moment}")
        ]
        assert floor.chat.heard[key] <= 1
        if not floor.chat.heard[key]:
            assert any("chat" in one for one in told["not_told"]), told

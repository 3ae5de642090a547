"""Railway at its worst: what is unknown is neither success nor failure, and nothing is done twice."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from contracts.railway import RailwayWorld
from pitstop.adapters.platforms.railway import live, statuses
from pitstop.ports import CannotTell, Fenced, Refused

Make = Callable[..., RailwayWorld]


@pytest.fixture
def made() -> Iterator[Make]:
    """Make worlds that are ended afterwards."""
    worlds: list[RailwayWorld] = []

    def make(**settings: Any) -> RailwayWorld:
        worlds.append(RailwayWorld(**settings))
        return worlds[-1]

    yield make
    for one in worlds:
        one.end()


@pytest.fixture
def world(made: Make) -> RailwayWorld:
    """A service whose users are on ``first``."""
    return made()


def text_of(error: type[Exception], act: Callable[[], object]) -> str:
    """Return the sentence that an act ends with."""
    with pytest.raises(error) as caught:
        act()
    assert type(caught.value) is error or issubclass(caught.type, error)
    return str(caught.value)


# -- whose token, which service ------------------------------------------------------------------


def test_either_kind_of_token_is_sent_the_way_that_railway_wants_it(made, monkeypatch):
    """A project token knows its environment; an account's is told where to ship."""
    project = made()
    assert project.platform.running().commit == "first"
    assert project.railway.headers[-1]["Project-Access-Token"] == "project-token"
    assert project.railway.headers[-1]["User-Agent"].startswith("pitstop/")

    monkeypatch.setenv("RAILWAY_API_TOKEN", "account-token")
    named = {"project": "p-0001", "environment": "production"}
    account = made(token={"env": "RAILWAY_API_TOKEN"}, **named)
    assert account.platform.running().commit == "first"
    assert account.railway.headers[-1]["Authorization"] == "Bearer account-token"


@pytest.mark.parametrize(
    ("settings", "token", "said"),
    [
        ({}, None, "RAILWAY_TOKEN is not set where this runs"),
        ({}, "stale", "the token in RAILWAY_TOKEN is wrong, expired, or for another project"),
        ({}, "account-token", "Set platform.project (its id) and platform.environment"),
        ({"environment": "staging"}, "project-token", "platform.environment says staging"),
        ({"project": "p-0002"}, "project-token", "platform.project says p-0002"),
        ({"service": "shop"}, "project-token", "The project has: web, worker."),
        ({"service": None}, "project-token", "platform.service is not set"),
        (
            {"project": "p-0001", "environment": "prod"},
            "account-token",
            "The project has: production, staging.",
        ),
        ({"project": "p-9", "environment": "x"}, "account-token", "Project not found"),
    ],
)
def test_what_is_wrong_with_token_or_names_is_said(made, monkeypatch, settings, token, said):
    """In a sentence, with what there is instead; nothing was asked to change."""
    world = made(**settings)
    if token is None:
        monkeypatch.delenv("RAILWAY_TOKEN")
    else:
        monkeypatch.setenv("RAILWAY_TOKEN", token)

    assert said in text_of(CannotTell, world.platform.running)
    assert [one.status for one in world.platform.findings()] == ["failed"]
    assert said in text_of(CannotTell, lambda: world.platform.deploy(world.release("second")))
    assert world.railway.world.acts == []


# -- what serves users ---------------------------------------------------------------------------


def test_the_serving_deployment_is_not_the_newest_attempt(world):
    """A failed one that came later serves nobody."""
    world.railway.world.ends_in.append("FAILED")
    world.railway.someone_deploys({"commit": b"worse"}, commitHash="worse")

    assert world.platform.running().id == world.first.id
    assert [each.commit for each in world.platform.deployments()] == ["first"]


def test_a_crashed_deployment_is_what_users_would_get(world):
    """It is in service, and not healthy; returning to it is no way out."""
    world.railway.crash(world.first.id)

    assert world.platform.running().id == world.first.id
    assert not world.platform.healthy(world.first.id)[0]


@pytest.mark.parametrize(
    ("meta", "commit"),
    [
        ({"commitHash": "abc1234"}, "abc1234"),
        ({"cliMessage": "abc1234"}, "abc1234"),
        ({"cliMessage": "abc1234: mend the checkout"}, "abc1234"),
        ({"cliMessage": "revert abc1234"}, None),
        ({"cliMessage": "by hand"}, None),
        ({}, None),
        ({"commitHash": "unknown here"}, None),
    ],
)
def test_a_deployment_is_the_commit_that_it_names_or_nobody_knows(world, meta, commit):
    """A commit that is guessed would be worse than none."""
    world.railway.someone_deploys({"commit": b"x"}, **meta)

    if commit:
        assert world.platform.running().commit == commit
    else:
        said = text_of(CannotTell, world.platform.running)
        assert "git fetch --all" in said if "commitHash" in meta else "railway up --message" in said


def test_what_serves_the_same_image_is_the_same_commit(world):
    """Railway's own redeploys and rollbacks in the dashboard name no commit of their own."""
    world.railway.someone_deploys({"commit": b"first"})

    assert world.platform.running().commit == "first"


def test_production_answers_where_railway_says_or_the_team(made):
    """The team's own address goes before; without either it is said."""
    world = made(url=None)
    assert world.platform.address() == world.railway.url.replace("http:", "https:")
    world.railway.world.domain = ""
    assert "set platform.url" in text_of(CannotTell, world.new().address)
    assert made().platform.address().startswith("http://127.0.0.1:")


# -- the upload ----------------------------------------------------------------------------------


def test_the_upload_is_the_commit_s_tree_with_its_name(world):
    """And nothing else: the working directory is never looked at."""
    deployment = world.platform.deploy(world.release("0" * 40, key="run 1"))

    there = world.railway.world.find(deployment.id)
    assert there.files == {"commit": b"0" * 40}
    assert there.meta["cliMessage"] == f"pitstop {'0' * 40} (run%201)"
    assert (deployment.commit, deployment.tree) == ("0" * 40, f"tree of {'0' * 40}")
    [upload] = [
        one for one in world.railway.headers if one.get("Content-Type") == "application/gzip"
    ]
    assert int(upload["Content-Length"]) > 0
    assert list((world.state / "checkouts").iterdir()) == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"largest_upload": 10}, "is too large for Railway."),
        ({"bad_upload": "no builder"}, "Railway refused the upload: 400 no builder."),
    ],
)
def test_an_upload_that_is_refused_moves_nobody(world, fault, said):
    """And may be tried again once it is mended."""
    release = world.release("second")
    vars(world.railway.faults).update(fault)

    refused = text_of(Refused, lambda: world.platform.deploy(release))

    assert said in refused
    assert f"Users were not moved; users are on first ({world.first.id})." in refused
    vars(world.railway.faults).update({"largest_upload": None, "bad_upload": ""})
    assert world.platform.deploy(release).commit == "second"


def test_an_upload_without_an_answer_that_was_taken_is_found(world):
    """The connection was cut after Railway had it all: it is not sent a second time."""
    world.railway.faults.unanswered["up"] = 1

    deployment = world.platform.deploy(world.release("second"))

    assert world.railway.seen.count("up") == 1
    assert world.served() == "second" == deployment.commit


def test_an_upload_that_never_arrived_is_unknown_first_and_sent_again_later(world):
    """It may show up late; only when it has not is it sent again."""
    world.railway.faults.lost["up"] = 1
    release = world.release("second")

    said = text_of(CannotTell, lambda: world.platform.deploy(release))

    assert "Nothing of this upload shows at Railway after 10 s." in said
    assert f"users are on first ({world.first.id})." in said
    assert world.platform.deploy(release).commit == "second"
    assert len(world.railway.world.deployments) == 2


def test_what_a_killed_run_had_uploaded_is_followed_and_not_uploaded_again(world):
    """By another process that knows nothing but the key: Railway has it in the message."""
    world.railway.world.pace = 10.0
    meta = {"cliMessage": "pitstop second (run%20of%20second)"}
    made = world.railway.someone_deploys({"commit": b"second"}, **meta)

    deployment = world.new().deploy(world.release("second"))

    assert (deployment.id, world.railway.seen.count("up")) == (made.id, 0)
    assert f"Railway has this upload already: {made.id} is followed." in world.said


def test_two_runs_of_one_commit_are_one_deployment(world):
    """Whoever put the commit into service: it is there."""
    first = world.platform.deploy(world.release("second", key="one"))

    assert world.platform.deploy(world.release("second", key="two")) == first


# -- following -----------------------------------------------------------------------------------

ENDS = {
    "SUCCESS": None,
    "SLEEPING": None,
    "FAILED": (Refused, "FAILED: its build, its pre-deploy command or its health check failed"),
    "CRASHED": (Refused, "CRASHED: its process crashed"),
    "SKIPPED": (Refused, "nothing was built and nothing deployed (Railway does not say why)"),
    "REMOVED": (Refused, "REMOVED: it was removed"),
    "REMOVING": (Refused, "REMOVING: it is being removed"),
    "NEEDS_APPROVAL": (Refused, "it waits until somebody approves it in Railway's dashboard."),
    "WAITING": (Refused, "it waits for checks that were asked for"),
    "QUEUED": (Refused, "it waits for a free builder."),
    "INITIALIZING": (Refused, "it is being prepared."),
    "BUILDING": (Refused, "its image is being built."),
    "DEPLOYING": (Refused, "it starts, and its health is asked for."),
}


@pytest.mark.parametrize("status", ENDS)
def test_every_status_has_its_meaning(made, status):
    """A deployment that goes no further than this; what takes too long is cancelled, and said."""
    world = made(within="5m")
    world.railway.world.pace = 2.0
    world.railway.world.ends_in.append(status)
    release = world.release("second")
    if ENDS[status] is None:
        assert world.platform.deploy(release).commit == "second" == world.served()
        return
    error, said = ENDS[status]

    refused = text_of(error, lambda: world.platform.deploy(release))

    assert said in refused
    held = statuses.kind(status) in ("moving", "blocked")
    assert ("After 300 s it was cancelled." in refused) == held
    assert [act.split()[0] for act in world.railway.world.acts] == ["up", "cancel"][: 1 + held]
    assert f"sers are on first ({world.first.id})." in refused
    assert world.served() == "first"
    assert text_of(Refused, lambda: world.platform.deploy(release)) == refused


def test_a_status_that_nobody_knows_is_unknown(made):
    """The schema has grown: no verdict is made of it, and nothing is cancelled."""
    world = made(within="10m")
    world.railway.world.ends_in.append("DEPLOYING")
    world.railway.faults.odd_status = "TELEPORTING"

    said = text_of(CannotTell, lambda: world.platform.deploy(world.release("second")))

    assert "TELEPORTING: this version of pitstop does not know what that means" in said
    assert f"users are on first ({world.first.id})." in said
    assert "pitstop resume" in said
    assert [act.split()[0] for act in world.railway.world.acts] == ["up"]


def test_a_person_may_approve_in_time(world):
    """Held for an approval it waits, and goes on."""
    world.railway.world.route = ("NEEDS_APPROVAL", "BUILDING", "SUCCESS")
    world.railway.world.pace = 60.0

    assert world.platform.deploy(world.release("second")).commit == "second"
    assert any("until somebody approves it" in line for line in world.said)


def test_a_health_check_that_fails_says_what_railway_saw(world):
    """The reason is the app's own last words."""
    said = text_of(Refused, lambda: world.platform.deploy(world.release("sick for ever")))

    assert "In its healthcheck: /health answered 503: sick for ever." in said


def test_by_a_socket_every_status_is_heard_without_asking(world):
    """Status, phases and both logs come by themselves, also where no question is answered."""
    world.railway.world.pace = 1.0
    world.railway.faults.errors["deployment"] = ["Problem processing request"] * 1000

    world.new(within="4h").deploy(world.release("second"))

    said = "\n".join(world.said)
    assert "Railway: BUILDING: its image is being built" in said
    assert "Railway: build image is over" in said
    assert "building the image" in said
    assert "Railway: SUCCESS: it is in service" in said
    assert world.railway.seen.count("socket") == 1
    assert set(world.clock.pauses) == {0.05}  # while it was open nothing was waited for but it


@pytest.mark.parametrize("fault", ["no_sockets", "deaf_sockets", "no_news"])
def test_without_a_socket_it_is_asked_and_that_fits_the_limit(made, monkeypatch, fault):
    """At most 120 requests in ten minutes of following."""
    monkeypatch.setattr(live, "GREETED_WITHIN", 0.05)
    world = made(within="20m")
    setattr(world.railway.faults, fault, True)
    world.railway.world.route = ("BUILDING", "SUCCESS")
    world.railway.world.pace = 600.0
    before = world.railway.asked()

    assert world.platform.deploy(world.release("second")).commit == "second"

    refused_sockets = world.railway.seen.count("socket")
    assert world.railway.asked() - before - refused_sockets <= 120


def test_a_dropped_socket_is_no_verdict(world):
    """The deployment is followed on; each line of a log is said once, also of one timestamp."""
    moving = ("QUEUED", "INITIALIZING", "WAITING", "BUILDING", "DEPLOYING")
    world.railway.world.route = (*moving, "SUCCESS")
    world.railway.world.pace = 20.0
    dropped = []

    def drop(line: str) -> None:
        world.said.append(line)
        if "socket" in world.railway.seen and not dropped:
            dropped.append(world.railway.drop_sockets())

    platform = world.new(say=drop)
    assert platform.deploy(world.release("second")).commit == "second"

    assert dropped[0] >= 1
    assert world.railway.seen.count("socket") >= 2
    for line in ("reading the files", "building the image"):
        assert world.said.count(line) == 1


def test_lost_answers_while_following_are_no_verdict(world):
    """Errors, cut connections and pages of HTML: the deployment is followed on."""
    faults = world.railway.faults
    faults.no_sockets = True
    faults.errors["deployment"] = ["Problem processing request"]
    faults.lost["deployment"] = 3
    world.railway.world.pace = 20.0

    assert world.platform.deploy(world.release("second")).commit == "second"


def test_a_deployment_that_crashes_right_after_it_came_into_service_is_no_success(world):
    """It was in service for a moment, and users got it: that is said."""

    def crash(line: str) -> None:
        if "SUCCESS" in line:
            world.railway.crash(world.railway.world.deployments[-1].id)

    said = text_of(Refused, lambda: world.new(say=crash).deploy(world.release("second")))

    assert "went into service, and crashed after that. Users are on second" in said


def test_somebody_who_deploys_meanwhile_is_named(world):
    """Ours is removed by a newer one: that is no failure of the fix, and no success."""
    world.railway.world.pace = 30.0
    newer = []

    def deploy_too(line: str) -> None:
        world.said.append(line)
        if line.startswith("Railway: ") and not newer:
            world.railway.world.pace = 0.0
            newer.append(world.railway.someone_deploys({"commit": b"third"}, commitHash="third"))

    platform = world.new(say=deploy_too)
    said = text_of(Refused, lambda: platform.deploy(world.release("second")))

    assert "REMOVED: it was removed: another replaced it" in said
    assert f"Newer: third ({newer[0].id})." in said
    assert f"Users are on third ({newer[0].id})." in said


# -- limits --------------------------------------------------------------------------------------


def test_a_question_waits_as_long_as_railway_asks(world):
    """Retry-After is kept, and then it is answered."""
    world.railway.faults.limited = [7.0]

    assert world.platform.running().commit == "first"
    assert 7.0 in world.clock.pauses


def test_a_limit_that_lasts_is_unknown(world):
    """Half an hour is not waited for."""
    world.railway.faults.limited = [1800.0]

    said = text_of(CannotTell, world.platform.running)
    assert said == (
        "Railway's rate limit is used up for 1800 s. Asking changed nothing: production is as it was. "
        "See Railway's dashboard, then ask again: pitstop doctor"
    )


def test_an_upload_that_is_too_many_is_not_sent_and_may_be_sent_later(world):
    """A 429 says that nothing was taken: nothing is looked for."""
    release = world.release("second")
    world.platform.running()

    def limit(line: str) -> None:
        if "uploading" in line and "limited" not in world.railway.seen:
            world.railway.faults.limited = [5.0]

    platform = world.new(say=limit)
    said = text_of(CannotTell, lambda: platform.deploy(release))

    assert (
        "is used up for 5 s. Nothing was uploaded. Users were not moved; users are on first" in said
    )
    assert platform.deploy(release).commit == "second"
    assert len(world.railway.world.deployments) == 2


def test_on_a_small_plan_it_is_asked_less_and_that_is_said(made):
    """Free: 100 requests an hour, half of them gone already, and ten minutes to build."""
    world = made(within="15m")
    faults = world.railway.faults
    faults.hourly, faults.budget, faults.no_sockets = 100, 50, True
    world.railway.world.route = ("BUILDING", "SUCCESS")
    world.railway.world.pace = 600.0

    assert world.platform.deploy(world.release("second")).commit == "second"

    assert faults.budget > 10
    assert "limited" not in world.railway.seen
    assert any("more requests until" in line for line in world.said)


def test_a_watch_that_looks_every_second_asks_railway_seldom(world):
    """Ten minutes of looks; a minute without an answer ends no watch, five do."""
    world.platform.running()
    before = world.railway.asked()
    for _ in range(600):
        world.clock.at += timedelta(seconds=1)
        assert world.platform.running().commit == "first"
    assert world.railway.asked() - before <= 75

    world.railway.faults.silent = True
    gone = world.clock.at
    while world.clock.at < gone + timedelta(seconds=60):
        world.clock.at += timedelta(seconds=1)
        assert world.platform.running().commit == "first"
    world.clock.at += timedelta(minutes=5)
    text_of(CannotTell, world.platform.running)


# -- the way back --------------------------------------------------------------------------------


def moved(world: RailwayWorld, commit: str = "second") -> str:
    """Move users to another release; return the id of what they were on."""
    before = world.platform.running()
    world.platform.keep(before.id)
    world.platform.deploy(world.release(commit))
    return before.id


def die(line: str) -> None:
    """Be killed as soon as Railway has said how it is."""
    if line.startswith("Railway: "):
        raise KeyboardInterrupt


def acts(world: RailwayWorld) -> list[str]:
    """Return what Railway was told to do, by name."""
    return [act.split()[0] for act in world.railway.world.acts]


def test_a_rollback_is_a_deployment_of_the_same_image(world):
    """Found, followed and compared; the deployment in service is not rolled back twice."""
    first = moved(world)
    world.railway.world.pace = 1.0

    there = world.platform.return_to(first)

    assert there.id not in (first, world.first.id)
    assert (there.commit, world.served()) == ("first", "first")
    assert there == world.platform.return_to(first) == world.new().return_to(first)
    assert acts(world) == ["up", "rollback"]


@pytest.mark.parametrize(
    "fault",
    [
        {"errors": {"deploymentRollback": ["Problem processing request"]}},
        {"falsehoods": {"deploymentRollback": 1}},
    ],
)
def test_a_refused_rollback_is_not_taken_for_one(world, fault):
    """It came with HTTP 200: it is built again from its source instead."""
    first = moved(world)
    vars(world.railway.faults).update(fault)

    assert world.platform.return_to(first).commit == "first" == world.served()
    assert acts(world) == ["up", "redeploy"]


def test_an_image_that_is_gone_is_built_again(world):
    """From the source that Railway kept; and where that is gone, too, from the commit."""
    first = moved(world)
    world.railway.expire(first)
    assert world.platform.return_to(first).commit == "first" == world.served()
    assert any("is gone at Railway: it must be built again" in line for line in world.said)

    world.platform.deploy(world.release("third"))
    world.railway.expire(first, source=True)
    for each in world.railway.world.deployments:
        world.railway.expire(each.id, source=True)
    assert world.platform.return_to(first).commit == "first" == world.served()
    assert acts(world) == ["up", "redeploy", "up", "up"]


def test_a_rollback_without_an_answer_is_looked_for(world):
    """It was begun before the connection was cut: it is found, and not begun again."""
    first = moved(world)
    world.railway.faults.unanswered["deploymentRollback"] = 1

    assert world.platform.return_to(first).commit == "first" == world.served()
    assert acts(world) == ["up", "rollback"]


def test_a_rollback_that_a_killed_process_began_is_followed(world):
    """The next process finds it by what was noted before the call."""
    first = moved(world)
    world.railway.world.pace = 5.0

    with pytest.raises(KeyboardInterrupt):
        world.new(say=die).return_to(first)
    assert world.new().return_to(first).commit == "first" == world.served()
    assert acts(world) == ["up", "rollback"]


def test_somebody_else_s_deployment_is_not_taken_for_the_rollback(world):
    """It is newer than the call, too; its message says what it is."""
    first = moved(world)
    world.railway.world.pace = 30.0
    others = []

    def deploy_too(line: str) -> None:
        if line.startswith("Railway: ") and not others:
            others.append(world.railway.someone_deploys({"commit": b"x"}, commitHash="third"))

    said = text_of(Refused, lambda: world.new(say=deploy_too).return_to(first))

    assert "REMOVED: it was removed" in said
    assert f"users are on third ({others[0].id})." in said


def test_another_image_than_the_wanted_one_is_no_rollback(world):
    """Railway keeps nothing of the old image; what it was is known from before the deploy."""
    first = moved(world)
    there = world.railway.world.find(first)
    there.files["commit"] = b"tampered"
    del there.meta["imageDigest"]

    said = text_of(Refused, lambda: world.platform.return_to(first))

    assert f"of the rollback, with another image than {first}; users are on" in said
    assert acts(world) == ["up", "rollback"]


def test_an_image_that_is_told_late_is_compared_all_the_same(world):
    """While it is under way its meta says nothing of it; when it is in service it does."""
    first = moved(world)
    deploy = world.railway.world.deploy

    def untold(files: Any, meta: Any, variables: Any = None) -> Any:
        return deploy(files, meta | {"imageDigest": None}, variables)

    def told(line: str) -> None:
        if "SUCCESS" in line:
            world.railway.world.deployments[-1].meta["imageDigest"] = "sha256:other"

    world.railway.world.deploy = untold  # type: ignore[method-assign]

    said = text_of(Refused, lambda: world.new(say=told).return_to(first))
    assert f"went into service with another image than {first}" in said


def test_without_any_digest_the_commit_that_it_names_counts(world):
    """What meta holds after a rollback is not in Railway's documentation."""
    world.railway.faults.without_digest = True
    first = moved(world)

    assert world.platform.return_to(first).commit == "first" == world.served()


def test_variables_that_go_back_are_named(world):
    """Railway returns them with the image; no value of theirs is kept anywhere."""
    first = moved(world)
    world.railway.world.variables |= {"REGION": "us", "NEW": "s3cr3t"}

    back = world.platform.return_to(first)

    assert back.also.endswith("taken back now: NEW, REGION.")
    assert world.railway.world.variables["REGION"] == "eu"
    kept = "".join(path.read_text() for path in (world.state / "home").rglob("*.json"))
    assert "s3cr3t" not in kept
    assert "postgres://db" not in kept


def test_a_rollback_ends_an_upload_that_is_still_under_way(world):
    """Users never left; what was on its way is cancelled and does not come through later."""
    before = world.platform.running()
    world.railway.world.pace = 30.0

    with pytest.raises(KeyboardInterrupt):
        world.new(say=die).deploy(world.release("second"))

    assert world.platform.return_to(before.id) == before
    assert acts(world) == ["up", "cancel"]
    world.clock.at += timedelta(hours=1)
    assert world.served() == "first"
    assert "brought back meanwhile" in text_of(
        Refused, lambda: world.platform.deploy(world.release("second"))
    )


def test_the_way_back_by_hand_is_one_command_that_works(world):
    """In any shell that has curl, with the token's name and not the token."""
    first = moved(world)
    command = world.platform.restore_command(first)
    assert "project-token" not in command

    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    if done.returncode == 127:
        pytest.skip("curl is not installed")

    assert done.stdout == '{"data": {"deploymentRollback": true}}', done.stderr
    assert world.served() == "first"


def test_a_deploy_by_hand_is_one_that_pitstop_knows_again(world, tmp_path, monkeypatch):
    """By curl, or by Railway's program where that is installed; it is not uploaded once more."""
    repository = tmp_path / "it's here"
    git = ["git", "-C", str(repository), "-c", "user.name=x", "-c", "user.email=x@y"]
    for words in (
        ["git", "init", "-q", str(repository)],
        ["sh", "-c", f"echo by hand >{shlex.quote(str(repository))}/commit"],
        [*git, "add", "-A"],
        [*git, "commit", "-q", "-m", "x"],
    ):
        subprocess.run(words, check=True)
    commit = subprocess.check_output([*git, "rev-parse", "HEAD"], text=True).strip()
    world.repository = repository
    platform, release = world.new(), world.release(commit, key="run 1")

    text = "\n".join([*platform.deploy_commands(release), *platform.look_commands()])
    done = subprocess.run(["sh", "-e"], input=text, capture_output=True, text=True)
    if done.returncode == 127:
        pytest.skip("curl is not installed")

    assert done.returncode == 0, done.stderr
    assert '"status": "SUCCESS"' in done.stdout
    assert world.served() == "by hand"
    assert platform.deploy(release).commit == commit
    assert world.railway.seen.count("up") == 1
    program = tmp_path / "bin" / "railway"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    assert (
        f"railway up --ci --project p-0001 --environment e-0001 --service s-0001 "
        f"--message 'pitstop '{commit}' (run%201)'"
    ) in platform.deploy_commands(release)[-1]


def test_by_hand_it_goes_on_where_railway_cannot_be_asked(world):
    """What was known of the service when it answered last is enough for the commands."""
    world.platform.running()
    world.railway.faults.silent = True

    fresh = world.new()
    assert (
        "/environment/e-0001/up?serviceId=s-0001" in fresh.deploy_commands(world.release("x"))[-1]
    )
    assert '"service": "s-0001"' in fresh.look_commands()[0]


# -- silence and nonsense ------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 500, 502, 504])
def test_an_answer_that_is_no_json_is_unknown(world, status):
    """Whatever its status says."""
    world.railway.faults.statuses = [status] * 3

    said = text_of(CannotTell, world.platform.running)
    assert said.startswith(f"Railway answered with {status} and no JSON. Asking changed nothing")
    assert world.platform.running().commit == "first"


def test_a_network_that_is_gone_in_the_middle_of_a_rollback_is_unknown(world):
    """The next try finds what the first one began."""
    first = moved(world)
    world.railway.world.pace = 1.0

    def cut(line: str) -> None:
        world.railway.faults.silent = line.startswith("Railway: ") or world.railway.faults.silent

    said = text_of(CannotTell, lambda: world.new(say=cut, within="2m").return_to(first))
    assert "what users get now is not known." in said or "did not answer" in said

    world.railway.faults.silent = False
    assert world.platform.return_to(first).commit == "first" == world.served()
    assert acts(world) == ["up", "rollback"]


def test_whoever_was_fenced_uploads_nothing_and_cancels_nothing(world):
    """Every act asks right before it is sent."""
    first = moved(world)
    world.take_over()
    for act in (
        lambda: world.platform.return_to(first),
        lambda: world.platform.restart(first),
        lambda: world.platform.stop(first),
    ):
        with pytest.raises(Fenced):
            act()
    assert acts(world) == ["up"]


def test_a_process_is_restarted_and_stopped(world):
    """Both by their own mutation, and their answer is read."""
    world.platform.stop(world.first.id)
    assert world.platform.healthy(world.first.id)[0] is False
    world.platform.restart(world.first.id)
    assert world.platform.healthy(world.first.id)[0]
    assert acts(world) == ["stop", "restart"]
    world.railway.faults.falsehoods["deploymentRestart"] = 1
    text_of(CannotTell, lambda: world.platform.restart(world.first.id))


# -- what doctor says ----------------------------------------------------------------------------


def test_findings_say_what_users_will_notice(made, monkeypatch):
    """Everything is well here; then nothing is."""
    world = made()
    assert [one.status for one in world.platform.findings()] == ["ok"] * 5

    there = world.railway.world
    there.settings |= {"healthcheckPath": None, "overlapSeconds": None, "drainingSeconds": 0}
    there.settings["source"] = {"repo": "team/shop"}
    found = {(one.name, one.status) for one in world.platform.findings()}
    warned = ("railway.health", "railway.overlap", "railway.source")
    assert {name for name, status in found if status == "warning"} == set(warned)
    assert any("502" in line for line in world.platform.warnings())

    there.volumes.append("/data")
    assert any("short gap" in line for line in world.platform.warnings())
    assert world.platform.healthy() == (True, "Railway: SUCCESS: it is in service")


def test_the_log_of_a_deployment_is_shown_with_every_line(world):
    """Lines that share a moment, too."""
    world.railway.say(world.first.id, "one", "two", "two")

    shown = world.platform.logs().splitlines()
    assert [line.split()[-1] for line in shown] == ["one", "two", "two"]
    assert world.platform.logs(world.first.id).splitlines() == shown

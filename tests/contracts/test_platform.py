"""What every platform promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from contracts.platforms import LocalWorld, World
from contracts.railway import RailwayWorld
from contracts.shell import ShellWorld, StagingShellWorld
from contracts.simulated import SimulatedWorld
from pitstop.ports import (
    CannotTell,
    Fenced,
    ParksPrevious,
    Platform,
    Refused,
    SplitsTraffic,
    StagesCandidates,
)

WORLDS: dict[str, Callable[[], World]] = {
    "local": LocalWorld,
    "railway": RailwayWorld,
    "shell": ShellWorld,
    "shell with candidates": StagingShellWorld,
    "simulated": SimulatedWorld,
}
STAGING = ["local", "shell with candidates", "simulated"]  # they run a release without users
PARKING = ["local", "simulated"]  # they keep the previous release warm
SPLITTING = ["local", "simulated"]  # they give a candidate a share of the users
only_splitting = pytest.mark.parametrize("world", SPLITTING, indirect=True)
ANEW = ["railway"]  # their way back is a deployment of its own, with an id of its own
only_staging = pytest.mark.parametrize("world", STAGING, indirect=True)
only_parking = pytest.mark.parametrize("world", PARKING, indirect=True)


@pytest.fixture(params=sorted(WORLDS))
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A service whose users are on commit ``first``."""
    found = WORLDS[request.param]()
    yield found
    found.end()


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_a_platform_has_the_shape_that_the_procedure_asks_for(name: str) -> None:
    """Methods only: what they do is the matter of the other tests. Abilities are as they say."""
    world = WORLDS[name]()
    assert isinstance(world.platform, StagesCandidates) == (name in STAGING)
    assert isinstance(world.platform, ParksPrevious) == (name in PARKING)
    assert isinstance(world.platform, SplitsTraffic) == (name in SPLITTING)
    assert all(hasattr(world.platform, name) for name in dir(Platform) if name[0] != "_")
    world.end()


def test_what_runs_is_what_users_get(world: World) -> None:
    """The platform's answer and a user's answer agree."""
    assert "first" == world.platform.running().commit == world.served()
    assert (world.platform.healthy()[0], bool(world.platform.findings())) == (True, True)


def test_a_deploy_moves_users_to_the_release(world: World) -> None:
    """After a deploy users are served by the new release, and it says since when."""
    deployment = world.platform.deploy(world.release("second"))

    assert "second" == world.served() == deployment.commit
    assert deployment == world.platform.running()
    assert deployment.at


def test_a_release_is_put_into_service_once_per_key(world: World) -> None:
    """Asked twice, the platform answers with the same deployment."""
    release = world.release("second")

    assert world.platform.deploy(release) == world.platform.deploy(release)
    assert [each.commit for each in world.platform.deployments()] == ["second", "first"]


@pytest.mark.parametrize("commit", ["exits at once", "sick for ever"])
def test_a_release_that_never_becomes_healthy_gets_no_users(world: World, commit: str) -> None:
    """The platform refuses with a reason, and users stay where they are."""
    release = world.release(commit)

    with pytest.raises(Refused, match=commit[:5]):
        world.platform.deploy(release)

    assert "first" == world.served() == world.platform.running().commit


def test_returning_serves_users_from_the_previous_deployment(world: World) -> None:
    """The way back ends where production began, and may be asked for twice."""
    before = world.platform.running()
    world.platform.deploy(world.release("second"))

    there = world.platform.return_to(before.id)

    assert there == world.platform.return_to(before.id) == world.platform.running()
    assert (there.commit, there.tree) == (before.commit, before.tree)
    assert (there != before) == isinstance(world, tuple(WORLDS[name] for name in ANEW))
    assert world.served() == "first"


@only_parking
def test_a_retired_deployment_can_be_returned_to(world: World) -> None:
    """Retiring stops a deployment; its files stay, so it can be started again."""
    before = world.platform.running()
    world.platform.deploy(world.release("second"))
    world.platform.retire(before.id)
    assert not world.platform.healthy(before.id)[0]

    world.platform.return_to(before.id)

    assert world.served() == "first"


@only_parking
def test_the_live_deployment_is_never_retired(world: World) -> None:
    """Retiring what users are served by is refused."""
    with pytest.raises(Refused):
        world.platform.retire(world.platform.running().id)

    assert world.served() == "first"


def test_a_deployment_that_is_gone_cannot_be_returned_to(world: World) -> None:
    """The refusal leaves users where they are."""
    before = world.platform.running()
    world.platform.deploy(world.release("second"))
    if isinstance(world.platform, ParksPrevious):
        world.platform.retire(before.id)
    world.lose_files(before)

    with pytest.raises(Refused):
        world.platform.return_to(before.id)
    with pytest.raises(Refused):
        world.platform.return_to("d4711")
    assert world.served() == "second"


@only_staging
def test_a_candidate_runs_without_users(world: World) -> None:
    """A candidate is healthy and users are elsewhere; the deploy then takes that very one."""
    candidate = world.platform.stage(world.release("second"))
    assert candidate == world.platform.stage(world.release("second"))
    assert world.platform.healthy(candidate.deployment_id)[0]
    assert world.served() == "first"

    assert candidate.deployment_id == world.platform.deploy(world.release("second")).id


@only_staging
def test_a_discarded_candidate_is_gone(world: World) -> None:
    """Discarding stops a candidate, may be repeated, and the key can be staged again."""
    candidate = world.platform.stage(world.release("second"))
    world.platform.discard("run of second")
    world.platform.discard("run of second")
    world.platform.discard("a key nobody knows")

    assert not world.platform.healthy(candidate.deployment_id)[0]
    assert world.platform.deploy(world.release("second")).commit == "second"


@only_parking
def test_what_had_users_is_never_discarded(world: World) -> None:
    """Discard does nothing to a deployment that users were moved to."""
    second = world.platform.deploy(world.release("second"))
    world.platform.discard("run of second")
    assert world.served() == "second"

    world.platform.return_to(world.platform.deployments()[-1].id)
    world.platform.discard("run of second")
    assert world.platform.healthy(second.id)[0]


def test_whoever_was_fenced_changes_nothing(world: World) -> None:
    """Every act asks the fence before it changes the world."""
    before = world.platform.running()
    second = world.platform.deploy(world.release("second"))
    third = world.release("third")
    world.take_over()

    acts = [lambda: world.platform.deploy(third), lambda: world.platform.return_to(before.id)]
    if isinstance(world.platform, StagesCandidates):
        acts.append(lambda: world.platform.stage(third))
    if isinstance(world.platform, ParksPrevious):
        acts.append(lambda: world.platform.retire(before.id))
    for act in acts:
        with pytest.raises(Fenced):
            act()
    assert world.served() == "second" == second.commit
    assert before in world.platform.deployments()


def test_a_platform_that_does_not_answer_cannot_tell(world: World) -> None:
    """Silence is never an answer."""
    world.silence()

    with pytest.raises(CannotTell):
        world.platform.running()
    assert not world.platform.healthy()[0]


@only_parking
def test_the_way_back_by_hand_is_one_command(world: World) -> None:
    """It names the service and the deployment."""
    command = world.platform.restore_command("d1")

    assert command == 'pitstop rollback --service shop --to d1 --reason "..."'


@only_splitting
def test_a_candidate_has_a_share_of_the_users_until_they_are_returned(world: World) -> None:
    """What runs is still the old one; asked twice, nothing changes; returning ends it."""
    platform = world.platform
    first = platform.running()
    candidate = platform.stage(world.release("second"))

    beside = platform.split(candidate.deployment_id, 20)

    assert (beside.id, beside.commit, platform.running()) == (
        candidate.deployment_id,
        "second",
        first,
    )
    assert beside.at
    assert platform.split(candidate.deployment_id, 20) == beside
    assert platform.return_to(first.id).commit == "first"
    assert {world.served() for _ in range(30)} == {"first"}
    platform.discard(world.release("second").key)


@only_splitting
def test_a_deploy_gives_the_candidate_all_of_them(world: World) -> None:
    """It has been in service since then, and not since it had a part."""
    candidate = world.platform.stage(world.release("second"))
    beside = world.platform.split(candidate.deployment_id, 20)

    deployed = world.platform.deploy(world.release("second"))

    assert (deployed.id, deployed.at >= beside.at) == (beside.id, True)
    assert {world.served() for _ in range(30)} == {"second"}


@only_splitting
def test_whoever_is_fenced_gives_no_share(world: World) -> None:
    """Somebody else acts now."""
    candidate = world.platform.stage(world.release("second"))
    world.take_over()

    with pytest.raises(Fenced):
        world.platform.split(candidate.deployment_id, 20)
    assert {world.served() for _ in range(30)} == {"first"}

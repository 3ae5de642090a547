"""Put the change into service: healthy first, users after."""

from pitstop import messages as say
from pitstop.domain.change import Candidate, Change, Deployment, Release, RollbackPoint
from pitstop.domain.incident import Incident
from pitstop.flow import No, step
from pitstop.ports import (
    CannotTell,
    Crew,
    Fenced,
    ParksPrevious,
    Refused,
    SplitsTraffic,
    StagesCandidates,
)

CANARY = 20  # percent of the users: enough to see soon, few enough to be hurt


@step("Start the new release without users", phase="deploying", attempts=2)
def stage(crew: Crew, incident: Incident, change: Change) -> Candidate | None:
    """Return the healthy candidate; None on a platform that cannot run one beside production."""
    if not isinstance(crew.platform, StagesCandidates):
        return None
    return crew.platform.stage(Release(_key(crew, incident), change.commit, change.tree))


@step("Move a part of the users to the new release", phase="deploying", attempts=3)
def split(crew: Crew, candidate: Candidate | None, point: RollbackPoint) -> Deployment | None:
    """Give the candidate its share of the users; None where nobody asked for it, or it cannot be."""
    if not (crew.settings.gate.canary and candidate):
        return None
    if not isinstance(crew.platform, SplitsTraffic):
        return None
    running = crew.platform.running()
    if running is None or running.id != point.deployment_id:
        return None  # the next step says what has happened
    return crew.platform.split(candidate.deployment_id, CANARY)


@step("Switch users to the new release", phase="deploying", attempts=3)
def release(
    crew: Crew, incident: Incident, change: Change, point: RollbackPoint
) -> Deployment | No:
    """Put the tested tree into service, once; refuse if another tree would come out."""
    running = crew.platform.running()
    if running is None:
        return No(say.nothing_in_service(incident.service, crew.settings.platform.use))
    if running.id != point.deployment_id and running.commit != change.commit:
        return No(say.production_moved(point.commit, running.commit, change.commit))
    deployment = crew.platform.deploy(Release(_key(crew, incident), change.commit, change.tree))
    if deployment.tree != change.tree:
        return No(say.other_tree("deployed", deployment.tree, change.tree))
    return deployment


@step("Stop the release that did not stay", phase="closed", attempts=2)
def discard(crew: Crew, incident: Incident) -> bool:
    """Stop this run's release if users are not served by it."""
    try:
        running = crew.platform.running()
        if isinstance(crew.platform, StagesCandidates):
            crew.platform.discard(_key(crew, incident))
        deployment = crew.record.status()["deployment"]
        if deployment and isinstance(crew.platform, ParksPrevious):
            if running and running.id != deployment["id"]:
                crew.platform.retire(deployment["id"])
    except (Refused, CannotTell, Fenced):
        return False  # users are served; what is left over is pruned with a later deployment
    return True


@step("Stop the previous release", phase="watching", attempts=2)
def retire(crew: Crew, point: RollbackPoint) -> bool:
    """Drain and stop the parked release once the watch has ended; it stays a rollback target."""
    if not isinstance(crew.platform, ParksPrevious):
        return False
    try:
        running = crew.platform.running()
        if running and running.id != point.deployment_id:
            crew.platform.retire(point.deployment_id)
    except (Refused, CannotTell, Fenced):
        return False  # somebody else acts now, and tidies up behind the releases of before
    return True


def _key(crew: Crew, incident: Incident) -> str:
    """Return what a platform knows this run's release by; a new attempt is another release."""
    attempt = crew.record.status()["attempt"]
    return incident.id if attempt == 1 else f"{incident.id}.{attempt}"

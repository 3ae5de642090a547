"""Bring the fix home: main, tag, branch. Production is fixed already, so nothing here fails a run."""

from pitstop import messages as say
from pitstop.domain.change import Change, Deployment, Landed, Shipped
from pitstop.domain.incident import Incident
from pitstop.flow import No, patiently, step
from pitstop.ports import CannotTell, Crew, Refused


@step("Foresee the merge", phase="preparing")
def foresee(crew: Crew, change: Change) -> tuple[str, ...]:
    """Return the files in which the fix conflicts with main; the deploy does not wait for them."""
    try:
        return tuple(crew.forge.merge_conflicts(change))
    except (Refused, CannotTell):
        return ()  # it is seen again when the fix is merged


@step("Choose the tag", phase="merging", attempts=2)
def name_tag(crew: Crew, incident: Incident) -> str:
    """Return a tag name that is free here and on the remote; recorded once."""
    wanted = f"hotfix-{crew.clock.now():%Y%m%d-%H%M}"
    try:
        return crew.forge.free_tag(wanted, crew.record.promised_tags())
    except Exception:  # noqa: BLE001 - production is fixed: nothing here may end the run
        return wanted  # a clash shows when it is pushed, and is then owed


@step("Merge to main, tag, delete the branch", phase="merging")
def land(
    crew: Crew, incident: Incident, change: Change, deployment: Deployment, tag: str
) -> Landed | No:
    """Push main, tag and deletion in one; what cannot be done now is owed, in words."""
    if deployment.tree != change.tree:
        return No(say.other_tree("deployed", deployment.tree, change.tree))
    fix = crew.record.status()["fix"] or ""
    messages = (
        say.tag_message(incident, change, fix, crew.record.head()),
        say.merge_message(incident, change),
    )
    service = crew.settings.service

    try:
        patiently(crew, lambda: crew.claims.take(incident.title), times=3)
    except Refused as not_ours:  # who took it over decides what main becomes
        return Landed(owed=(say.merge_left(str(not_ours), change),))
    except CannotTell as silence:
        owed = say.merge_owed(str(silence), change, tag, service.remote, service.main)
        return Landed(owed=(owed,))
    try:
        return patiently(crew, lambda: crew.forge.land(change, tag, *messages), times=3)
    except CannotTell as silence:
        return Landed(owed=(say.perhaps_merged(str(silence), change, service.remote),))
    except Exception as not_now:  # noqa: BLE001 - production is fixed: what failed is owed
        owed = say.merge_owed(str(not_now), change, tag, service.remote, service.main)
        return Landed(owed=(owed,))


@step("Prepare the revert on main", phase="rolling_back", attempts=2)
def prepare_revert(crew: Crew, shipped: Shipped) -> str | None:
    """Return the branch that takes the fix out of main again; a person merges it."""
    if shipped.landed.main is None:
        return None
    try:
        return crew.forge.prepare_revert(shipped.change)
    except Exception:  # noqa: BLE001 - production was returned: a person reverts by hand
        return None

"""Return production to where it was, and see that it is healthy there."""

from pitstop import messages as say
from pitstop.domain.change import Deployment, Returned, RollbackPoint
from pitstop.domain.incident import Return
from pitstop.domain.verdict import Outcome
from pitstop.flow import No, step
from pitstop.ports import Crew, Refused

PROBES = 3
PATIENCE = 20  # seconds for the returned release to answer well


@step("Return to the rollback point", phase="rolling_back", attempts=5)
def return_to(crew: Crew, point: RollbackPoint) -> Returned | No:
    """Serve users from the recorded deployment again, and verify it."""
    try:
        returned = crew.platform.return_to(point.deployment_id)
    except Refused as refused:
        return No(say.cannot_return(str(refused), point.restore_command))
    if returned.commit != point.commit:
        return No(say.other_commit_returned(returned.commit, point.commit, point.restore_command))
    return _verified(crew, returned, point.restore_command, point)


@step("Return to an earlier deployment", phase="rolling_back", attempts=5)
def go_back(crew: Crew, wanted: Return) -> Returned | No:
    """Serve users from the wanted deployment, and verify it."""
    command = crew.platform.restore_command(wanted.deployment_id)
    try:
        return _verified(crew, crew.platform.return_to(wanted.deployment_id), command, wanted)
    except Refused as stuck:
        return No(say.cannot_return(str(stuck), command))


@step("Tell the hotfix that it was rolled back", phase="rolling_back", attempts=3)
def tell(crew: Crew, wanted: Return, outcome: Outcome) -> bool:
    """Write the end into the journal of the run that this ends, whichever end it is."""
    if wanted.hotfix:
        ok = outcome.status == "rolled_back"
        reason = wanted.reason if ok else outcome.reason
        moved_on = crew.record.status()["moved_on"] or ""
        crew.record.returned(wanted.hotfix, ok, reason, wanted.deployment_id, moved_on)
    return bool(wanted.hotfix)


def _verified(
    crew: Crew, deployment: Deployment, command: str, before: RollbackPoint | Return
) -> Returned | No:
    """Ask until it answers well several times in a row; then, users first, look at the database."""
    good, said = 0, ""
    for _ in range(PATIENCE * 5):
        well, said = crew.platform.healthy()
        good = good + 1 if well else 0
        if good == PROBES:
            known = {name: value for name, value in vars(deployment).items() if name != "moved_on"}
            return Returned(**known, moved_on=_moved_on(crew, before))
        if not well:
            crew.clock.pause(0.2)
    return No(say.returned_unhealthy(deployment.id, said, command))


def _moved_on(crew: Crew, before: RollbackPoint | Return) -> str:
    """Say that the database is not what the returned release knew; nothing here fails a rollback."""
    if crew.backup is None or before.migration_head is None:
        return ""
    try:
        found = crew.backup.migration_head() or "none"
    except Exception as why:  # noqa: BLE001 - users are served again, whatever the database says
        return say.perhaps_moved_on(str(why), _restore_command(crew, before.backup_id))
    if found == before.migration_head:
        return ""
    command = _restore_command(crew, before.backup_id)
    return say.moved_on(found, before.migration_head, command)


def _restore_command(crew: Crew, backup_id: str | None) -> str:
    try:
        if crew.backup and backup_id:
            return crew.backup.restore_command(backup_id)
    except Exception as why:  # noqa: BLE001 - as above
        return f"# {say.one_line(str(why))}"
    return "# no backup is on record; see: pitstop backup list"

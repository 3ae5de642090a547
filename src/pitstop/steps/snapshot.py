"""Record where production can return to, before anything is changed."""

from pitstop import messages as say
from pitstop.domain.change import Change, RollbackPoint
from pitstop.domain.incident import Case
from pitstop.flow import No, step
from pitstop.ports import Crew, Refused


@step("Record the rollback point", phase="deploying", attempts=6)
def record(crew: Crew, case: Case, change: Change) -> RollbackPoint | No:
    """Return the deployment that serves users now, and see that it is kept."""
    try:
        crew.claims.take(case.incident.title)  # somebody may have taken it over since the start
    except Refused as refused:
        return No(f"{say.UNCHANGED} {refused}", declined=True)
    running = crew.platform.running()
    if running is None:
        return No(say.nothing_in_service(case.incident.service))
    if running.commit != change.branch.base_commit:
        return No(say.production_moved(change.branch.base_commit, running.commit, change.commit))
    crew.platform.keep(running.id)
    command = crew.platform.restore_command(running.id)
    crew.claims.note(running.id, command)
    at = crew.clock.now().isoformat(timespec="seconds").replace("+00:00", "Z")
    return RollbackPoint(running.id, running.commit, running.tree, command, at)

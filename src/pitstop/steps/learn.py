"""Close the run: give back what was held, and write the line that remains."""

import contextlib

from pitstop.domain.incident import Incident
from pitstop.domain.verdict import Outcome
from pitstop.flow import patiently, step
from pitstop.ports import Crew


@step("Close the run", phase="closed")
def close(crew: Crew, incident: Incident, outcome: Outcome) -> str:
    """Let the rollback target go and release the claim; what does not answer is left to age."""
    point = crew.record.status()["rollback_point"]
    _let_backup_go(crew, (point or {}).get("backup_id"))
    try:
        if point:
            crew.platform.let_go(point["deployment_id"])
        patiently(crew, crew.claims.release, times=3)
    except Exception:  # noqa: BLE001 - a claim left over goes stale and can be taken over
        return "claim not released"
    return "closed"


def _let_backup_go(crew: Crew, backup_id: str | None) -> None:
    """Let the backup age like the others; what cannot be tidied up now is tidied up later."""
    if crew.backup and backup_id:
        with contextlib.suppress(Exception):
            crew.backup.let_go(backup_id)
            crew.backup.prune()

"""Record where production can return to, before anything is changed: its data, then its release."""

import hashlib
import json
from dataclasses import replace

from pitstop import messages as say
from pitstop.domain.backup import BackupTaken
from pitstop.domain.change import Change, RollbackPoint
from pitstop.domain.incident import Case, Incident
from pitstop.flow import No, patiently, step
from pitstop.ports import CannotTell, Crew, Refused, WarnsBefore

TRIES = 2  # for a database that does not answer at once


@step("Back up the database", phase="deploying", attempts=2)
def back_up(crew: Crew, incident: Incident) -> BackupTaken | No | None:
    """Return a backup that was read back; None where none is configured. No override passes this."""
    backup = crew.backup
    if backup is None:
        return None
    declared = "".join(sign for sign in incident.declared_at if sign.isalnum())
    attempt = crew.record.status()["attempt"]
    key = f"{incident.id}-{declared}"  # a later hotfix of the same name takes its own
    key = key if attempt == 1 else f"{key}-{attempt}"  # and so does a later attempt of this one
    try:
        taken = patiently(crew, lambda: backup.take(key), times=TRIES)
        backup.keep(taken.id)
        evidence = taken.verified or patiently(crew, lambda: backup.verify(taken.id), times=TRIES)
    except (Refused, CannotTell) as why:
        return No(say.no_backup(str(why)))
    return replace(taken, verified=evidence)


@step("Record the rollback point", phase="deploying", attempts=6)
def record(
    crew: Crew, case: Case, change: Change, backup: BackupTaken | None = None
) -> RollbackPoint | No:
    """Return the deployment that serves users now, and see that it is kept."""
    try:
        crew.claims.take(case.incident.title)  # somebody may have taken it over since the start
    except Refused as refused:
        return No(f"{say.UNCHANGED} {refused}", declined=True)
    running = crew.platform.running()
    if running is None:
        return No(say.nothing_in_service(case.incident.service, crew.settings.platform.use))
    if running.commit != change.branch.base_commit:
        return No(say.production_moved(change.branch.base_commit, running.commit, change.commit))
    crew.platform.keep(running.id)
    command = crew.platform.restore_command(running.id)
    crew.claims.note(running.id, command)
    at = crew.clock.now().isoformat(timespec="seconds").replace("+00:00", "Z")
    backed_up, head = backup.id if backup else None, _migration_head(crew)
    point = RollbackPoint(running.id, running.commit, running.tree, command, at, backed_up, head)
    return replace(point, config_fingerprint=_fingerprint(crew), warnings=_warnings(crew))


def _fingerprint(crew: Crew) -> str:
    """Return what tells whether the platform is told the same later; secrets are only names there."""
    told = crew.settings.platform.model_dump(mode="json")
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def _warnings(crew: Crew) -> tuple[str, ...]:
    """Return what the platform says of its deploys; that it says nothing stops none."""
    try:
        return tuple(crew.platform.warnings()) if isinstance(crew.platform, WarnsBefore) else ()
    except CannotTell:
        return ()


def _migration_head(crew: Crew) -> str | None:
    """Return how far the database has come; None where nobody can say."""
    try:
        return crew.backup.migration_head() if crew.backup else None
    except (Refused, CannotTell):
        return None

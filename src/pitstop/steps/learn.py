"""What remains: the line about how it ended, and the commits that must not come again."""

import contextlib
from dataclasses import dataclass

from pitstop import messages as say
from pitstop.domain.incident import Incident, Return
from pitstop.domain.known_bad import BadCommit
from pitstop.domain.verdict import Outcome
from pitstop.flow import patiently, step
from pitstop.ports import Crew


@dataclass(frozen=True)
class Marked:
    """Which commit is known bad now, if one is, and what is to be said about it."""

    commit: str | None
    said: str


@step("Remember the commit as known bad", phase="closed")
def mark_known_bad(crew: Crew, incident: Incident) -> Marked:
    """Mark the fix if a gate or a person found it bad; an abort or a fault says nothing about it."""
    status = crew.record.status()
    failed = [gate["reason"] for gate in status["gates"] if gate["verdict"] == "fail"]
    if not status["deployment"] or not (failed or status["returned_to"]):
        return Marked(None, say.NOTHING_AGAINST_IT)
    by = status["returned_by"] or incident.owner
    return _marked(crew, status["commit"], status["tree"], status["reason"], by, incident.id)


@step("Remember the commit as known bad", phase="closed")
def mark_left(crew: Crew, wanted: Return) -> Marked:
    """Mark the commit that users were served by when a person asked to return."""
    if wanted.left is None:
        return Marked(None, say.NOTHING_WAS_LEFT)
    return _marked(crew, *wanted.left, wanted.reason, wanted.owner, wanted.id)


def _marked(crew: Crew, commit: str, tree: str, reason: str, by: str, run: str) -> Marked:
    """Remember a commit; production is returned already, and nothing that fails here matters more."""
    if crew.known_bad is None:
        return Marked(None, say.not_marked(commit, say.NOT_CONFIGURED))
    at = crew.clock.now().isoformat(timespec="seconds").replace("+00:00", "Z")
    bad = BadCommit(commit, tree, say.one_line(reason), by, at, run)
    try:
        not_shared = crew.known_bad.mark(bad)
    except Exception as why:  # noqa: BLE001 - a rollback never fails because of a remark
        return Marked(None, say.not_marked(commit, str(why)))
    return Marked(commit, say.marked(commit, not_shared))


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
    finally:
        _forget_answers(crew, incident.id)
    return "closed"


def _forget_answers(crew: Crew, run: str) -> None:
    """Remove what colleagues said through the remote; left there, it is about a tree that is over."""
    if crew.answers and crew.settings.approval.required:
        with contextlib.suppress(Exception):
            crew.answers.clear(run)


def _let_backup_go(crew: Crew, backup_id: str | None) -> None:
    """Let the backup age like the others; what cannot be tidied up now is tidied up later."""
    if crew.backup and backup_id:
        with contextlib.suppress(Exception):
            crew.backup.let_go(backup_id)
            crew.backup.prune()

"""The hotfix branch: cut from what runs in production, not from what main has become."""

from pitstop import messages as say
from pitstop.domain.change import Branch, Change, Landed
from pitstop.domain.incident import Case, Incident
from pitstop.flow import No, step
from pitstop.ports import CannotTell, Crew, Refused


@step("Claim the service", phase="declared", attempts=6)
def claim(crew: Crew, case: Case) -> str | No:
    """Let every machine see who is putting a fix into this service."""
    try:
        crew.claims.take(case.incident.title)
    except Refused as refused:
        return No(f"{say.UNCHANGED} {refused}", declined=True)
    return case.incident.service


@step("Cut the hotfix branch from what is deployed", phase="preparing", attempts=6)
def cut(crew: Crew, case: Case) -> Branch:
    """Return this incident's branch and worktree; they are made only once."""
    incident = case.incident
    return crew.forge.cut(say.branch(incident.id), case.deployed.commit, incident.start_from)


@step("Commit the fix", phase="preparing", attempts=2)
def commit(crew: Crew, incident: Incident, cut: Branch, fix: str) -> Change:
    """Commit what the worktree holds, with Issue, Impact and Fix."""
    return crew.forge.commit(cut, say.commit_message(incident, fix))


@step("Look at what would be committed", phase="preparing")
def preview(crew: Crew, incident: Incident, cut: Branch) -> Change:
    """Return the change that a commit of the worktree would be; nothing is committed."""
    return crew.forge.preview(cut, say.commit_message(incident, "not said yet"))


@step("Publish the hotfix branch", phase="preparing", attempts=6)
def publish(crew: Crew, change: Change) -> str:
    """Push exactly this branch."""
    crew.forge.publish(change)
    return change.commit


@step("Remove the hotfix worktree", phase="merging", attempts=2)
def clean_up(crew: Crew, change: Change, landed: Landed) -> bool:
    """Remove the worktree of a merged branch; unmerged, everything stays."""
    if landed.main is None:
        return False
    try:
        crew.forge.clean_up(change.branch)
    except Exception:  # noqa: BLE001 - production is fixed, main has it: a folder fails nothing
        return False
    return True


@step("Remove branch and worktree", phase="closed", attempts=3)
def discard(crew: Crew) -> str:
    """Leave nothing behind after an abort; unmerged work is kept under a ref of its own."""
    status = crew.record.status()
    if not status["branch"]:
        return "there was none yet"
    cut = Branch(status["branch"], status["worktree"], status["base_commit"])
    try:
        kept = crew.forge.discard(cut)
    except (Refused, CannotTell) as not_now:
        return f"not everything could be removed: {say.one_line(str(not_now))}"
    return f"what was not merged is kept in {kept}" if kept else "nothing was lost"

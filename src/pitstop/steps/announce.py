"""Tell everybody, once: before, during, after, and when production was returned."""

from collections.abc import Collection
from dataclasses import dataclass

from pitstop import messages as say
from pitstop.domain.change import Change
from pitstop.domain.incident import Incident, Return
from pitstop.domain.verdict import Outcome
from pitstop.flow import step
from pitstop.ports import CannotTell, Crew, Refused


@dataclass(frozen=True)
class Said:
    """What was said, who heard it and who did not, each with the reason."""

    text: str
    told: tuple[str, ...] = ()
    not_told: tuple[str, ...] = ()


@step("Remind of the approval", phase="approving")
def remind(crew: Crew, incident: Incident, change: Change) -> Said:
    """Say once more that a change waits for another person."""
    text = say.wanted(incident, change, _size(crew, change), crew.record.status())
    return _say(crew, incident.id, "approval-wanted", text, _told(crew, incident))


@step("Escalate the approval", phase="approving")
def escalate(crew: Crew, incident: Incident, change: Change) -> Said:
    """Say to those who are named for it, or to all, that the time is nearly over."""
    text = say.wanted(incident, change, _size(crew, change), crew.record.status(), last=True)
    named = crew.settings.approval.escalate_to
    return _say(crew, incident.id, "approval-escalated", text, named or _told(crew, incident))


def _size(crew: Crew, change: Change) -> str:
    try:
        files = crew.forge.patch(change).files
    except (CannotTell, Refused):
        return f"{len(change.files)} files"
    return say.extent(sum(one.added + one.deleted for one in files), len(files))


@step("Announce the hotfix", phase="deploying")
def starting(crew: Crew, incident: Incident) -> Said:
    """Say that a fix is about to be deployed."""
    text = say.alert(incident, crew.record.status())
    return _say(crew, incident.id, "starting", text, _told(crew, incident))


@step("Announce the deployment", phase="validating")
def deploying(crew: Crew, incident: Incident) -> Said:
    """Say that the fix serves users and is being judged."""
    text = say.progress(incident, crew.record.status())
    return _say(crew, incident.id, "deploying", text, _told(crew, incident))


@step("Announce the outcome", phase="closed")
def ended(crew: Crew, incident: Incident, outcome: Outcome) -> Said:
    """Say how it ended; a hotfix that was never announced ends quietly."""
    status = crew.record.status()
    if not status["announced"]:
        return Said("")
    text = say.ended(incident, outcome, status)
    return _say(crew, incident.id, "ended", text, _told(crew, incident))


@step("Announce the regression", phase="rolling_back")
def regressed(crew: Crew, incident: Incident, outcome: Outcome) -> Said:
    """Say that production was returned after all."""
    text = say.ended(incident, outcome, crew.record.status())
    return _say(crew, incident.id, "regressed", text, _told(crew, incident))


@step("Announce the rollback", phase="closed")
def returned(crew: Crew, wanted: Return, outcome: Outcome) -> Said:
    """Say that somebody returned production by hand; the run of a hotfix under way says it itself."""
    text = say.returned(wanted, outcome, crew.record.status())
    if wanted.hotfix and not wanted.hotfix_is_over:
        return Said(text)
    return _say(crew, wanted.id, "returned", text)


def _told(crew: Crew, incident: Incident) -> Collection[str]:
    """Return the audiences that hear of this severity; none named: all."""
    return crew.settings.severity.of(incident.severity).tell


def _say(crew: Crew, run: str, moment: str, text: str, only: Collection[str] = ()) -> Said:
    """Tell each audience unless it has heard already; nobody's silence stops a hotfix.

    ``only`` names the audiences that are told; none named: all.
    """
    attempt = crew.record.status()["attempt"]
    key = f"{run}/{moment}" if attempt == 1 else f"{run}/{moment}-{attempt}"
    told, not_told = [], []
    subject = text.partition("\n")[0]
    for audience in crew.audiences:
        if only and audience.name not in only:
            continue
        try:
            said = audience.said(key)
            if said is None:
                not_told.append(say.perhaps_told(audience.name))
                continue
            if not said:
                audience.say(key, subject, text)
            told.append(audience.name)
        except Exception as problem:  # noqa: BLE001 - whoever is not reached, the hotfix goes on
            not_told.append(f"{audience.name}: {problem}")
    return Said(text, tuple(told), tuple(not_told))

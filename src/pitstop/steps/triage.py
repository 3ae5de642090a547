"""Decide whether this trouble takes the short path."""

from dataclasses import replace
from datetime import datetime

from pitstop import messages as say
from pitstop.domain.change import Deployment
from pitstop.domain.incident import Case, Earlier, Incident
from pitstop.flow import No, override_of, step
from pitstop.guards.paths import is_migration
from pitstop.ports import CannotTell, Crew, Refused


@step("Triage", phase="declared", attempts=6)
def classify(crew: Crew, incident: Incident) -> Case | No:
    """Return the case with what is deployed now; a normal change takes the normal path."""
    if not incident.symptoms:
        return No(say.NO_SYMPTOM, declined=True)
    if incident.severity == "P4":
        return No(say.not_an_emergency(incident.severity), declined=True)
    deployed = crew.platform.running()
    if deployed is None:
        return No(say.nothing_in_service(incident.service, crew.settings.platform.use))
    if incident.start_from and crew.known_bad:
        if bad := crew.known_bad.find(incident.start_from, incident.start_from):
            return No(say.known_bad(bad), declined=True)
    if no := [answer for answer in incident.answers if answer.endswith("=no")]:
        return No(say.normal_change(no), declined=True)
    earlier = _earlier(crew, deployed)
    advice = "roll back first" if earlier and earlier.advised else "hotfix"
    return Case(incident, True, say.qualifies(incident), deployed, earlier, advice)


def _earlier(crew: Crew, deployed: Deployment) -> Earlier | None:
    """Return what rolling back first would mean, where what is in service is recent."""
    since = datetime.fromisoformat(deployed.at) if deployed.at else None
    if since is None or crew.clock.now() - since > crew.settings.triage.recent:
        return None
    try:
        kept = [one for one in crew.platform.deployments() if one.commit != deployed.commit]
    except (CannotTell, Refused):
        return None  # advice that cannot be given stops nobody
    before = [one for one in kept if one.at and datetime.fromisoformat(one.at) < since]
    if not before:
        return None
    latest = max(before, key=lambda one: datetime.fromisoformat(one.at or ""))
    earlier = Earlier(latest.id, latest.commit, deployed.at or "", latest.took)
    try:
        patch = crew.forge.between(latest.commit, deployed.commit)
    except (CannotTell, Refused):
        return earlier
    changed = [file.path for file in patch.files if is_migration(file.path, crew.settings.guards)]
    subjects = tuple(one.message.partition("\n")[0] for one in patch.commits)
    return replace(earlier, loses=subjects, migrations=tuple(changed))


@step("Windows and freezes", phase="preparing")
def passes_calendar(crew: Crew, incident: Incident) -> str | No:
    """Say what this hotfix passes; only a freeze that asks for it needs an override."""
    if crew.calendar is None:
        return say.NO_CALENDAR
    try:
        standing = crew.calendar.standing(crew.clock.now())
    except CannotTell as unknown:
        return say.calendar_unknown(str(unknown))
    if standing.freeze is None or standing.freeze.hotfix == "pass":
        return say.calendar_passed(standing)
    given = override_of(crew, "freeze", crew.record.status()["tree"])
    if not given:
        return No(say.freeze_holds(incident, standing), declined=True)
    return say.overridden(f"the freeze {standing.freeze.name}", given["by"], given["because"])

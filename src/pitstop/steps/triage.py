"""Decide whether this trouble takes the short path."""

from pitstop import messages as say
from pitstop.domain.incident import Case, Incident
from pitstop.flow import No, override_of, step
from pitstop.ports import CannotTell, Crew


@step("Triage", phase="declared", attempts=6)
def classify(crew: Crew, incident: Incident) -> Case | No:
    """Return the case with what is deployed now; a normal change takes the normal path."""
    if not incident.symptoms:
        return No(say.NO_SYMPTOM, declined=True)
    if incident.severity == "P4":
        return No(say.not_an_emergency(incident.severity), declined=True)
    deployed = crew.platform.running()
    if deployed is None:
        return No(say.nothing_in_service(incident.service))
    if incident.start_from and crew.known_bad:
        if bad := crew.known_bad.find(incident.start_from, incident.start_from):
            return No(say.known_bad(bad), declined=True)
    return Case(incident, True, say.qualifies(incident), deployed)


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

"""Decide whether this trouble takes the short path."""

from pitstop import messages as say
from pitstop.domain.incident import Case, Incident
from pitstop.flow import No, step
from pitstop.ports import Crew


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
    return Case(incident, True, say.qualifies(incident), deployed)

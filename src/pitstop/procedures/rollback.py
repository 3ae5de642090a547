"""The rollback that a person asks for: it waits for nobody and asks no permission."""

from pitstop.domain.incident import Return
from pitstop.domain.verdict import Outcome
from pitstop.flow import Failed, Pit
from pitstop.steps import announce, learn, rollback


def roll_back(pit: Pit, wanted: Return) -> Outcome:
    """Return a service to a kept deployment, whoever is acting on it now."""
    with pit.alone_on(wanted.service):
        try:
            pit.do(rollback.go_back, wanted)
            outcome = Outcome("rolled_back", wanted.reason)
        except Failed as failure:
            outcome = Outcome("stranded", str(failure))
        pit.decided(outcome)
        pit.do(rollback.tell, wanted, outcome)
    pit.do(announce.returned, wanted, outcome)
    if outcome.status == "rolled_back":
        pit.do(learn.mark_left, wanted)
    return outcome

"""The watch after the fix has landed: a late regression returns production, too."""

from pitstop.domain.change import Shipped
from pitstop.domain.incident import Incident
from pitstop.domain.verdict import Outcome
from pitstop.flow import Failed, Pit, outcome_of
from pitstop.steps import announce, deploy, learn, merge, rollback, validate


def stability_watch(pit: Pit, incident: Incident, shipped: Shipped) -> Outcome:
    """Watch production for as long as the team asked for; return to the rollback point if need be."""
    do = pit.do
    until = do(validate.begin_watch)
    try:
        with pit.way_back(rollback.return_to, shipped.point):
            do(validate.hold, shipped.deployment, until)
    except Failed as failure:
        outcome = outcome_of(failure)
        pit.decided(outcome)
        do(merge.prepare_revert, shipped)
        do(announce.regressed, incident, outcome)
        do(deploy.discard, incident)
        do(learn.mark_known_bad, incident)
    else:
        outcome = Outcome("fixed", shipped.summary)
        do(deploy.retire, shipped.point)

    do(learn.close, incident, outcome)
    return outcome

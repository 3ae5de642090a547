"""The emergency hotfix, from the first alarm until production has been watched for a while.

Read it top to bottom. Every ``do(...)`` is one durable step: done once, remembered across
crashes, shown as it happens. The word before the dot is a file in steps/.
"""

from pitstop.domain.change import Deployment, Shipped
from pitstop.domain.incident import Incident
from pitstop.domain.verdict import Outcome
from pitstop.flow import Aborted, Failed, Pit, outcome_of
from pitstop.procedures.approval import approval
from pitstop.procedures.stability_watch import stability_watch
from pitstop.steps import (
    announce,
    branch,
    checks,
    deploy,
    guard,
    learn,
    merge,
    rollback,
    snapshot,
    triage,
    validate,
)


def hotfix(pit: Pit, incident: Incident) -> Outcome:
    """Put one small fix into production quickly; however it ends, say so."""
    try:
        shipped = ship(pit, incident)
    except Failed as failure:
        return not_shipped(pit, incident, failure)

    outcome = Outcome("fixed", shipped.summary)
    pit.decided(outcome)
    pit.do(announce.ended, incident, outcome)
    return stability_watch(pit, incident, shipped)


def ship(pit: Pit, incident: Incident) -> Shipped:
    """Go the short path, one step at a time, and keep a way back."""
    do = pit.do

    # Decide. The emergency path is only for emergencies.
    case = do(triage.classify, incident)
    do(branch.claim, case)

    # Prepare the smallest change that helps.
    cut = do(branch.cut, case)
    fix = pit.ask("fix")
    change = do(branch.commit, incident, cut, fix.said)
    do(triage.passes_calendar, incident)
    do(guard.inspect, incident, change)
    do(guard.known_bad, change)
    do(branch.publish, change)
    do(merge.foresee, change)

    # Prove it, and let somebody else look at it.
    do(checks.prepare, change)
    pit.together((checks.targeted, checks.smoke, checks.proof), change)
    do(checks.same_tree, change)
    if do(checks.by_hand):
        pit.ask("evidence", about=change.tree)
    approval(pit, incident, change)

    # Go, with the way back laid first.
    with pit.alone_on(incident.service):
        backup = do(snapshot.back_up, incident)
        point = do(snapshot.record, case, change, backup)
        do(announce.starting, incident)
        candidate = do(deploy.stage, incident, change)
        do(validate.candidate, incident, candidate)
        do(validate.reproduce, incident)
        with pit.way_back(rollback.return_to, point):
            beside = do(deploy.split, candidate, point)
            do(validate.canary, beside, point)
            deployment = do(deploy.release, incident, change, point)
            judge(pit, incident, deployment)
        tag = do(merge.name_tag, incident)
        landed = do(merge.land, incident, change, deployment, tag)
    do(branch.clean_up, change, landed)
    return Shipped(change, point, deployment, landed, tag)


def judge(pit: Pit, incident: Incident, deployment: Deployment) -> None:
    """Find out whether production is better now; a person decides what cannot be told."""
    pit.do(validate.healthy, deployment)
    pit.do(announce.deploying, incident)
    pit.do(validate.repro, incident)
    verdict = pit.do(validate.errors, deployment)
    if verdict.verdict == "inconclusive":
        pit.ask("verdict", about=verdict.reason, meanwhile=validate.still_healthy)


def not_shipped(pit: Pit, incident: Incident, failure: Failed) -> Outcome:
    """Say how it ended; after an abort before the deploy, leave nothing behind."""
    outcome = outcome_of(failure)
    pit.decided(outcome)
    pit.do(deploy.discard, incident)
    if isinstance(failure, Aborted):
        pit.do(branch.discard)
    pit.do(announce.ended, incident, outcome)
    if outcome.status in ("rolled_back", "stranded"):
        pit.do(learn.mark_known_bad, incident)
    pit.do(learn.close, incident, outcome)
    return outcome

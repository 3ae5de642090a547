"""Find out whether production is better now. Unknown is neither success nor failure."""

from datetime import datetime, timedelta
from pathlib import Path

from pitstop import hearing
from pitstop import messages as say
from pitstop.domain.change import Candidate, Deployment, RollbackPoint
from pitstop.domain.incident import Incident
from pitstop.domain.verdict import GateResult
from pitstop.flow import No, step
from pitstop.gate import Interval
from pitstop.ports import Crew

STEADY = 3  # good answers in a row; one lucky 200 is not health
STEADY_WITHIN = timedelta(seconds=60)  # what flaps for this long is not healthy
REPRO_WITHIN = timedelta(minutes=2)


@step("The fix holds on the new release, before users", phase="deploying")
def candidate(
    crew: Crew, incident: Incident, candidate: Candidate | None
) -> GateResult | No | None:
    """Run the repro against the candidate, where there is one of each."""
    if candidate is None or not incident.repro:
        return None
    return _repro(crew, incident, "repro on the candidate", candidate.url)


@step("The bug shows in production", phase="deploying")
def reproduce(crew: Crew, incident: Incident) -> GateResult | None:
    """Run the repro against production before the deploy; it proves most if it fails here."""
    if not incident.repro:
        return None
    name, url = "repro before", crew.platform.address()
    ran = crew.commands.run(
        incident.repro, name=name, folder=Path(), within=REPRO_WITHIN, env={"PITSTOP_URL": url}
    )
    if ran.exit_code == 0 or ran.timed_out:
        return GateResult(name, "inconclusive", say.REPRO_DID_NOT_FAIL)
    return GateResult(name, "pass", say.REPRO_FAILED_BEFORE)


@step("Health", phase="validating")
def healthy(crew: Crew, deployment: Deployment) -> GateResult | No:
    """Ask production until it is steady, or has been ill for too long."""
    began = last_good = crew.clock.now()
    good, said = 0, ""
    while (crew.clock.now() - began) < STEADY_WITHIN:
        well, said = crew.platform.healthy()
        good = good + 1 if well else 0
        last_good = crew.clock.now() if well else last_good
        if good == STEADY:
            return GateResult("health", "pass", said, n=good)
        if crew.clock.now() - last_good > hearing.OUTAGE:
            break
        crew.clock.pause(0.2)
    return No(say.unhealthy(deployment.id, said), gate=GateResult("health", "fail", said))


@step("The original trouble is gone", phase="validating")
def repro(crew: Crew, incident: Incident) -> GateResult | No | None:
    """Run the repro against production again."""
    if not incident.repro:
        return None
    return _repro(crew, incident, "repro after", crew.platform.address())


@step("Errors against the baseline", phase="validating", attempts=3)
def errors(crew: Crew, deployment: Deployment) -> GateResult | No:
    """Judge what users meet since the deploy; judged again from the record after a crash."""
    since = hearing.moment(deployment)
    before = hearing.heard(crew, since - crew.settings.gate.baseline, since)
    verdict = hearing.follow(crew, hearing.gate_for(crew, before), deployment, since)
    result = hearing.result("errors", verdict)
    return No(say.gate_failed(verdict.reason), gate=result) if verdict.name == "fail" else result


@step("Part of the users, beside the others", phase="deploying", attempts=3)
def canary(crew: Crew, beside: Deployment | None, point: RollbackPoint) -> GateResult | No | None:
    """Judge the new release by what the other users meet at the same time.

    What cannot be told of a part of the users is judged again when all of them have it.
    """
    if beside is None:
        return None
    since = hearing.moment(beside)
    before = hearing.heard(crew, since - crew.settings.gate.baseline, since, point.deployment_id)
    gate = hearing.gate_for(crew, before)
    verdict = hearing.follow(crew, gate, beside, since, control=point.deployment_id)
    result = hearing.result("canary", verdict)
    return No(say.gate_failed(verdict.reason), gate=result) if verdict.name == "fail" else result


@step("Health while a person decides", phase="validating")
def still_healthy(crew: Crew) -> No | None:
    """Say no when production has been ill for too long."""
    return hearing.ill(crew)


@step("Begin the stability watch", phase="watching")
def begin_watch(crew: Crew) -> str:
    """Return when the watch ends."""
    until = crew.clock.now() + crew.settings.watch.duration
    return until.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@step("Stability watch", phase="watching", attempts=3)
def hold(crew: Crew, deployment: Deployment, until: str) -> GateResult | No:
    """Watch health and traffic until the end of the watch, or until somebody else deploys."""
    end = datetime.fromisoformat(until)
    began = end - crew.settings.watch.duration
    gate = hearing.gate_for(crew, _judged_good(crew, deployment, began), watch=True)
    listener = hearing.Listener(crew, gate, deployment, began)
    while crew.clock.now() < end:
        if no := hearing.ill(crew):
            return no
        running = crew.platform.running()
        if running and running.id != deployment.id:
            return GateResult("watch", "inconclusive", say.handed_over(running.id))
        verdict = listener.look()
        if verdict.name == "fail":
            return No(say.gate_failed(verdict.reason), gate=hearing.result("watch", verdict))
        crew.clock.pause(1.0)
    return hearing.result("watch", listener.close())


def _judged_good(crew: Crew, deployment: Deployment, began: datetime) -> list[Interval]:
    """Return the fix's own traffic until the watch, as far as there is enough of it."""
    since = hearing.moment(deployment)
    good = hearing.heard(crew, since, began, deployment.id)
    if sum(one.requests for one in good) >= crew.settings.gate.min_requests:
        return good
    return hearing.heard(crew, since - crew.settings.gate.baseline, since)


def _repro(crew: Crew, incident: Incident, name: str, url: str) -> GateResult | No:
    ran = crew.commands.run(
        incident.repro or "",
        name=name,
        folder=Path(),
        within=REPRO_WITHIN,
        env={"PITSTOP_URL": url},
    )
    if ran.exit_code == 0 and not ran.timed_out:
        return GateResult(name, "pass", say.REPRO_PASSED)
    reason = say.repro_failed(name, ran.tail)
    return No(reason, gate=GateResult(name, "fail", reason))

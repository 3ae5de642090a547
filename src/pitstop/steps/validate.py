"""Find out whether production is better now. Unknown is neither success nor failure."""

from datetime import datetime, timedelta
from pathlib import Path

from pitstop import messages as say
from pitstop.domain.change import Candidate, Deployment
from pitstop.domain.incident import Incident
from pitstop.domain.verdict import GateResult
from pitstop.flow import No, step
from pitstop.gate import Gate, Interval, Verdict
from pitstop.ports import CannotTell, Crew

STEADY = 3  # good answers in a row; one lucky 200 is not health
OUTAGE = timedelta(seconds=10)  # this long without a good answer; a reboot takes less
STEADY_WITHIN = timedelta(seconds=60)  # what flaps for this long is not healthy
WRITTEN_WITHIN = timedelta(seconds=1)  # a request that ended is in the record by then
WINDOW = timedelta(seconds=60)
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
        if crew.clock.now() - last_good > OUTAGE:
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
    """Count users' errors since the deploy; judged again from the record after a crash."""
    settings, since = crew.settings.gate, _moment(deployment)
    gate = Gate(
        _heard(crew, since - settings.baseline, since),
        warmup_seconds=settings.warmup.total_seconds(),
        soak_seconds=settings.soak.total_seconds(),
        deadline_seconds=settings.deadline.total_seconds(),
        min_requests=settings.min_requests,
    )
    verdict = _follow(crew, gate, deployment, since)
    result = _result("errors", verdict)
    return No(say.gate_failed(verdict.reason), gate=result) if verdict.name == "fail" else result


@step("Health while a person decides", phase="validating")
def still_healthy(crew: Crew) -> No | None:
    """Say no when production has been ill for too long."""
    return _ill(crew)


@step("Begin the stability watch", phase="watching")
def begin_watch(crew: Crew) -> str:
    """Return when the watch ends."""
    until = crew.clock.now() + crew.settings.watch.duration
    return until.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@step("Stability watch", phase="watching", attempts=3)
def hold(crew: Crew, deployment: Deployment, until: str) -> GateResult | No:
    """Watch health and errors until the end of the watch, or until somebody else deploys."""
    since, end = _moment(deployment), datetime.fromisoformat(until)
    began = end - crew.settings.watch.duration
    gate = _watching(crew, deployment, since, began)
    heard = window = began
    last = gate.close()
    while crew.clock.now() < end:
        if no := _ill(crew):
            return no
        running = crew.platform.running()
        if running and running.id != deployment.id:
            return GateResult("watch", "inconclusive", say.handed_over(running.id))
        now = max(heard, crew.clock.now() - WRITTEN_WITHIN)
        last = _observe(crew, gate, deployment, since, heard, now)
        heard = now
        if last.name == "fail":
            return No(say.gate_failed(last.reason), gate=_result("watch", last))
        if now - window >= WINDOW and last.name == "pass":
            gate, window = _watching(crew, deployment, since, began), now
        crew.clock.pause(1.0)
    return _result("watch", last)


def _watching(crew: Crew, deployment: Deployment, since: datetime, began: datetime) -> Gate:
    """Return a gate for one window of the watch.

    It compares with what was judged good after the deploy, and looks at a minute or so at a time:
    an hour of good answers must not hide ten bad minutes.
    """
    settings = crew.settings.gate
    good = _heard(crew, since, began, deployment.id)
    if sum(one.requests for one in good) < settings.min_requests:
        good = _heard(crew, since - settings.baseline, since)
    return Gate(
        good,
        warmup_seconds=0.0,
        soak_seconds=0.0,
        deadline_seconds=float("inf"),
        min_requests=settings.min_requests,
        watch=True,
    )


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


def _ill(crew: Crew) -> No | None:
    """Return a no after several seconds without one good answer."""
    began, said = crew.clock.now(), ""
    while crew.clock.now() - began <= OUTAGE:
        try:
            well, said = crew.platform.healthy()
        except CannotTell as unknown:
            well, said = False, str(unknown)
        if well:
            return None
        crew.clock.pause(0.2)
    return No(say.became_unhealthy(said), gate=GateResult("health", "fail", said))


def _follow(crew: Crew, gate: Gate, deployment: Deployment, since: datetime) -> Verdict:
    """Feed the gate until it has decided; an outage decides at once."""
    heard = since
    while True:
        now = max(heard, crew.clock.now() - WRITTEN_WITHIN)
        verdict = _observe(crew, gate, deployment, since, heard, now)
        heard = now
        if verdict.name != "pending":
            return verdict
        if no := _ill(crew):
            return Verdict("fail", no.reason)
        crew.clock.pause(0.5)


def _observe(
    crew: Crew, gate: Gate, deployment: Deployment, since: datetime, start: datetime, end: datetime
) -> Verdict:
    """Give the gate the users' requests of one stretch of time, and the passing of time itself."""
    offset = (start - since).total_seconds()
    for heard in _heard(crew, start, end, deployment.id):
        at = heard.at + offset
        gate.observe(Interval(at, heard.requests, heard.errors, heard.latencies_ms))
    return gate.observe(Interval((end - since).total_seconds(), 0, 0))


def _heard(
    crew: Crew, start: datetime, end: datetime, deployment_id: str | None = None
) -> list[Interval]:
    """Return the users' requests; telemetry that does not answer has heard nothing."""
    try:
        return crew.telemetry.intervals(start, end, deployment_id)
    except CannotTell:
        return []  # never a pass, and no reason to roll back: at the deadline a person decides


def _result(name: str, verdict: Verdict) -> GateResult:
    named = "inconclusive" if verdict.name == "pending" else verdict.name
    return GateResult(
        name, named, verdict.reason, verdict.rate, verdict.baseline_rate, verdict.requests
    )


def _moment(deployment: Deployment) -> datetime:
    if deployment.at is None:
        raise CannotTell(say.no_deploy_time(deployment.id))
    return datetime.fromisoformat(deployment.at)

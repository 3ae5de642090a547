"""Listening to production: the gate hears what users meet, until it has decided.

Steps use this room; it knows no step. What is heard lies in the telemetry's own record, so that a
step that is done again after a crash hears the same again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pitstop import messages as say
from pitstop.config import Settings
from pitstop.domain.change import Deployment
from pitstop.domain.verdict import GateResult
from pitstop.flow import No
from pitstop.gate import TOLERANCES, Gate, Interval, Tolerance, Verdict
from pitstop.ports import CannotTell, Crew, Stream, TellsTroubles

OUTAGE = timedelta(seconds=10)  # this long without a good answer; a reboot takes less
WRITTEN_WITHIN = timedelta(seconds=1)  # a request that ended is in the record by then
LOOKS = 0.5  # seconds between two looks at what was heard
TOLERANCE = {"P1": "loose", "P2": "normal", "P3": "strict"}
"""The worse the trouble that a fix ends, the more it is forgiven."""
CURES = {
    "api-errors": ("errors",),
    "database-deadlock": ("db",),
    "memory-leak": ("memory",),
}
"""What a fix is meant to end, by scenario: of this, as bad as before is not good enough."""


class Listener:
    """Hears one deployment from a moment on and gives it to a gate, look by look."""

    def __init__(
        self,
        crew: Crew,
        gate: Gate,
        deployment: Deployment,
        since: datetime,
        control: str | None = None,
    ) -> None:
        self._crew, self._gate, self._since = crew, gate, since
        self._deployments = [one for one in (deployment.id, control) if one]
        self._streams: list[Stream] = []
        self.trouble = ""  # what the source last said of itself, in words

    def look(self) -> Verdict:
        """Hear what is new, and that time has passed; show and return the verdict so far."""
        now = self._crew.clock.now()
        for one, beside in self._read(now - WRITTEN_WITHIN):
            self._gate.observe(one, beside)
        passed = (now - WRITTEN_WITHIN - self._since).total_seconds()
        verdict = self._in_words(self._gate.observe(Interval(max(passed, 0.0), 0, 0)))
        self._crew.record.show(shown(verdict, now))
        return verdict

    def close(self) -> Verdict:
        """Return the last word."""
        return self._in_words(self._gate.close())

    def _read(self, until: datetime) -> list[tuple[Interval, Interval | None]]:
        """Return what is new, and beside it what the control had in the same second."""
        try:
            self._streams = self._streams or [
                self._crew.telemetry.follow(self._since, one) for one in self._deployments
            ]
            found = [stream.read(until) for stream in self._streams]
        except CannotTell as unknown:  # never a pass, and no reason to roll back
            self.trouble = str(unknown)
            return []
        self.trouble = ""
        return side_by_side(*found) if len(found) > 1 else [(one, None) for one in found[0]]

    def _in_words(self, verdict: Verdict) -> Verdict:
        """Say beside a verdict that nobody can give what the source said of itself."""
        troubles = [self.trouble] if self.trouble else troubles_of(self._crew)
        if not troubles or verdict.name in ("pass", "fail"):
            return verdict
        return replace(verdict, reason=say.source_said(verdict.reason, troubles))


def side_by_side(
    new: Sequence[Interval], old: Sequence[Interval]
) -> list[tuple[Interval, Interval | None]]:
    """Pair what two deployments served in the same second; in silence, nothing was heard."""
    both = [{int(one.at): one for one in side} for side in (new, old)]
    silence = [Interval(float(at), 0, 0) for at in sorted(both[0].keys() | both[1].keys())]
    return [tuple(side.get(int(s.at), s) for side in both) for s in silence]  # type: ignore[misc]


def follow(
    crew: Crew,
    gate: Gate,
    deployment: Deployment,
    since: datetime,
    control: str | None = None,
) -> Verdict:
    """Feed the gate until it has decided; an outage decides at once.

    ``control`` is a deployment that serves other users at the same time.
    """
    listener = Listener(crew, gate, deployment, since, control)
    while True:
        verdict = listener.look()
        if verdict.name != "pending":
            return verdict
        if no := ill(crew):
            return Verdict("fail", no.reason)
        crew.clock.pause(LOOKS)


def gate_for(crew: Crew, baseline: Sequence[Interval], *, watch: bool = False) -> Gate:
    """Return the gate of this run: its severity's tolerance, its scenario's cure."""
    settings, run = crew.settings.gate, crew.record.status()
    times: dict[str, Any] = {
        "warmup_seconds": settings.warmup.total_seconds(),
        "soak_seconds": settings.soak.total_seconds(),
        "deadline_seconds": settings.deadline.total_seconds(),
    }
    if watch:
        times = {"warmup_seconds": 0.0, "soak_seconds": 0.0, "deadline_seconds": float("inf")}
    return Gate(
        baseline,
        **times,
        watch=watch,
        passed=watch,
        min_requests=settings.min_requests,
        once=False,
        tolerance=tolerance(crew.settings, run["severity"]),
        cure=() if watch else CURES.get(run["scenario"] or "", ()),
        memory_block_seconds=settings.memory_block.total_seconds(),
        seed=run["id"],
    )


def tolerance(whole: Settings, severity: str = "") -> Tolerance:
    """Return how much worse is acceptable: by severity, unless the team says so itself."""
    settings = whole.gate
    name = whole.severity.of(severity).tolerance or settings.tolerance
    found = TOLERANCES[name or TOLERANCE.get(severity, "normal")]
    rates = {
        key: given
        for key in ("acceptable_rate", "unacceptable_rate")
        if (given := getattr(settings, key)) is not None
    }
    return replace(
        found,
        acceptable_ms=settings.acceptable_ms,
        unacceptable_ms=settings.unacceptable_ms,
        **rates,
    )


def heard(
    crew: Crew, start: datetime, end: datetime, deployment_id: str | None = None
) -> list[Interval]:
    """Return what was heard; telemetry that does not answer has heard nothing."""
    try:
        return crew.telemetry.intervals(start, end, deployment_id)
    except CannotTell:
        return []  # never a pass, and no reason to roll back: at the deadline a person decides


def ill(crew: Crew) -> No | None:
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


def troubles_of(crew: Crew) -> list[str]:
    """Return what the sources say of themselves, a sentence each."""
    telemetry = crew.telemetry
    return telemetry.troubles() if isinstance(telemetry, TellsTroubles) else []


def result(name: str, verdict: Verdict) -> GateResult:
    """Return a verdict as it is recorded; one that is still open is none."""
    named = "inconclusive" if verdict.name == "pending" else verdict.name
    return GateResult(
        name, named, verdict.reason, verdict.rate, verdict.baseline_rate, verdict.requests
    )


def shown(verdict: Verdict, now: datetime) -> dict[str, Any]:
    """Return what a person may see of a verdict while it comes about."""
    return {
        "at": now.isoformat(timespec="milliseconds"),
        "verdict": verdict.name,
        "reason": verdict.reason,
        "requests": verdict.requests,
        "errors": verdict.errors,
        "rate": verdict.rate,
        "baseline_rate": verdict.baseline_rate,
        **{key: verdict.evidence.get(key) for key in ("to_pass", "to_fail", "blame")},
    }


def moment(deployment: Deployment) -> datetime:
    """Return when users were first served by a deployment. Raises CannotTell."""
    if deployment.at is None:
        raise CannotTell(say.no_deploy_time(deployment.id))
    return datetime.fromisoformat(deployment.at)

"""Users' traffic: whether it is heard, how fresh it is, and when it comes to a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from pitstop.cli.compared import errors_only
from pitstop.cli.measured import Measured
from pitstop.config import Settings, written
from pitstop.domain.change import Finding
from pitstop.gate import Gate, Interval
from pitstop.hearing import tolerance
from pitstop.ports import CannotTell

_LATELY = timedelta(minutes=30)
_FRESH = timedelta(minutes=1)
_LONGEST = timedelta(hours=24)
_SEE_IT = "ask the service for a page where users do, then: pitstop error-rate --last 1m"
_FIRST_LOOK, _LATER = 10.0, 1.05  # seconds, and how much later each next look is


def findings(measured: Measured, now: datetime | None = None) -> Iterator[Finding]:
    """Yield whether the gate would hear enough to judge a deploy."""
    now = now or datetime.now(UTC)
    try:
        heard = measured.telemetry.intervals(now - _LATELY, now)
    except CannotTell as unknown:
        remedy = (
            "make it answer, or decide by hand: pitstop resume --override verdict --because TEXT"
        )
        yield Finding("telemetry", "warning", f"it does not answer: {unknown}", remedy)
        return
    if not sum(one.requests for one in heard):
        said = f"nothing was heard of users in the last {written(_LATELY)}"
        yield Finding("telemetry", "warning", said, _SEE_IT)
        return
    yield _fresh(heard)
    yield _enough(measured.settings, heard)


def _fresh(heard: Sequence[Interval]) -> Finding:
    """Say how old the newest request is."""
    newest = max(one.at for one in heard if one.requests)
    age = _LATELY - timedelta(seconds=newest)
    if age <= _FRESH:
        return Finding("telemetry", "ok", f"it answers; the newest request is {_ago(age)} old")
    said = f"the newest request is {_ago(age)} old: a gate that hears this late cannot tell"
    return Finding("telemetry", "warning", said, f"if users are there now, see why: {_SEE_IT}")


def _enough(settings: Settings, heard: Sequence[Interval]) -> Finding:
    """Say how much traffic there is, and how long a fix that is good would wait for its pass."""
    requests, errors = sum(one.requests for one in heard), sum(one.errors for one in heard)
    span = max(60.0, _LATELY.total_seconds() - min(one.at for one in heard))
    a_minute = requests / span * 60
    traffic = (
        f"{requests} requests with {errors} errors in the last {_ago(timedelta(seconds=span))}"
    )
    takes = _until_pass(settings, heard, a_minute)
    deadline = settings.gate.deadline
    if takes is not None and takes <= deadline:
        said = f"{traffic}: a good fix passes in about {_ago(takes)}"
        return Finding("traffic", "ok", said)
    long = f"takes about {_ago(takes)}" if takes else f"takes more than {_ago(_LONGEST)}"
    said = (
        f"{traffic}: at {a_minute:.2g} requests a minute a pass {long}, and after "
        f"{written(deadline)} a person decides"
    )
    return Finding("traffic", "warning", said, "set up probes, or a later gate.deadline")


def _until_pass(settings: Settings, heard: Sequence[Interval], a_minute: float) -> timedelta | None:
    """Return how long the gate takes to pass a release that is as good as what runs now.

    It is asked itself: it gets the same error rate at the same pace, with looks further and further
    apart, so that a day takes some hundred of them. Errors only: latency asks for less.
    """
    warmup = settings.gate.warmup.total_seconds()
    gate = Gate(
        errors_only(heard),
        warmup_seconds=0.0,
        soak_seconds=settings.gate.soak.total_seconds(),
        deadline_seconds=float("inf"),
        min_requests=settings.gate.min_requests,
        tolerance=tolerance(settings),
    )
    rate = sum(one.errors for one in heard) / sum(one.requests for one in heard)
    at, given, failed = _FIRST_LOOK, 0, 0
    while at <= _LONGEST.total_seconds():
        requests = int(at * a_minute / 60)
        errors = int(requests * rate)
        verdict = gate.observe(Interval(at, requests - given, errors - failed))
        if verdict.name == "pass":
            return timedelta(seconds=at + warmup)
        if verdict.name != "pending":
            return None
        given, failed, at = requests, errors, at * _LATER
    return None


def _ago(length: timedelta) -> str:
    """Return a length of time as people say it."""
    seconds = max(0.0, length.total_seconds())
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"

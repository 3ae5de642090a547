"""The gate's sentences: what was seen, beside what was there before, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_NAMES = {
    "errors": "errors",
    "p50": "the median answer",
    "p95": "the slowest 5 % of answers",
    "p99": "the slowest 1 % of answers",
    "starting": "errors in the first seconds",
    "probes": "errors of pitstop's own probes",
}
_MOST = 1_000_000.0


def percent(rate: float) -> str:
    """Return a rate as it is read: 0.05 %, 0.5 %, 12.3 %."""
    return f"{100 * rate:.1f} %" if rate >= 0.001 or not rate else f"{100 * rate:.2g} %"


def failed(name: str, found: dict[str, Any]) -> str:
    """Say what got worse, by how much, and how sure that is."""
    if name == "memory":
        return f"memory grows block after block, to {_megabytes(found['bytes'])}; {odds(found['odds'])}"
    return f"{compared(name, found, 'rose to')}; {odds(found['odds'])} against 'still acceptable'"


def not_cured(found: dict[str, Any]) -> str:
    """Say that the trouble is as it was."""
    said = compared("errors", found, "are still at")
    return f"{said}: what the fix was to end goes on; {odds(found['odds'])}"


def compared(name: str, found: dict[str, Any], verb: str) -> str:
    """Say a rate beside that of the baseline."""
    n, rate, before = found["n"], found["rate"], found["baseline_rate"]
    what = _NAMES.get(name, name)
    if rate is None:
        return f"{what}: nothing was heard"
    if name in ("p50", "p95", "p99"):
        return (
            f"{what} became slower: {percent(rate)} of {n:,.0f} requests took more than "
            f"{found['slow_ms']:,.0f} ms, {percent(before or 0.0)} took more than "
            f"{found['baseline_ms']:,.0f} ms before"
        )
    if name.startswith("db."):
        return f"{name} is worse in {found['events']:.0f} of {n:.0f} readings"
    beside = "there is no baseline" if before is None else f"{percent(before)} before"
    unit = "clients" if found.get("unit") == "clients" else "requests"
    return f"{what} {verb} {percent(rate)} of {n:,.0f} {unit}, {beside}"


def passed(found: dict[str, Any], others: Sequence[str], *, probes: bool = False) -> str:
    """Say what a pass has shown, and what it has not."""
    if probes:
        return f"{compared('probes', found, 'are at')}; users were too few to tell: passed by probes only"
    said = compared("errors", found, "are at")
    return f"{said}; {', '.join(_NAMES[name] for name in others)} no slower" if others else said


def missing(needs: Sequence[str]) -> str:
    """Say why it cannot be told yet."""
    return "; ".join(needs)


def too_few(requests: float, needed: float) -> str:
    """Say that there is no evidence to speak of."""
    return (
        f"only {requests:,.0f} requests were heard, {needed:,.0f} are needed to judge; "
        "no telemetry never means healthy"
    )


def silent(seconds: float) -> str:
    """Say that nothing is heard any more."""
    return f"nothing was heard for {seconds:.0f} s; no telemetry never means healthy"


def thin(heard: float, expected: float) -> str:
    """Say that most of the traffic is missing."""
    return (
        f"{heard:,.0f} requests were heard where some {expected:,.0f} were to be expected; what is "
        "missing may be what fails"
    )


def more(name: str, requests: float | None, seconds: float | None) -> str:
    """Say how much more it takes until a metric is known to be good."""
    what = _NAMES.get(name, name)
    if requests is None:
        return f"{what}: too close to tell"
    time = f", some {seconds:,.0f} s at this rate" if seconds else ""
    return f"{what}: about {requests:,.0f} more requests are needed{time}"


def suspicious(name: str, found: dict[str, Any]) -> str:
    """Say that it leans towards worse, without proof."""
    return f"{compared(name, found, 'are at')}: too much to pass, too little to roll back"


def left_out(count: int) -> str:
    """Say that some of it made no sense."""
    return f"{count:,} measurements made no sense and were left out"


def odds(value: float) -> str:
    """Return an e-value as odds."""
    return "odds of more than a million to 1" if value > _MOST else f"odds {value:,.0f} to 1"


def _megabytes(value: float | None) -> str:
    return f"{(value or 0.0) / 1e6:,.0f} MB"

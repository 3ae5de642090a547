"""The runbook's stages with their time budgets, as a journal shows them. Pure."""

from __future__ import annotations

from datetime import datetime

TYPE_CHECKING = False  # importing typing costs more than all that is read here
if TYPE_CHECKING:
    from typing import Any

BUDGETS = {
    "preparing": 5 * 60,
    "checking": 10 * 60,
    "approving": 10 * 60,
    "deploying": 10 * 60,
    "validating": 5 * 60,
    "merging": 5 * 60,
}
"""Seconds at most, from the runbook's headings; approving has its own window."""
_USUAL = {"preparing": 3 * 60, "checking": 5 * 60, "deploying": 5 * 60, "validating": 2 * 60}
"""Seconds on a good day, from the same headings: what lies between an alarm and its verified fix."""


def stages(lines: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Return each stage: name, state (done, current, ahead), seconds used, budget in seconds.

    A stage lasts from its first step to the first step of another stage.
    """
    used: dict[str, float] = {}
    current, since = None, now
    for line in lines:
        if line["event"] in ("started", "asked"):
            phase = line["data"].get("phase") or _asking(line, current)
            at = datetime.fromisoformat(line["at"])
            if current:
                used[current] = used.get(current, 0.0) + (at - since).total_seconds()
            current, since = phase, at
        elif line["event"] in ("outcome", "closed") and current:
            at = datetime.fromisoformat(line["at"])
            used[current] = used.get(current, 0.0) + (at - since).total_seconds()
            current = None
    if current:
        used[current] = used.get(current, 0.0) + max(0.0, (now - since).total_seconds())
    return [
        {
            "name": name,
            "state": "current" if name == current else "done" if name in used else "ahead",
            "seconds": used.get(name, 0.0),
            "budget_seconds": budget,
        }
        for name, budget in BUDGETS.items()
    ]


def still_usual(found: list[dict[str, Any]]) -> float:
    """Return for how many seconds more it usually takes until the fix is verified, from its stages."""
    left = ((one, _USUAL.get(one["name"], 0.0)) for one in found if one["state"] != "done")
    return float(sum(max(0.0, usual - one["seconds"]) for one, usual in left))


def _asking(line: dict[str, Any], current: str | None) -> str | None:
    """Return the stage of a question: waiting for the fix belongs to preparing it."""
    return {"fix": "preparing", "approval": "approving"}.get(line["data"]["question"], current)

"""What Railway's thirteen statuses mean for a deployment that is being followed. Pure."""

from __future__ import annotations

from typing import Literal

Kind = Literal["moving", "blocked", "good", "bad", "skipped", "gone", "unknown"]

MEANING: dict[str, tuple[Kind, str]] = {
    "QUEUED": ("moving", "it waits for a free builder"),
    "INITIALIZING": ("moving", "it is being prepared"),
    "WAITING": ("moving", "it waits for checks that were asked for (Wait for CI)"),
    "BUILDING": ("moving", "its image is being built"),
    "DEPLOYING": ("moving", "it starts, and its health is asked for"),
    "NEEDS_APPROVAL": ("blocked", "it waits until somebody approves it in Railway's dashboard"),
    "SUCCESS": ("good", "it is in service"),
    "SLEEPING": ("good", "it is in service and sleeps until a request comes"),
    "FAILED": ("bad", "its build, its pre-deploy command or its health check failed"),
    "CRASHED": ("bad", "its process crashed, and is not started again"),
    "SKIPPED": ("skipped", "Railway passed it over: nothing was built and nothing deployed"),
    "REMOVING": ("gone", "it is being removed: another replaced it, or somebody ended it"),
    "REMOVED": ("gone", "it was removed: another replaced it, or somebody ended it"),
}


def kind(status: str) -> Kind:
    """Return what kind of status this is; ``unknown`` for one that this version does not know."""
    return MEANING.get(status, ("unknown", ""))[0]


def said(status: str) -> str:
    """Return what a status means, in half a sentence."""
    unknown = "this version of pitstop does not know what that means"
    return f"{status}: {MEANING.get(status, ('unknown', unknown))[1]}"


def over(status: str) -> bool:
    """Return whether nothing more comes of a deployment in this status, as far as is known."""
    return kind(status) in ("good", "bad", "skipped", "gone")

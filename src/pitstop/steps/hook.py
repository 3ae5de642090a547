"""The team's own hooks: one step for each, so that what was called is recorded, and not called twice."""

from datetime import timedelta
from pathlib import Path

from pitstop import messages as say
from pitstop.flow import No, Step, step
from pitstop.ports import CannotTell, Crew, Refused

WITHIN = timedelta(minutes=2)
WITHIN_ON_USERS = timedelta(seconds=10)  # meanwhile nobody watches production
STOPPING = ("pre-preparing", "pre-checking", "pre-approving", "pre-deploying")
STAGES = ("preparing", "checking", "approving", "deploying", "validating", "merging")
ON_USERS = ("post-deploying", "pre-validating", "post-validating", "pre-merging", "post-merging")
_SHOWN_AS = {  # hooks of the time between the switch and the verdict are called after it
    "post-deploying": "validating",
    "pre-rolling_back": "closed",
    "post-rolling_back": "closed",
}


def _made(when: str, stage: str) -> Step[[], str]:
    name = f"{when}-{stage}"

    def called(crew: Crew) -> str | No:
        return _called(crew, when, stage)

    called.__name__ = f"{when}_{stage}"
    called.__module__ = __name__
    return step(f"Hook {name}", phase=_SHOWN_AS.get(name, stage))(called)


HOOKS = {
    f"{when}-{stage}": _made(when, stage)
    for stage in (*STAGES, "rolling_back")
    for when in ("pre", "post")
}
"""Every hook's step, by the name of its file."""


def _called(crew: Crew, when: str, stage: str) -> str | No:
    """Call a hook; before production is changed a ``pre`` may say no, and no other stops anything."""
    name = f"{when}-{stage}"
    within = WITHIN_ON_USERS if name in ON_USERS else WITHIN
    command = crew.hooks.find(name) if crew.hooks else None
    if command is None:
        return say.HOOK_GONE
    try:
        ran = crew.commands.run(
            command, name=f"hook {name}", folder=Path(), within=within, env=_told(crew, when, stage)
        )
    except CannotTell as problem:
        return _no(name, say.one_line(str(problem)))
    if ran.timed_out:
        return _no(name, say.hook_took_too_long(within.total_seconds()))
    if ran.exit_code != 0:
        return _no(name, say.hook_exited(ran.exit_code, ran.tail))
    return ""


def _no(name: str, why: str) -> str | No:
    if name in STOPPING:
        return No(say.hook_said_no(name, why), declined=True)
    return say.hook_failed(why)


def _told(crew: Crew, when: str, stage: str) -> dict[str, str]:
    """Return what a hook finds in its environment; what is not known yet is not there."""
    state = crew.record.status()
    deployment = state["deployment"] or {}
    known = {
        "PITSTOP_RUN": state["id"],
        "PITSTOP_SERVICE": state["service"],
        "PITSTOP_STAGE": stage,
        "PITSTOP_WHEN": when,
        "PITSTOP_COMMIT": state["commit"],
        "PITSTOP_BASE_COMMIT": state["base_commit"],
        "PITSTOP_DEPLOYMENT": deployment.get("id"),
        "PITSTOP_OUTCOME": state["outcome"],
        "PITSTOP_URL": _address(crew),
    }
    return {name: value for name, value in known.items() if value}


def _address(crew: Crew) -> str | None:
    try:
        return crew.platform.address()
    except (Refused, CannotTell):
        return None

"""Refuse a change that must not go this way, whoever asks."""

import re

from pitstop import messages as say
from pitstop.domain.change import Change
from pitstop.flow import No, step
from pitstop.ports import CannotTell, Crew, Refused

_MARKER = re.compile(r"^\+(<<<<<<< |>>>>>>> )", re.MULTILINE)


@step("Inspect the change", phase="preparing")
def inspect(crew: Crew, change: Change) -> tuple[str, ...] | No:
    """Return the changed files; an empty change or a conflict marker is refused."""
    patch = crew.forge.diff(change)
    if not change.files:
        return No(say.EMPTY_CHANGE, declined=True)
    if _MARKER.search(patch):
        return No(say.CONFLICT_MARKER, declined=True)
    return change.files


@step("Known-bad commits", phase="preparing", attempts=6)
def known_bad(crew: Crew, change: Change) -> str | No:
    """Refuse what production was returned from before, unless somebody answers for it by name."""
    if crew.known_bad is None:
        return say.NOT_CONFIGURED
    given = [one for one in crew.record.status()["overrides"] if one["gate"] == "known-bad"]
    try:
        bad = crew.known_bad.find(change.commit, change.branch.base_commit)
    except (CannotTell, Refused) as unknown:
        if not given:
            raise
        return say.overridden(str(unknown), given[-1]["by"], given[-1]["because"])
    if bad is None:
        return say.NONE_KNOWN_BAD
    if given:
        return say.overridden(bad.commit[:12], given[-1]["by"], given[-1]["because"])
    return No(say.holds_known_bad(bad), declined=True)

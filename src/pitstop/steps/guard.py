"""Refuse a change that must not go this way, whoever asks."""

import re

from pitstop import messages as say
from pitstop.domain.change import Change
from pitstop.flow import No, step
from pitstop.ports import Crew

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

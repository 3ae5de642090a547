"""The calendar files that ``[calendar]`` names: one that cannot be read holds what is ordinary."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from pitstop import bootstrap
from pitstop.config import Calendar, Settings
from pitstop.domain.change import Finding
from pitstop.engine.place import Place
from pitstop.ports import CannotTell


def findings(here: Place, settings: Settings) -> Iterator[Finding]:
    """Yield each calendar file that cannot be read or understood, and how many can."""
    names = settings.calendar.ics
    wrong = [found for name in names if (found := _wrong(here, settings, name))]
    yield from wrong
    if readable := len(names) - len(wrong):
        yield Finding("calendar", "ok", f"{readable} of {len(names)} calendar files can be read")


def _wrong(here: Place, settings: Settings, name: str) -> Finding | None:
    """Read one file as ``held`` would, alone: a freeze elsewhere may hide that it is broken."""
    alone = Calendar(timezone=settings.calendar.timezone, ics=[name])
    only = settings.model_copy(update={"calendar": alone})
    try:
        bootstrap.calendar(here, only).standing(datetime.now(UTC))
    except CannotTell as odd:
        said = f"{str(odd).removesuffix('.')}: ordinary deployments are held"
        remedy = f"mend {here.repository / name}, or take it out of calendar.ics"
        return Finding("calendar", "failed", said, remedy)
    return None

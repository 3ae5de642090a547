"""The team's calendar: the rules in the configuration, and calendar files beside the code."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from pitstop.config import Calendar as CalendarSettings
from pitstop.domain.calendar import AHEAD, Freeze, Standing, moment, occurrences, standing
from pitstop.ports import CannotTell

_MOST = 2_000_000  # bytes of a calendar file; a team's freezes are a few thousand
_AROUND = timedelta(days=2)  # no time zone is farther from UTC
_OFTEN = ("HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")  # more often would never end
_FINER = 4  # minutes or seconds that a rule may name


class TeamCalendar:
    """Windows and freezes of one repository; files are read each time they are asked about."""

    def __init__(self, settings: CalendarSettings, repository: Path) -> None:
        self._settings, self._folder = settings, repository

    def standing(self, at: datetime) -> Standing:
        """Return what holds. Raises CannotTell when a calendar file cannot be read.

        A freeze that asks for an override stands in the configuration and needs no file.
        """
        settings = self._settings
        written = list(self._written(at))
        known = standing(settings.timezone, settings.windows, written, at)
        if not settings.ics or (known.freeze and known.freeze.hotfix == "override"):
            return known
        kept = [freeze for name in settings.ics for freeze in self._kept(name, at)]
        return standing(settings.timezone, settings.windows, written + kept, at)

    def _written(self, at: datetime) -> Iterator[Freeze]:
        """Return the freezes of the configuration; the weekly ones as far as they matter now."""
        zone = self._settings.timezone
        for one in self._settings.freeze:
            if one.every:
                for begins, ends in occurrences(one.every, zone, at, last=True):
                    yield Freeze(one.name, begins, ends, one.hotfix)
            elif one.from_ and one.until:
                ends = moment(one.until, zone, last=True)
                yield Freeze(one.name, moment(one.from_, zone), ends, one.hotfix)

    def _kept(self, name: str, at: datetime) -> list[Freeze]:
        """Return the freezes of a calendar file around a moment."""
        path = self._folder / name
        try:
            if path.stat().st_size > _MOST:
                raise ValueError(f"it is larger than {_MOST} bytes")
            return list(self._events(path.read_bytes(), at))
        except OSError as error:
            raise CannotTell(f"The calendar {name} cannot be read: {error.strerror}.") from None
        except Exception as odd:  # two libraries read a stranger's file
            raise CannotTell(f"The calendar {name} cannot be understood: {_line(odd)}.") from odd

    def _events(self, source: bytes, at: datetime) -> Iterator[Freeze]:
        import icalendar
        import recurring_ical_events  # both seldom needed

        calendar = icalendar.Calendar.from_ical(source)
        for event in calendar.walk("VEVENT"):
            _refuse_odd(event)
        found = recurring_ical_events.of(calendar).between(at - _AROUND, at + AHEAD)
        for event in found:
            if str(event.get("STATUS", "")).upper() != "CANCELLED":
                yield self._freeze(event)

    def _freeze(self, event: Any) -> Freeze:
        zone, begins, ends = self._settings.timezone, event.start, event.end
        if not isinstance(begins, datetime) and ends <= begins:
            ends = begins + timedelta(days=1)  # a day without an end is that day
        name = _line(event.get("SUMMARY", "")) or "a freeze without a name"
        return Freeze(name, moment(begins, zone), moment(ends, zone, last=True))


def _refuse_odd(event: Any) -> None:
    """Refuse what would be read wrongly, or would never be read to its end."""
    if event.errors:
        raise ValueError("; ".join(f"{name}: {said}" for name, said in event.errors))
    if not isinstance(event.start, date):
        raise TypeError("an event has no beginning")
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        often = [str(word).upper() for word in rule.get("FREQ") or ["never"]]
        finer = [len(rule.get(part, [])) for part in ("BYMINUTE", "BYSECOND")]
        if not set(often) <= set(_OFTEN) or max(finer) > _FINER:
            raise ValueError(f"an event that recurs {_line(often[0].lower())} is no freeze")


def _line(text: object) -> str:
    """Return a stranger's text in one line that moves no cursor."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())[:200]

"""When deploying is normal and when it is frozen: rules by the wall clock, and what holds at a moment.

A rule begins when the wall clock first reads its time. Where clocks skip that time, that is the
moment they jump. An hour that comes twice belongs to a freeze both times.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
AHEAD = timedelta(days=60)
"""How far ahead the next opening is looked for."""

_DAY = 24 * 60
_WEEK = 7 * _DAY
_RULE = re.compile(
    r"(?P<first>[A-Za-z]{3})(?:\s*-\s*(?P<last>[A-Za-z]{3}))?\s+(?P<from>\d\d:\d\d)\s*-\s*"
    r"(?:(?P<until_day>[A-Za-z]{3})\s+)?(?P<until>\d\d:\d\d)"
)


@dataclass(frozen=True)
class Weekly:
    """A rule as it was written, and its spans: minutes since Monday 00:00 by the wall clock.

    A span ends after it begins, if need be in the next week.
    """

    said: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Window:
    """A time in which deploying is normal."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True)
class Freeze:
    """A time in which nobody deploys; ``hotfix`` says how a hotfix passes: pass, or override."""

    name: str
    begins: datetime
    ends: datetime
    hotfix: str = "pass"

    def holds(self, at: datetime) -> bool:
        """Return whether it is in force."""
        return self.begins <= at < self.ends


@dataclass(frozen=True)
class Standing:
    """What holds at a moment. ``opens_at`` is the next moment that is open, if one is near."""

    zone: str
    windows: tuple[str, ...] = ()
    in_window: bool = True
    freeze: Freeze | None = None
    opens_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Return whether an ordinary deployment may go."""
        return self.in_window and self.freeze is None

    def local(self, at: datetime) -> str:
        """Return a moment as the team's clocks show it."""
        return f"{at.astimezone(ZoneInfo(self.zone)):%Y-%m-%d %H:%M} {self.zone}"


def weekly(text: str) -> Weekly:
    """Read ``Mon-Thu 09:00-16:00`` or ``Fri 14:00-Mon 08:00``. Raises ValueError."""
    found = _RULE.fullmatch(text.strip())
    if not found:
        raise ValueError('write times like "Mon-Thu 09:00-16:00" or "Fri 14:00-Mon 08:00"')
    first, starts, ends = _day(found["first"]), _minute(found["from"]), _minute(found["until"])
    if found["until_day"]:
        if found["last"]:
            raise ValueError("name days before the hours, or one day with each hour")
        length = (_day(found["until_day"]) - first) * _DAY + ends - starts
        spans = [(first * _DAY + starts, length % _WEEK)]
    else:
        last = _day(found["last"] or found["first"])
        days = range(first, first + (last - first) % 7 + 1)
        length = (ends - starts) % _DAY if (starts, ends) != (0, _DAY) else _DAY
        spans = [(day % 7 * _DAY + starts, length) for day in days]
    if not spans[0][1]:
        raise ValueError("it ends when it begins")
    return Weekly(text.strip(), tuple((begin, begin + length) for begin, length in spans))


def _day(name: str) -> int:
    if name.title() not in DAYS:
        raise ValueError(f"{name} is no day; use one of: {', '.join(DAYS)}")
    return DAYS.index(name.title())


def _minute(text: str) -> int:
    hour, minute = int(text[:2]), int(text[3:])
    if minute > 59 or hour * 60 + minute > _DAY:
        raise ValueError(f"{text} is no time of day, which is 00:00 to 24:00")
    return hour * 60 + minute


def instant(wall: datetime, zone: tzinfo, *, last: bool = False) -> datetime:
    """Return the moment in UTC at which clocks without a zone read this; of two the first, or ``last``.

    A time that clocks skip is the moment at which they skip it.
    """
    early, late = sorted(wall.replace(tzinfo=zone, fold=n).astimezone(UTC) for n in (0, 1))
    if early == late:
        return early
    if early.astimezone(zone).replace(tzinfo=None) == wall:
        return late if last else early
    before = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):  # clocks jump somewhere between the two
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def moment(given: date, zone: tzinfo, *, last: bool = False) -> datetime:
    """Return a date's beginning, or a time with or without a zone, as a moment in UTC."""
    if not isinstance(given, datetime):
        given = datetime.combine(given, time())
    return given.astimezone(UTC) if given.tzinfo else instant(given, zone, last=last)


def occurrences(
    rule: Weekly, zone: tzinfo, around: datetime, *, last: bool = False
) -> Iterator[tuple[datetime, datetime]]:
    """Return when a rule holds, from two weeks before a moment to what lies ``AHEAD``.

    ``last``: an end that comes twice is the second one.
    """
    today = around.astimezone(zone).date()
    monday = datetime.combine(today - timedelta(days=today.weekday()), time())
    for week in range(-2, AHEAD.days // 7 + 2):
        for begin, end in rule.spans:
            starts = monday + timedelta(weeks=week, minutes=begin)
            ends = monday + timedelta(weeks=week, minutes=end)
            yield instant(starts, zone), instant(ends, zone, last=last)


def standing(
    zone: ZoneInfo, windows: Sequence[Weekly], freezes: Iterable[Freeze], at: datetime
) -> Standing:
    """Return what holds at a moment; without windows every time is normal."""
    spans = [Window(*span) for rule in windows for span in occurrences(rule, zone, at)]
    known = [one for one in freezes if one.ends > at]
    in_force = [one for one in known if one.holds(at)]

    def open_at(then: datetime) -> bool:
        inside = not windows or any(one.begins <= then < one.ends for one in spans)
        return inside and not any(one.holds(then) for one in known)

    turns = [at, *(one.begins for one in spans), *(one.ends for one in known)]
    return Standing(
        zone=zone.key,
        windows=tuple(rule.said for rule in windows),
        in_window=not windows or any(one.begins <= at < one.ends for one in spans),
        freeze=max(in_force, key=_strictest) if in_force else None,
        opens_at=next((then for then in sorted(turns) if then >= at and open_at(then)), None),
    )


def _strictest(freeze: Freeze) -> tuple[bool, datetime]:
    return freeze.hotfix == "override", freeze.ends

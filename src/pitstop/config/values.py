"""What stands behind a key: durations, days, time zones, secrets; and what every table is."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from pitstop.domain.calendar import Weekly, weekly

_DURATION = r"^\s*([0-9]{1,8}(?:\.[0-9]{1,8})?)\s*([smhd])\s*$"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(value: object) -> timedelta:
    """Read ``"90s"``, ``"10m"``, ``"24h"``, ``"2d"``."""
    if isinstance(value, timedelta):
        return value
    found = re.search(_DURATION, value) if isinstance(value, str) else None
    if not found:
        raise ValueError('write a duration like "30s", "10m" or "24h"')
    return timedelta(seconds=float(found[1]) * _UNITS[found[2]])


def written(length: timedelta) -> str:
    """Return a duration as one would type it: ``"10m"``, and not ``"600s"``."""
    seconds = length.total_seconds()
    for unit in "dhm":
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds / _UNITS[unit]:.0f}{unit}"
    return f"{seconds:g}s"


Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    PlainSerializer(lambda value: f"{value.total_seconds():g}s", return_type=str),
    WithJsonSchema({"type": "string", "pattern": _DURATION}),
]


def day_or_time(value: object) -> date:
    """Read a date, or a time with or without a zone, from TOML or as it is kept in a record."""
    if isinstance(value, date):
        return value
    try:
        text = value if isinstance(value, str) else ""
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            "write a date or a time, without quotes: 2026-12-24 or 2026-12-24T18:00:00"
        ) from None


def zone(value: object) -> ZoneInfo:
    """Read the name of a time zone."""
    try:
        return value if isinstance(value, ZoneInfo) else ZoneInfo(str(value))
    except (KeyError, ValueError, OSError):  # unknown, no name at all, a folder
        raise ValueError('write a name like "Europe/Berlin" or "UTC"') from None


def _weekly(value: object) -> Weekly:
    return value if isinstance(value, Weekly) else weekly(str(value))


DayOrTime = Annotated[
    datetime | date,
    BeforeValidator(day_or_time),
    PlainSerializer(lambda v: v.isoformat(), return_type=str),
]
Zone = Annotated[ZoneInfo, BeforeValidator(zone), PlainSerializer(str, return_type=str)]
Rule = Annotated[
    Weekly, BeforeValidator(_weekly), PlainSerializer(lambda rule: rule.said, return_type=str)
]


class Part(BaseModel):
    """One table of the file: unknown keys are mistakes, values never change.

    The text below a key is what the JSON Schema and the annotated example say of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Secret(Part):
    """A secret by its name; the value stays in the environment."""

    env: str
    """the name of the environment variable that holds it"""

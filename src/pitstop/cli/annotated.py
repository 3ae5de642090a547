"""``pitstop.toml`` as ``init`` writes it: every value with why it stands there."""

from __future__ import annotations

import json
import textwrap
from datetime import timedelta

from pydantic import BaseModel

from pitstop import config
from pitstop.adapters.platforms.local import LocalSettings
from pitstop.cli import schema
from pitstop.cli.detect.facts import Database, Fact, Found, printable

_WIDTH = 100
_COMMENT_AT = 32
_GUESSES = {
    "start": "python3 app.py",
    "build": "make",
    "health": "/health",
    "listen": "127.0.0.1:8080",
    "setup": "make setup",
    "targeted": "run-tests {tests}",
    "smoke": "make test",
}
_MUST = ("start", "health", "listen")  # a guess is written where nothing would be worse
_HEAD = """\
# pitstop: how an emergency fix to this service is shipped. All keys: docs/configuration.md
# Beside a value stands where it was seen; what nothing here shows is marked as a guess.
"""
_CALENDAR = """\
# [calendar]                    # when deploying is normal, and when nobody deploys
# timezone = "Europe/Berlin"    # what the times here mean; default: UTC
# windows = ["Mon-Thu 09:00-16:00"]
# [[calendar.freeze]]
# name = "weekend"
# every = "Fri 14:00-Mon 08:00"
"""
_AUDIENCES = """\
# [audiences.team]              # who is told, once each: before, during, after
# file = "announcements.log"
# webhook = { env = "TEAM_WEBHOOK" }
"""


def text(found: Found, *, with_schema: bool = False) -> str:
    """Return the whole file; ``with_schema``: editors find a JSON Schema beside it."""
    head = f"{schema.LINE}\n{_HEAD}" if with_schema else _HEAD
    parts = [head, _service(found), _platform(found), _checks(found), _approval()]
    parts += [_defaults("gate", config.Gate), _defaults("watch", config.Watch)]
    parts += [_defaults("slo", config.Slo), _backup(found.databases), _CALENDAR, _AUDIENCES]
    return "\n".join(part for part in parts if part)


def guessed(found: Found) -> list[str]:
    """Return the keys whose values are guesses, or that are left for somebody to fill in."""
    keys = {f"platform.{key}": getattr(found, key) for key in _MUST}
    keys |= {f"checks.{key}": getattr(found, key) for key in ("targeted", "smoke")}
    return [key for key, facts in keys.items() if not facts]


def _service(found: Found) -> str:
    said = schema.descriptions(config.Service)
    rows = [_row("name", found.name, "the folder's name")]
    for key in ("main", "remote"):
        fact = getattr(found, key)
        rows.append(_row(key, fact.value, f"{said.get(key, '')}; {fact.why}"))
    return _table("service", rows)


def _platform(found: Found) -> str:
    rows = [_row("use", "local", "the service as processes behind a proxy on this machine")]
    for key in ("start", "health", "listen", "build"):
        rows += _seen(key, getattr(found, key), schema.descriptions(LocalSettings).get(key, ""))
    return _table("platform", rows)


def _checks(found: Found) -> str:
    said = schema.descriptions(config.Checks)
    keys = ("setup", "targeted", "smoke")
    rows = [row for key in keys for row in _seen(key, getattr(found, key), said.get(key, ""))]
    return _table("checks", rows)


def _approval() -> str:
    said = schema.descriptions(config.Approval)
    rows = [
        _row("required", True, said.get("required", "")),
        _row("within", "10m", said.get("within", ""), off=True),
    ]
    return _table("approval", rows)


def _defaults(name: str, model: type[BaseModel]) -> str:
    """Return a table whose values are what would hold without it."""
    said = schema.descriptions(model)
    rows = []
    for key, value in model.model_validate({}):
        if value is None:  # what is not given cannot be shown
            continue
        shown = config.written(value) if isinstance(value, timedelta) else value
        rows.append(_row(key, shown, said.get(key, "")))
    return _table(name, rows)


def _backup(databases: tuple[Database, ...]) -> str:
    """Return the block of the database that is seen; a server's before a file's."""
    if not databases:
        return ""
    first, *others = sorted(databases, key=lambda one: one.kind != "postgres")
    off = first.kind == "sqlite" and not first.file  # which file is anybody's guess
    rows = [_row("use", first.kind, Fact("", first.where, first.note).why, off=off)]
    if first.kind == "sqlite":
        rows.append(_row("file", first.file or "app.db", "", off=off))
    else:
        named = "" if first.env else "a guess: the variable that holds the address"
        rows.append(_row("database", {"env": first.env or "DATABASE_URL"}, named, off=off))
    rows += [
        _row(f"also: {one.kind}", one.env or one.file, Fact("", one.where).why, off=True)
        for one in others
    ]
    mark = "# " if off else ""
    return f"{mark}[backup]\n" + "\n".join(rows) + "\n"


def _seen(key: str, facts: tuple[Fact, ...], means: str) -> list[str]:
    """Return the rows of a key: the best value, and commented out what else it may be."""
    if not facts:
        off = key not in _MUST
        why = "nothing here shows one" if off else Fact("").why
        return [_row(key, _GUESSES[key], f"{means}; {why}", off=off)]
    first, *others = facts
    rows = [_row(key, first.value, f"{means}; {first.why}")]
    return rows + [_row(key, one.value, f"or this, {one.why}", off=True) for one in others]


def _table(name: str, rows: list[str]) -> str:
    return "\n".join([f"[{name}]", *rows]) + "\n"


def _row(key: str, value: object, comment: str, *, off: bool = False) -> str:
    """Return one line, or two where the comment does not fit beside the value."""
    mark = "# " if off else ""
    line = f"{mark}{key} = {_toml(value)}"
    comment = printable(comment).strip("; ")
    beside = f"{line.ljust(_COMMENT_AT - 2)}  # {comment}"
    if not comment or len(beside) <= _WIDTH:
        return beside if comment else line
    above = textwrap.wrap(comment, _WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return "\n".join([*(f"# {row}" for row in above), line])


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, bool | int):
        return json.dumps(value)
    text = str(value).encode(errors="replace").decode()  # a lone half of a sign is no text
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

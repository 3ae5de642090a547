"""Read the file and report every mistake at once, with path, remedy and line."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from datetime import date, time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from pitstop.config.tables import AudienceSettings, FreezeSettings, Settings, Severities
from pitstop.config.values import Secret

FILE = "pitstop.toml"


class ConfigurationError(Exception):
    """The configuration cannot be used. ``problems`` holds one sentence for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read(path: Path) -> dict[str, Any]:
    """Return the file's tables, dates and times as text: a run's record keeps them.

    Raises ConfigurationError.
    """
    try:
        tables: dict[str, Any] = _plain(tomllib.loads(path.read_text(encoding="utf-8")))
        return tables
    except FileNotFoundError:
        raise ConfigurationError([f"There is no {path}. Write one: pitstop init"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path.name} cannot be read as TOML: {error}."]) from None
    except OSError as error:
        raise ConfigurationError([f"{path} cannot be read: {error.strerror}."]) from None


def _plain(value: Any) -> Any:
    """Return what TOML holds and JSON does not as text."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date | time) else value


def parse(tables: dict[str, Any], source: str = "") -> tuple[Settings | None, list[str]]:
    """Check the tables; return the settings, or None and one sentence for each mistake."""
    try:
        return Settings.model_validate(tables), []
    except ValidationError as error:
        return None, problems(Settings, error, source)


def unknown_audiences(settings: Settings, source: str) -> list[str]:
    """Return a sentence for each name that nobody is called by."""
    known = ", ".join(settings.audiences) or "none is configured: [audiences.NAME]"
    called: dict[tuple[str, ...], list[str]] = {}
    called["approval", "escalate_to"] = settings.approval.escalate_to
    for severity in Severities.model_fields:
        called["severity", severity, "tell"] = settings.severity.of(severity).tell
    return [
        problem(key, f'"{name}" is no audience. Known: {known}', source)
        for key, names in called.items()
        for name in names
        if name not in settings.audiences
    ]


def problems(
    model: type[BaseModel], error: ValidationError, source: str, table: tuple[str, ...] = ()
) -> list[str]:
    """Turn pydantic's findings into sentences: path, what is wrong, what is allowed, line."""
    lines: dict[str, int] = {}
    for found in error.errors(include_url=False):
        path = table + tuple(str(part) for part in found["loc"] if part not in ("str", "Secret"))
        line = line_of(source, path)
        where = f"{FILE}:{line}" if line else FILE
        sentence = f"{where}: {'.'.join(path)}: {_said(model, found, path[len(table) :])}"
        lines.setdefault(sentence, line or 0)
    return sorted(lines, key=lambda sentence: lines[sentence])


def problem(path: tuple[str, ...], said: str, source: str) -> str:
    """Return one mistake as a sentence: path, what is wrong, line."""
    line = line_of(source, path)
    where = f"{FILE}:{line}" if line else FILE
    return f"{where}: {'.'.join(path)}: {said.rstrip('.')}."


def in_order(sentences: list[str]) -> list[str]:
    """Return mistakes in the order of their lines, those without a line first."""
    numbers = [re.match(rf"{re.escape(FILE)}:(\d+):", sentence) for sentence in sentences]
    keyed = [(int(n[1]) if n else 0, s) for n, s in zip(numbers, sentences, strict=True)]
    return [sentence for _, sentence in sorted(keyed, key=lambda pair: pair[0])]


def _said(model: type[BaseModel], found: Any, path: Iterable[str]) -> str:
    if found["type"] == "extra_forbidden":
        return f"unknown key. Use one of: {', '.join(_allowed(model, list(path)[:-1]))}."
    if found["type"] == "missing":
        return "is missing."
    if found["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return f"is {found['input']!r}: it must be a table, [{'.'.join(path)}]."
    said = str(found["msg"]).removeprefix("Value error, ")
    return f"is {found['input']!r}: {said[0].lower()}{said[1:]}."


def _allowed(model: type[BaseModel], path: list[str]) -> list[str]:
    free = AudienceSettings if model is Settings else Secret  # what tables with free names hold
    for part in path:
        field = model.model_fields.get(part)
        inner = field.annotation if field else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
        elif part == path[-1]:
            model = FreezeSettings if "freeze" in path else free  # what has names of its own
    return sorted(field.alias or name for name, field in model.model_fields.items())


def line_of(source: str, path: tuple[str, ...]) -> int | None:
    """Return the line where a key, or failing that its table, stands in TOML source."""
    table: tuple[str, ...] = ()
    best = None
    lists: Counter[str] = Counter()
    for number, text in enumerate(source.splitlines(), 1):
        if header := re.match(r"\s*\[(\[?)\s*([^\]]+?)\s*\]", text):
            table = tuple(part.strip(" \"'") for part in header[2].split("."))
            if header[1]:  # one of several: its number is a part of the path
                table += (str(lists[header[2]]),)
                lists[header[2]] += 1
            if table == path[: len(table)] or table[:-1] == path:
                best = number
        elif key := re.match(r"\s*([\w.\"'-]+)\s*=", text):
            full = table + tuple(part.strip("\"'") for part in key[1].split("."))
            if full == path[: len(full)]:
                return number
    return best

"""``pitstop.toml``: frozen settings, every mistake reported at once, with path, remedy and line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    field_validator,
)

FILE = "pitstop.toml"

_LONGEST_NAME = 100
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class ConfigurationError(Exception):
    """The configuration cannot be used. ``problems`` holds one sentence for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def duration(value: object) -> timedelta:
    """Read ``"90s"``, ``"10m"``, ``"24h"``, ``"2d"``."""
    if isinstance(value, timedelta):
        return value
    found = (
        re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd])\s*", value) if isinstance(value, str) else None
    )
    if not found:
        raise ValueError('write a duration like "30s", "10m" or "24h"')
    return timedelta(seconds=float(found[1]) * _UNITS[found[2]])


Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    PlainSerializer(lambda value: f"{value.total_seconds():g}s", return_type=str),
]


class Part(BaseModel):
    """One table of the file: unknown keys are mistakes, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Secret(Part):
    """A secret by its name; the value stays in the environment."""

    env: str


class Service(Part):
    """What is deployed, and the branch it is normally deployed from."""

    name: str
    main: str = "main"
    remote: str = "origin"

    @field_validator("name", "main", "remote")
    @classmethod
    def _is_a_name(cls, value: str, field: ValidationInfo) -> str:
        """Take what git takes as a part of a ref: the claim is called after the service."""
        between = "._/-" if field.field_name == "main" else "._-"
        word = rf"[A-Za-z0-9]+(?:[{between}][A-Za-z0-9]+)*"
        odd = not re.fullmatch(word, value) or ".lock/" in f"{value}/"
        if odd or len(value) > _LONGEST_NAME:
            signs = ", ".join(f'"{sign}"' for sign in between)
            raise ValueError(
                f"use letters and digits, and one of {signs} between them; {_LONGEST_NAME} signs at "
                'most, and not ".lock" at the end'
            )
        return value


def service_name(text: str) -> str:
    """Return a name for a service that is as near to a text as a name can be."""
    words = re.findall(r"[A-Za-z0-9]+", text)
    return "-".join(words)[:_LONGEST_NAME].strip("-") or "service"


class Platform(BaseModel):
    """Which adapter; its other keys are checked by the adapter's own settings."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    use: str = Field(min_length=1)  # built in, or brought by a plug-in: bootstrap knows which


class Checks(Part):
    """The team's commands that prove a change before it goes live."""

    setup: str | None = None
    targeted: str | None = None
    smoke: str | None = None
    within: Duration = timedelta(minutes=10)


class Approval(Part):
    """Whether another person must say yes, and how long they are waited for."""

    required: bool = True
    within: Duration | None = None  # else by severity


class Gate(Part):
    """When traffic is judged, and how much of it is enough."""

    baseline: Duration = timedelta(minutes=30)
    warmup: Duration = timedelta(seconds=30)
    soak: Duration = timedelta(seconds=30)
    deadline: Duration = timedelta(minutes=10)
    min_requests: int = Field(50, ge=1)


class Watch(Part):
    """How long production is watched after the fix has landed."""

    duration: Duration = timedelta(minutes=30)


class Slo(Part):
    """Declared to verified in production."""

    budget: Duration = timedelta(minutes=30)


class Plugin(BaseModel):
    """What another package brings; its other keys are checked by its own settings."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    use: str = Field(min_length=1)


class AudienceSettings(Part):
    """Somebody who must hear it: a file that is appended to, a webhook, a plug-in, or several."""

    file: str | None = None
    webhook: str | Secret | None = None
    plugin: Plugin | None = None


class Settings(Part):
    """The whole file."""

    service: Service
    platform: Platform
    checks: Checks = Checks()
    approval: Approval = Approval()
    gate: Gate = Field(default_factory=lambda: Gate.model_validate({}))
    watch: Watch = Watch()
    slo: Slo = Slo()
    audiences: dict[str, AudienceSettings] = {}


def read(path: Path) -> dict[str, Any]:
    """Return the file's tables as they stand. Raises ConfigurationError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError([f"There is no {path}. Write one: pitstop init"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path.name} cannot be read as TOML: {error}."]) from None
    except OSError as error:
        raise ConfigurationError([f"{path} cannot be read: {error.strerror}."]) from None


def parse(tables: dict[str, Any], source: str = "") -> tuple[Settings | None, list[str]]:
    """Check the tables; return the settings, or None and one sentence for each mistake."""
    try:
        return Settings.model_validate(tables), []
    except ValidationError as error:
        return None, problems(Settings, error, source)


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
            model = free  # audiences.NAME, platform.env.NAME
    return sorted(model.model_fields)


def line_of(source: str, path: tuple[str, ...]) -> int | None:
    """Return the line where a key, or failing that its table, stands in TOML source."""
    table: tuple[str, ...] = ()
    best = None
    for number, text in enumerate(source.splitlines(), 1):
        if header := re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]", text):
            table = tuple(part.strip(" \"'") for part in header[1].split("."))
            if table == path[: len(table)]:
                best = number
        elif key := re.match(r"\s*([\w.\"'-]+)\s*=", text):
            full = table + tuple(part.strip("\"'") for part in key[1].split("."))
            if full == path[: len(full)]:
                return number
    return best

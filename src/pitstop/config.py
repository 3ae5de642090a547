"""``pitstop.toml``: frozen settings, every mistake reported at once, with path, remedy and line."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict

from pitstop.domain.calendar import Weekly, moment, weekly

FILE = "pitstop.toml"

_LONGEST_NAME = 100
_DURATION = r"^\s*([0-9]{1,8}(?:\.[0-9]{1,8})?)\s*([smhd])\s*$"
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


def _word(between: str) -> str:
    return rf"[A-Za-z0-9]+(?:[{between}][A-Za-z0-9]+)*"


def _as_a_name(between: str) -> JsonDict:
    """Say in JSON Schema what ``Service`` takes as a name."""
    return {"pattern": rf"^(?!.*\.lock(?:/|$)){_word(between)}$", "maxLength": _LONGEST_NAME}


class Service(Part):
    """What is deployed, and the branch it is normally deployed from."""

    name: str = Field(json_schema_extra=_as_a_name("._-"))
    """letters and digits, with one of . - _ between them; 100 signs at most"""
    main: str = Field("main", json_schema_extra=_as_a_name("._/-"))
    """the branch that is normally deployed"""
    remote: str = Field("origin", json_schema_extra=_as_a_name("._-"))
    """the git remote that everybody shares"""
    main_deploys_itself: bool = False
    """whether a merge goes live without being asked"""

    @field_validator("name", "main", "remote")
    @classmethod
    def _is_a_name(cls, value: str, field: ValidationInfo) -> str:
        """Take what git takes as a part of a ref: the claim is called after the service."""
        between = "._/-" if field.field_name == "main" else "._-"
        odd = not re.fullmatch(_word(between), value) or ".lock/" in f"{value}/"
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
    """what runs the service"""


class Triage(Part):
    """What is looked at before anybody writes code."""

    recent: Duration = timedelta(hours=24)
    """a deployment younger than this may be the cause"""


class Guards(Part):
    """How small a hotfix is, and which files change more than code; patterns add to what is known."""

    max_lines: int = Field(200, ge=1)
    """added and deleted"""
    max_files: int = Field(10, ge=1)
    """changed files"""
    max_folders: int = Field(5, ge=1)
    """folders with changed files"""
    max_commits: int = Field(3, ge=1)
    """commits on the branch"""
    migrations: list[str] = []
    """patterns beyond those that are known"""
    dependencies: list[str] = []
    """patterns of other people's code"""
    delivery_config: list[str] = []
    """patterns of what builds, checks and deploys"""
    generated: list[str] = []
    """files that a program wrote"""


class Checks(Part):
    """The team's commands that prove a change before it goes live."""

    setup: str | None = None
    """makes a fresh worktree able to run its tests"""
    targeted: str | None = None
    """{tests} or {files}: what belongs to the change"""
    smoke: str | None = None
    """what must work whatever was changed"""
    manual: str | None = None
    """what a person tries by hand"""
    within: Duration = timedelta(minutes=10)
    """how long one check may take"""
    retries: int = Field(0, ge=0, le=5)
    """how often a check that failed is run again"""
    mapping: dict[str, list[str]] = {}
    """tests that no name and no import tells"""


class Approval(Part):
    """Whether another person must say yes, and how long they are waited for."""

    required: bool = True
    """by another person than the author (compared by e-mail)"""
    within: Duration | None = None
    """else by severity: P1 5m, P2 10m, P3 30m"""
    escalate_to: list[str] = []
    """audiences that hear it when the time is nearly over"""


class Gate(Part):
    """When traffic is judged, and how much of it is enough."""

    baseline: Duration = timedelta(minutes=30)
    """how much traffic before the deploy is used, at most"""
    warmup: Duration = timedelta(seconds=30)
    """traffic that is not judged yet"""
    soak: Duration = timedelta(seconds=30)
    """no pass earlier"""
    deadline: Duration = timedelta(minutes=10)
    """then: cannot tell"""
    min_requests: int = Field(50, ge=1)
    """fewer are no evidence"""


class Merge(Part):
    """Where the fix goes besides main, once it is verified."""

    also: list[str] = ["develop", "release/*"]
    """branches that follow main"""
    keep: list[str] = ["VERSION", "CHANGELOG*"]
    """files in which those branches keep what they have"""


class Watch(Part):
    """How long production is watched after the fix has landed."""

    duration: Duration = timedelta(minutes=30)
    """a regression in this time returns production"""


class Slo(Part):
    """Declared to verified in production."""

    budget: Duration = timedelta(minutes=30)
    """declared to verified in production"""


class Severity(Part):
    """What holds for hotfixes of one severity, in place of what holds for all."""

    approval: Duration | None = None
    """in place of approval.within"""
    budget: Duration | None = None
    """in place of slo.budget"""
    tell: list[str] = []
    """the audiences that hear of it"""


class Severities(Part):
    """Severities that are hotfixes."""

    P1: Severity = Severity()
    P2: Severity = Severity()
    P3: Severity = Severity()

    def of(self, severity: str) -> Severity:
        """Return what holds for a severity; nothing of its own for one that has no table."""
        found: Severity = getattr(self, severity, Severity())
        return found


class FreezeSettings(Part):
    """A time in which nobody deploys: once, from and until; or every week."""

    name: str = Field(min_length=1)
    """what it is called"""
    from_: DayOrTime | None = Field(None, alias="from")
    """a date or a time"""
    until: DayOrTime | None = None
    """a date or a time; a date means when that day begins"""
    every: Rule | None = None
    """a weekly time"""
    hotfix: Literal["pass", "override"] = "pass"
    """a hotfix needs --override freeze --because TEXT"""

    @model_validator(mode="after")
    def _once_or_weekly(self) -> FreezeSettings:
        once = (self.from_ is not None, self.until is not None)
        if once != ((False, False) if self.every else (True, True)):
            raise ValueError("give from and until, or every")
        return self


class Calendar(Part):
    """When deploying is normal, and when nobody deploys."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    timezone: Zone = ZoneInfo("UTC")
    """what the times here mean; default: UTC"""
    windows: list[Rule] = []
    """when deploying is normal; none: always"""
    ics: list[str] = []
    """calendar files in the repository: every event in them is a freeze"""
    freeze: list[FreezeSettings] = []
    """times in which nobody deploys"""

    @field_validator("freeze")
    @classmethod
    def _end_later(cls, value: list[FreezeSettings], info: ValidationInfo) -> list[FreezeSettings]:
        here = info.data.get("timezone", ZoneInfo("UTC"))
        for one in value:
            if one.from_ and one.until and moment(one.from_, here) >= moment(one.until, here):
                raise ValueError(f'"{one.name}" ends before it begins')
        return value


class Plugin(BaseModel):
    """What another package brings; its other keys are checked by its own settings."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    use: str = Field(min_length=1)
    """the name that the other package gives it"""


class AudienceSettings(Part):
    """Somebody who must hear it: a file that is appended to, a webhook, a plug-in, or several."""

    file: str | None = None
    """appended to, relative to the repository"""
    webhook: str | Secret | None = None
    """a POST of JSON; an address, or the name of a variable that holds it"""
    plugin: Plugin | None = None
    """what another package brings"""


class Backup(BaseModel):
    """Which adapter; its other keys are checked by the adapter's own settings."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    use: Literal["postgres", "sqlite", "command", "simulated"]
    """what is backed up, and how"""


class Settings(Part):
    """The whole file."""

    service: Service
    platform: Platform
    triage: Triage = Triage()
    guards: Guards = Field(default_factory=lambda: Guards.model_validate({}))
    checks: Checks = Field(default_factory=lambda: Checks.model_validate({}))
    approval: Approval = Approval()
    gate: Gate = Field(default_factory=lambda: Gate.model_validate({}))
    merge: Merge = Merge()
    watch: Watch = Watch()
    slo: Slo = Slo()
    severity: Severities = Severities()
    calendar: Calendar = Calendar()
    audiences: dict[str, AudienceSettings] = {}
    """any number of audiences; each is told once, before, during and after"""
    backup: Backup | None = None


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

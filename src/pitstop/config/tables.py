"""The tables of the file, as frozen settings. What is written below a key is its documentation."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic.config import JsonDict

from pitstop.config.values import DayOrTime, Duration, Part, Rule, Secret, Zone
from pitstop.domain.calendar import moment

_LONGEST_NAME = 100


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


Tolerance = Literal["strict", "normal", "loose"]
"""How much worse is still acceptable; the gate knows the numbers."""


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
    tolerance: Tolerance | None = None
    """else by severity: P1 loose, P2 normal, P3 strict"""
    acceptable_rate: float | None = Field(None, ge=0, lt=1)
    """an error rate that is always acceptable"""
    unacceptable_rate: float | None = Field(None, gt=0, lt=1)
    """a pass has shown that the error rate is below this"""
    acceptable_ms: float = Field(25, ge=0)
    """slower by less than this is nobody's trouble"""
    unacceptable_ms: float = Field(50, gt=0)
    """a pass has shown that answers are not slower by more"""
    memory_block: Duration = timedelta(seconds=20)
    """longer than one round of garbage collection"""
    canary: bool = False
    """move a part of the users first, where the platform can"""


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
    tolerance: Tolerance | None = None
    """in place of gate.tolerance"""
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


class Telemetry(BaseModel):
    """Who counts users' requests; its other keys are checked by the adapter's own settings."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    use: Literal["platform", "access-log", "log-lines", "prometheus", "command"] = "platform"
    """who counts users' requests"""


class Settings(Part):
    """The whole file."""

    service: Service
    platform: Platform
    triage: Triage = Triage()
    guards: Guards = Field(default_factory=lambda: Guards.model_validate({}))
    checks: Checks = Field(default_factory=lambda: Checks.model_validate({}))
    approval: Approval = Approval()
    telemetry: Telemetry = Telemetry()
    gate: Gate = Field(default_factory=lambda: Gate.model_validate({}))
    merge: Merge = Merge()
    watch: Watch = Watch()
    slo: Slo = Slo()
    severity: Severities = Severities()
    calendar: Calendar = Calendar()
    audiences: dict[str, AudienceSettings] = {}
    """any number of audiences; each is told once, before, during and after"""
    backup: Backup | None = None

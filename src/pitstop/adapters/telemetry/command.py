"""The team's own command that counts requests, as JSON."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pitstop.adapters._run import Runner
from pitstop.adapters.telemetry.asked import Asked
from pitstop.config import Duration, Part
from pitstop.gate import Interval
from pitstop.ports import CannotTell

_MOST = 4_000_000  # bytes of an answer


class CommandSettings(Part):
    """``[telemetry] use = "command"``."""

    command: str = Field(min_length=1)
    """prints JSON; {since}, {until} and {deployment} are filled in"""
    answer_within: Duration = timedelta(seconds=10)
    """how long it may take"""


class _Counted(BaseModel):
    """What the command prints, once or in a list: a stretch of time and what was heard in it."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    from_: datetime = Field(alias="from")
    until: datetime
    requests: int = Field(ge=0)
    errors: int = Field(ge=0)
    latencies_ms: list[float] = []
    buckets: list[tuple[float, int]] = []
    readings: dict[str, float] = {}


class CommandTelemetry:
    """Asks the command for stretches of time; ``masked`` takes secrets out of what it said."""

    def __init__(
        self,
        settings: CommandSettings,
        folder: Path,
        runner: Runner,
        masked: Callable[[str], str] = lambda text: text,
    ) -> None:
        self._settings, self._folder, self._runner, self._masked = settings, folder, runner, masked

    def intervals(
        self, since: datetime, until: datetime, deployment_id: str | None = None
    ) -> list[Interval]:
        """Return what the command counted, a stretch as it gave it. Raises CannotTell."""
        filled = self._settings.command
        for name, value in (
            ("since", _stamp(since)),
            ("until", _stamp(until)),
            ("deployment", deployment_id or ""),
        ):
            filled = filled.replace(f"{{{name}}}", shlex.quote(value))
        counted = self._counted(self._said(filled))
        found = [
            Interval(
                (one.from_ - since).total_seconds(),
                one.requests,
                one.errors,
                one.latencies_ms,
                one.buckets,
                readings=one.readings,
            )
            for one in counted
            if since <= one.from_ < until
        ]
        return sorted(found, key=lambda one: one.at)

    def follow(self, since: datetime, deployment_id: str | None = None) -> Asked:
        """Return what is heard from a moment on."""
        return Asked(self.intervals, since, deployment_id)

    def _said(self, command: str) -> str:
        within = self._settings.answer_within.total_seconds()
        try:
            done = self._runner.run(
                ["sh", "-c", command],
                folder=self._folder,
                within=within,
                keep=_MOST,
                leave_nothing=True,
            )
        except OSError as error:
            raise CannotTell(f"telemetry.command could not be started: {error}.") from error
        if done.timed_out:
            raise CannotTell(f"telemetry.command did not answer within {within:g} s.")
        if done.exit_code:
            said = self._masked(done.said).splitlines()[-1:] or ["it said nothing"]
            raise CannotTell(
                f"telemetry.command ended with exit code {done.exit_code}: {said[0][:200]}"
            )
        return done.text

    def _counted(self, text: str) -> list[_Counted]:
        try:
            held: Any = json.loads(text)
            rows = held if isinstance(held, list) else [held]
            counted = [_Counted.model_validate(row) for row in rows]
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "its answer"
            raise CannotTell(
                f"telemetry.command printed JSON of another shape: {where}: {first['msg']}."
            ) from None
        except ValueError:
            begin = self._masked(text)[:80].replace("\n", " ")
            raise CannotTell(f"telemetry.command printed no JSON: {begin!r}.") from None
        if any(one.from_.tzinfo is None or one.until.tzinfo is None for one in counted):
            raise CannotTell("telemetry.command printed times without a zone; write them in UTC.")
        return counted


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

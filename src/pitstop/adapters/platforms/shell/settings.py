"""The ``[platform]`` table of a platform that is driven by the team's own commands."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from pitstop.config import Duration, Part, Secret

Command = Annotated[str, Field(pattern=r"\S")]


class ShellSettings(Part):
    """The commands, and where the service answers."""

    deploy: Command
    """puts the files of its folder into service"""
    current: Command
    """prints what users are served by: ID COMMIT"""
    list: Command | None = None
    """prints what can be returned to, newest first"""
    rollback: Command | None = None
    """serves users from $PITSTOP_DEPLOYMENT again; else the old commit is deployed"""
    status: Command | None = None
    """shown by doctor"""
    logs: Command | None = None
    """prints the end of the log"""
    stage: Command | None = None
    """starts a release without users, prints ID URL"""
    discard: Command | None = Field(None, validate_default=True)
    """and stops it"""
    health: Command | None = None
    """an address, or a command"""
    url: str | None = None
    """where production answers; else taken from health"""
    within: Duration = timedelta(minutes=10)
    """how long deploy, rollback, stage or discard may take"""
    answer_within: Duration = timedelta(seconds=30)
    """how long the others may take"""
    repeatable: bool = False
    """whether a deploy that was killed may be run again"""
    env: dict[str, str | Secret] = Field(default_factory=dict)
    """variables for all of these commands"""
    access_log: str | None = None
    """users' requests as JSON lines"""

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not (is_url(value) and _host(value)):
            raise ValueError('write an address like "https://shop.example.com"')
        return value.rstrip("/") if value else None

    @field_validator("health")
    @classmethod
    def _is_an_address_or_a_command(cls, value: str | None) -> str | None:
        if value and is_url(value) and not _host(value):
            raise ValueError('write a command, or an address like "https://shop.example.com/up"')
        return value

    @field_validator("env")
    @classmethod
    def _are_variables(cls, value: dict[str, str | Secret]) -> dict[str, str | Secret]:
        for name in value:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise ValueError(f'"{name}" is no name of a variable: use letters, digits and "_"')
            if name.startswith("PITSTOP_"):
                raise ValueError(f"{name} is set by pitstop: use another name")
        return value

    @field_validator("discard")
    @classmethod
    def _comes_with_stage(cls, value: str | None, given: ValidationInfo) -> str | None:
        if "stage" in given.data and (given.data["stage"] is None) != (value is None):
            raise ValueError("stage and discard belong together: give both, or neither")
        return value

    @property
    def origin(self) -> str | None:
        """Return the address of the service, if it stands in the settings."""
        if self.url or not (self.health and is_url(self.health)):
            return self.url
        parts = urlsplit(self.health)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def secrets(self) -> dict[str, str]:
        """Return which variable of ours holds the value of which variable of a command."""
        return {name: each.env for name, each in self.env.items() if isinstance(each, Secret)}


def is_url(text: str) -> bool:
    """Return whether this is an address rather than a command."""
    return text.startswith(("http://", "https://"))


def _host(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname if not re.search(r"\s", url) else None

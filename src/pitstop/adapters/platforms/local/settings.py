"""The ``[platform]`` table of the embedded platform."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, field_validator

from pitstop.config import Duration, Part

_PORT = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"


class LocalSettings(Part):
    """How the service is built and started, and where users reach it."""

    start: str = Field(min_length=1)
    """any command that listens on $PORT"""
    health: str = Field("/health", pattern=r"^/\S*$")
    """answers 2xx when the service is well"""
    listen: str = Field("127.0.0.1:8080", json_schema_extra={"pattern": rf"^.+:0*(?:{_PORT})$"})
    """where users reach it"""
    build: str | None = None
    """runs once in each fresh checkout"""
    build_within: Duration = timedelta(minutes=10)
    """how long a build may take"""
    ready_within: Duration = timedelta(seconds=30)
    """how long a release may take to become healthy"""
    answer_within: Duration = timedelta(seconds=60)
    """how long one request of a user may take"""
    drain: Duration = timedelta(seconds=30)
    """how long a release that is stopped may finish its requests"""
    keep: int = Field(5, ge=2, le=100)
    """releases that are kept as rollback targets"""

    @field_validator("listen")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        host, colon, port = value.rpartition(":")
        number = port.isascii() and port.isdigit() and int(port)
        if not (host and colon and 0 < number < 65536):
            raise ValueError('write an address like "127.0.0.1:8080"')
        return value

    @property
    def host(self) -> str:
        """Return the host users reach the service on, without brackets."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """Return the port users reach the service on."""
        return int(self.listen.rpartition(":")[2])

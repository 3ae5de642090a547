"""The ``[platform]`` table of the embedded platform."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, field_validator

from pitstop.config import Duration, Part


class LocalSettings(Part):
    """How the service is built and started, and where users reach it."""

    start: str = Field(min_length=1)
    health: str = Field("/health", pattern=r"^/\S*$")
    listen: str = "127.0.0.1:8080"
    build: str | None = None
    build_within: Duration = timedelta(minutes=10)
    ready_within: Duration = timedelta(seconds=30)
    answer_within: Duration = timedelta(seconds=60)
    drain: Duration = timedelta(seconds=30)
    keep: int = Field(5, ge=2, le=100)

    @field_validator("listen")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        host, colon, port = value.rpartition(":")
        if not (host and colon and port.isdigit() and 0 < int(port) < 65536):
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

"""A service's own log, where nobody writes requests down: lines that tell success and error."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import field_validator

from pitstop.adapters.telemetry import formats
from pitstop.adapters.telemetry.access_log import ABSENT, AccessLog, log_files
from pitstop.adapters.telemetry.formats import Request
from pitstop.config import Part

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?\s?(?:Z|[+-]\d\d:?\d\d))"
    r"|\[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]"
)
_ERROR, _SUCCESS = 500, 200


class LogLinesSettings(Part):
    """``[telemetry] use = "log-lines"``."""

    paths: list[str]
    """files or patterns, relative to the repository; rotated ones too, not those that are packed"""
    error: str = "ERROR"
    """a regular expression: such a line is a request that failed"""
    success: str = "SUCCESS"
    """a regular expression: such a line is a request that was answered well"""

    @field_validator("error", "success")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
        return value


def log_lines(settings: LogLinesSettings, folder: Path) -> AccessLog:
    """Return the telemetry; a line without a time with its zone counts as no request."""
    error, success = re.compile(settings.error), re.compile(settings.success)

    def read(line: bytes) -> Request | None:
        text = line.decode("utf-8", "replace")
        failed = bool(error.search(text))
        if not (failed or success.search(text)):
            return None
        found = _TIME.search(text)
        try:
            at = formats.moment((found[1] or found[2]).replace(",", ".")) if found else None
        except ValueError:
            at = None
        return None if at is None else Request(at, _ERROR if failed else _SUCCESS, -1.0)

    return AccessLog(lambda: log_files(settings.paths, folder), read, sparse=True, absent=ABSENT)

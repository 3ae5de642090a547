"""What may stand in ``[telemetry]``: the keys of each adapter, and what is read beside it."""

from __future__ import annotations

from pitstop.adapters.telemetry.access_log import AccessLogSettings
from pitstop.adapters.telemetry.command import CommandSettings
from pitstop.adapters.telemetry.log_lines import LogLinesSettings
from pitstop.adapters.telemetry.memory import MemorySettings
from pitstop.adapters.telemetry.postgres import DatabaseSettings
from pitstop.adapters.telemetry.probe import ProbeSettings
from pitstop.adapters.telemetry.prometheus import PrometheusSettings
from pitstop.config import Part


class Beside(Part):
    """What is read beside the requests, whoever counts them."""

    memory: MemorySettings | None = None
    """where the service's memory is seen; local needs none of it"""
    database: DatabaseSettings | None = None
    """a Postgres that is looked at"""
    probe: ProbeSettings | None = None
    """what is asked where users are few"""


class OfAccessLog(AccessLogSettings, Beside):
    """``use = "access-log"``."""


class OfLogLines(LogLinesSettings, Beside):
    """``use = "log-lines"``."""


class OfPrometheus(PrometheusSettings, Beside):
    """``use = "prometheus"``."""


class OfCommand(CommandSettings, Beside):
    """``use = "command"``."""


KINDS: dict[str, type[Part]] = {
    "platform": Beside,
    "access-log": OfAccessLog,
    "log-lines": OfLogLines,
    "prometheus": OfPrometheus,
    "command": OfCommand,
}

"""What can be measured of the configured service by a command, outside any run."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from pitstop import bootstrap
from pitstop.adapters._run import Runner
from pitstop.adapters.commands import ShellCommands
from pitstop.bootstrap.platforms import both
from pitstop.bootstrap.tables import secrets
from pitstop.config import Settings
from pitstop.engine.clock import SystemClock
from pitstop.engine.fence import ServiceFence
from pitstop.engine.place import Place
from pitstop.ports import Meter, Platform, Telemetry


@dataclass(frozen=True)
class Measured:
    """The service's settings, where it runs, who counts its requests, and what else is read."""

    settings: Settings
    platform: Platform
    telemetry: Telemetry
    meters: tuple[Meter, ...] = ()


def measured(here: Place) -> Measured:
    """Return what the configuration names. Raises ConfigurationError."""
    settings, tables = bootstrap.load(here.config)
    service = here.service(settings.service.name)
    output = service / "output"
    with contextlib.suppress(OSError):  # where nothing can be written, much can still be read
        output.mkdir(parents=True, exist_ok=True)
    runner, clock = Runner(), SystemClock(lambda: None)
    commands = ShellCommands(runner, output, secrets(settings))
    found = both(here, tables, runner, ServiceFence(service), clock, commands)
    return Measured(settings, *found)

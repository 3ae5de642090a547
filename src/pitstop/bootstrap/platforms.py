"""Where the service runs, and who counts its requests."""

from __future__ import annotations

import functools
from typing import Any

from pitstop import config
from pitstop.adapters import plugins
from pitstop.adapters._run import Runner
from pitstop.adapters.commands import ShellCommands
from pitstop.adapters.platforms.local import LocalPlatform, LocalSettings
from pitstop.bootstrap.repository import forge
from pitstop.bootstrap.tables import check, own, secrets
from pitstop.bootstrap.telemetry import requests
from pitstop.engine.clock import SystemClock
from pitstop.engine.place import Place
from pitstop.ports import (
    Clock,
    Fence,
    ParksPrevious,
    Platform,
    StagesCandidates,
    Telemetry,
)


def platform(place: Place, tables: dict[str, Any], fence: Fence) -> Platform:
    """Return the platform as a command looks at it that is no run."""
    settings = check(tables)
    runner = Runner()
    output = place.service(settings.service.name) / "output"
    output.mkdir(parents=True, exist_ok=True)
    clock, commands = SystemClock(lambda: None), ShellCommands(runner, output, secrets(settings))
    return both(place, tables, runner, fence, clock, commands)[0]


def both(
    place: Place,
    tables: dict[str, Any],
    runner: Runner,
    fence: Fence,
    clock: Clock,
    commands: ShellCommands,
) -> tuple[Platform, Telemetry]:
    """Return a platform and its telemetry, as a run or a command needs them."""
    settings, use = check(tables), tables["platform"]["use"]
    if use == "local":
        local = local_platform(place, tables, runner, fence, clock)
        return local, requests(place, tables, local, runner)
    if use == "simulated":
        from pitstop.adapters import simulated

        name = settings.service.name
        kept = place.service(name) / "simulated.json"
        code = forge(place, settings, runner)
        world = simulated.World.kept(kept, name, code.main_release, clock.now())
        return simulated.SimulatedPlatform(world, fence, clock), simulated.SimulatedTelemetry(world)
    platform = _brought(tables["platform"], _tools(place, settings, runner, fence, clock, commands))
    return platform, requests(place, tables, platform, runner)


def local_platform(
    place: Place, tables: dict[str, Any], runner: Runner, fence: Fence, clock: Clock
) -> LocalPlatform:
    """Return the embedded platform of the configured service."""
    settings = check(tables)
    service = settings.service.name
    given = LocalSettings.model_validate(own(tables["platform"]))
    return LocalPlatform(
        service,
        given,
        home=place.service(service) / "local",
        checkouts=place.checkouts(service),
        export=forge(place, settings, runner).export,
        runner=runner,
        fence=fence,
        clock=clock,
    )


def _brought(table: dict[str, Any], tools: plugins.Tools) -> Platform:
    """Return a platform that is made of settings and tools: a plug-in, and ``shell`` like one."""
    if table["use"] == "shell":
        from pitstop.adapters.platforms.shell import ShellSettings, shell

        return shell(ShellSettings.model_validate(own(table)), tools)
    if table["use"] == "railway":
        from pitstop.adapters.platforms.railway.platform import RailwayPlatform
        from pitstop.adapters.platforms.railway.settings import RailwaySettings

        return RailwayPlatform(RailwaySettings.model_validate(own(table)), tools)
    made: Platform = plugins.made(plugins.PLATFORMS, table, tools)
    return made


def _tools(
    place: Place,
    settings: config.Settings,
    runner: Runner,
    fence: Fence,
    clock: Clock,
    commands: ShellCommands,
) -> plugins.Tools:
    service, code = settings.service.name, forge(place, settings, runner)
    return plugins.Tools(
        service=service,
        repository=place.repository,
        home=place.service(service) / settings.platform.use,
        checkouts=place.checkouts(service),
        export=code.export,
        commit=code.release_of,
        runner=runner,
        commands=commands,
        secrets=tuple(secrets(settings)),
        fence=fence,
        clock=clock,
        say=functools.partial(commands.note, "platform"),
    )


def missing_abilities(tables: dict[str, Any]) -> list[str]:
    """Return what this platform cannot do, and what happens instead."""
    platform = _kind(tables)
    missing = []
    if not issubclass(platform, StagesCandidates):
        missing.append("it runs no release beside production; the fix is tried on users at once")
    if not issubclass(platform, ParksPrevious):
        missing.append("it does not keep the previous release warm; a rollback starts it first")
    if tables["platform"]["use"] == "shell":
        missing += _missing_commands(tables["platform"], tables.get("telemetry"))
    return missing


def _kind(tables: dict[str, Any]) -> type:
    """Return the class of a platform; of a plug-in that is a function, one without abilities."""
    use = tables["platform"]["use"]
    if use == "local":
        return LocalPlatform
    if use == "simulated":
        from pitstop.adapters.simulated import SimulatedPlatform

        return SimulatedPlatform
    if use == "shell":
        from pitstop.adapters.platforms.shell import ShellSettings, kind

        return kind(ShellSettings.model_validate(own(tables["platform"])))
    if use == "railway":
        from pitstop.adapters.platforms.railway.platform import RailwayPlatform

        return RailwayPlatform
    factory = plugins.find(plugins.PLATFORMS, use)
    return factory if isinstance(factory, type) else object


def _missing_commands(given: dict[str, Any], telemetry: object) -> list[str]:
    missing = []
    if "rollback" not in given:
        missing.append("it has no rollback command; a rollback is a deploy of the old commit")
    if "list" not in given:
        missing.append("it lists no deployments; only what was seen in service can be returned to")
    if "access_log" not in given and not telemetry:
        missing.append("it counts no requests; a person decides whether errors went away")
    return missing

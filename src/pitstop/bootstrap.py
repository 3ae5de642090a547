"""pitstop.toml → crew and engine: the only file that names concrete classes."""

from __future__ import annotations

import hashlib
import os
import socket
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from pitstop import config
from pitstop.adapters._run import Runner
from pitstop.adapters.commands import ShellCommands
from pitstop.adapters.forges.claims import GitClaims
from pitstop.adapters.forges.git import GitForge
from pitstop.adapters.notifiers.file import FileAudience
from pitstop.adapters.notifiers.unreachable import Unreachable
from pitstop.adapters.notifiers.webhook import WebhookAudience
from pitstop.adapters.platforms.local import LocalPlatform, LocalSettings
from pitstop.adapters.telemetry.access_log import AccessLog
from pitstop.domain.incident import Incident, Return
from pitstop.domain.verdict import Outcome
from pitstop.engine.claim import HeldClaim
from pitstop.engine.clock import SystemClock
from pitstop.engine.fence import RollbackFence, ServiceFence
from pitstop.engine.ownership import Heart, RunFolder
from pitstop.engine.place import Place
from pitstop.engine.record import RunRecord
from pitstop.engine.recorded import Recorded
from pitstop.journal.store import stamp
from pitstop.ports import (
    Audience,
    Clock,
    Crew,
    Fence,
    ParksPrevious,
    Platform,
    StagesCandidates,
    Telemetry,
)


def load(path: Path) -> tuple[config.Settings, dict[str, Any]]:
    """Read and check a configuration; return the settings and the tables as they stand.

    Raises ConfigurationError with every mistake at once, the provider's tables included.
    """
    tables = config.read(path)
    return check(tables, path.read_text(encoding="utf-8")), tables


def check(tables: dict[str, Any], source: str = "") -> config.Settings:
    """Check the tables of a configuration, from a file or from a run's record."""
    settings, problems = config.parse(tables, source)
    given = tables.get("platform")
    provider = _provider(given.get("use")) if isinstance(given, dict) else None
    if provider:
        try:
            _provider_settings(provider, tables)
        except ValidationError as error:
            problems += config.problems(provider, error, source, ("platform",))
    if settings is None or problems:
        raise config.ConfigurationError(config.in_order(problems))
    return settings


def providers() -> dict[str, dict[str, type[config.Part]]]:
    """Return the tables whose keys depend on their ``use``: what may stand there, and its keys."""
    platforms = get_args(config.Platform.model_fields["use"].annotation)
    known = {"platform": {use: _provider(use) for use in platforms}}
    return {
        table: {use: part for use, part in kinds.items() if part} for table, kinds in known.items()
    }


def _provider(use: object) -> type[config.Part] | None:
    """Return what the other keys of ``[platform]`` are checked against."""
    if use == "simulated":
        from pitstop.adapters.simulated import SimulatedSettings

        return SimulatedSettings
    return LocalSettings if use == "local" else None


def _provider_settings(provider: type[config.Part], tables: dict[str, Any]) -> config.Part:
    return provider.model_validate({k: v for k, v in tables["platform"].items() if k != "use"})


def local_platform(
    place: Place, tables: dict[str, Any], runner: Runner, fence: Fence, clock: Clock
) -> LocalPlatform:
    """Return the embedded platform of the configured service."""
    settings = check(tables)
    service = settings.service.name
    given = LocalSettings.model_validate(
        {k: v for k, v in tables["platform"].items() if k != "use"}
    )
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


def forge(place: Place, settings: config.Settings, runner: Runner) -> GitForge:
    """Return the repository and its remote."""
    return GitForge(
        place.repository,
        remote=settings.service.remote,
        main=settings.service.main,
        worktrees=place.worktrees,
        runner=runner,
    )


def claims(place: Place, settings: config.Settings, runner: Runner) -> GitClaims:
    """Return the claims on the remote."""
    return GitClaims(place.repository, remote=settings.service.remote, runner=runner)


def machine(place: Place) -> str:
    """Return a name for this clone on this machine: its claims pass between its own runs."""
    digest = hashlib.sha256(str(place.state).encode()).hexdigest()[:8]
    return f"{socket.gethostname()}/{digest}"


def execute(run: RunFolder, place: Place, heart: Heart) -> Outcome:
    """Run a run's procedure to its end, or until it waits (raises Waiting, Stopped, Fenced)."""
    journal = run.journal(reserve=True)
    declared = journal.lines()[0]
    said = declared["data"]
    rolls_back = said.get("kind") == "rollback"
    fence = (RollbackFence if rolls_back else ServiceFence)(
        place.service(said["incident"]["service"]), run.id
    )
    pit = Recorded(
        journal,
        said["incident"]["owner"],
        fence=fence,
        beat=heart.beat,
    )
    pit.crew = crew(run, place, said["config"], pit, fence, after=journal.lines()[-1]["at"])
    if rolls_back:
        from pitstop.procedures.rollback import roll_back  # users wait: no more than it needs

        outcome = roll_back(pit, Return(**said["incident"]))
    else:
        from pitstop.procedures.hotfix import hotfix

        symptoms = tuple(said["incident"]["symptoms"])
        outcome = hotfix(pit, Incident(**(said["incident"] | {"symptoms": symptoms})))
    pit.close()
    run.note_over()
    return outcome


def crew(
    run: RunFolder,
    place: Place,
    tables: dict[str, Any],
    pit: Recorded,
    fence: ServiceFence,
    after: str,
) -> Crew:
    """Return the adapters of one run; everything that waits ticks the run's pit."""
    settings = check(tables)
    runner = Runner(pit.tick)
    clock = SystemClock(pit.tick, floor=datetime.fromisoformat(after))
    platform, telemetry = _platform(place, tables, runner, fence, clock)
    held = HeldClaim(
        claims(place, settings, runner),
        background=claims(place, settings, Runner()),
        service=settings.service.name,
        owner=pit.owner,
        run=run.id,
        machine=machine(place),
        now=lambda: stamp(clock.now()),
        pause=clock.pause,
    )
    held.keep_alive()
    return Crew(
        settings=settings,
        platform=platform,
        forge=forge(place, settings, runner),
        telemetry=telemetry,
        audiences=audiences(settings, place, run, clock),
        commands=ShellCommands(runner, run.output, secrets(settings)),
        clock=clock,
        claims=held,
        record=RunRecord(pit, place.runs),
    )


def _platform(
    place: Place, tables: dict[str, Any], runner: Runner, fence: Fence, clock: Clock
) -> tuple[Platform, Telemetry]:
    settings = check(tables)
    if tables["platform"]["use"] == "simulated":
        from pitstop.adapters import simulated

        name = settings.service.name
        kept = place.service(name) / "simulated.json"
        code = forge(place, settings, runner)
        world = simulated.World.kept(kept, name, code.main_release, clock.now())
        return simulated.SimulatedPlatform(world, fence, clock), simulated.SimulatedTelemetry(world)
    local = local_platform(place, tables, runner, fence, clock)
    return local, AccessLog(local.access_logs)


def audiences(
    settings: config.Settings, place: Place, run: RunFolder, clock: Clock
) -> tuple[Audience, ...]:
    """Return who must hear it."""
    found: list[Audience] = []
    for name, audience in settings.audiences.items():
        if audience.file:
            found.append(FileAudience(name, place.repository / audience.file))
        url = audience.webhook
        if isinstance(url, config.Secret):
            if not os.environ.get(url.env):
                found.append(Unreachable(name, f"{url.env} is not set where this run executes"))
                continue
            url = os.environ[url.env]
        if url:
            found.append(WebhookAudience(name, url, run.path / "announced", clock.pause))
    return tuple(found)


def secrets(settings: config.Settings) -> list[str]:
    """Return the values that no output may show."""
    named = [
        a.webhook.env for a in settings.audiences.values() if isinstance(a.webhook, config.Secret)
    ]
    return [os.environ[name] for name in named if os.environ.get(name)]


def missing_abilities(tables: dict[str, Any]) -> list[str]:
    """Return what this platform cannot do, and what happens instead."""
    from pitstop.adapters.simulated import SimulatedPlatform

    known = {"local": LocalPlatform, "simulated": SimulatedPlatform}
    platform = known[tables["platform"]["use"]]
    missing = []
    if not issubclass(platform, StagesCandidates):
        missing.append("it runs no release beside production; the fix is tried on users at once")
    if not issubclass(platform, ParksPrevious):
        missing.append("it does not keep the previous release warm; a rollback starts it first")
    return missing

"""pitstop.toml → crew and engine: the only file that names concrete classes."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pitstop import config
from pitstop.adapters._run import Runner
from pitstop.adapters.calendars import TeamCalendar
from pitstop.adapters.commands import ShellCommands
from pitstop.adapters.forges.claims import GitClaims
from pitstop.adapters.forges.git import GitForge
from pitstop.adapters.forges.known_bad import GitKnownBad
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
    Backup,
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
    problems += _backup_problems(tables, source)
    if settings is None or problems:
        raise config.ConfigurationError(config.in_order(problems))
    return settings


def _provider(use: object) -> type[config.Part] | None:
    """Return what the other keys of ``[platform]`` are checked against."""
    if use == "simulated":
        from pitstop.adapters.simulated import SimulatedSettings

        return SimulatedSettings
    return LocalSettings if use == "local" else None


def _provider_settings(provider: type[config.Part], tables: dict[str, Any]) -> config.Part:
    return provider.model_validate({k: v for k, v in tables["platform"].items() if k != "use"})


def _backup_problems(tables: dict[str, Any], source: str) -> list[str]:
    """Return the mistakes in the keys of ``[backup]`` that belong to its adapter."""
    given = tables.get("backup")
    kind = _backup_kind(given.get("use")) if isinstance(given, dict) else None
    if not (kind and given):
        return []
    try:
        kind.model_validate({k: v for k, v in given.items() if k != "use"})
    except ValidationError as error:
        return config.problems(kind, error, source, ("backup",))
    return []


def _backup_kind(use: object) -> type[config.Part] | None:
    """Return what the other keys of ``[backup]`` are checked against."""
    if use == "postgres":
        from pitstop.adapters.backups.postgres import PostgresSettings

        return PostgresSettings
    if use == "sqlite":
        from pitstop.adapters.backups.sqlite import SqliteSettings

        return SqliteSettings
    if use == "command":
        from pitstop.adapters.backups.command import CommandSettings

        return CommandSettings
    if use == "simulated":
        from pitstop.adapters.simulated import SimulatedSettings

        return SimulatedSettings
    return None


def backup(
    place: Place,
    tables: dict[str, Any],
    runner: Runner,
    clock: Clock,
    progress: Callable[[int], None] = lambda _: None,
) -> Backup | None:
    """Return the configured backups; ``progress`` hears how many bytes are written."""
    given = tables.get("backup")
    kind = _backup_kind(given["use"]) if given else None
    if not (given and kind):
        return None
    settings: Any = kind.model_validate({k: v for k, v in given.items() if k != "use"})
    service = tables["service"]["name"]
    if given["use"] == "simulated":
        from pitstop.adapters import simulated

        kept = place.service(service) / "simulated-backups.json"
        world = simulated.World.kept(kept, service, lambda: ("", ""), clock.now())
        return simulated.SimulatedBackup(world, clock)
    from pitstop.adapters.backups._store import Store

    folder = place.repository / (settings.folder or place.service(service) / "backups")
    store = Store(folder, settings, given["use"], runner=runner, clock=clock)
    if given["use"] == "postgres":
        from pitstop.adapters.backups.postgres import PostgresBackup

        return PostgresBackup(settings, store, progress)
    if given["use"] == "sqlite":
        from pitstop.adapters.backups.sqlite import SqliteBackup

        return SqliteBackup(settings, store, progress, repository=place.repository)
    from pitstop.adapters.backups.command import CommandBackup

    return CommandBackup(settings, store, progress, repository=place.repository)


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


def calendar(place: Place, settings: config.Settings) -> TeamCalendar:
    """Return the team's windows and freezes."""
    return TeamCalendar(settings.calendar, place.repository)


def known_bad(place: Place, settings: config.Settings, runner: Runner) -> GitKnownBad:
    """Return the commits that production was returned from."""
    service = settings.service
    return GitKnownBad(place.repository, service.name, remote=service.remote, runner=runner)


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
        calendar=calendar(place, settings),
        known_bad=known_bad(place, settings, runner),
        backup=backup(place, tables, runner, clock),
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
    extra = (settings.backup.model_extra or {}) if settings.backup else {}
    named += [value["env"] for value in extra.values() if isinstance(value, dict)]
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

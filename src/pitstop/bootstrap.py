"""pitstop.toml → crew and engine: the only file that names concrete classes."""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from pitstop import config
from pitstop.adapters import plugins
from pitstop.adapters._run import Runner
from pitstop.adapters.calendars import TeamCalendar
from pitstop.adapters.commands import ShellCommands
from pitstop.adapters.forges.approvals import GitAnswers
from pitstop.adapters.forges.claims import GitClaims
from pitstop.adapters.forges.git import GitForge
from pitstop.adapters.forges.known_bad import GitKnownBad
from pitstop.adapters.forges.proposals import Proposals
from pitstop.adapters.hooks import HookFolder
from pitstop.adapters.notifiers.file import FileAudience
from pitstop.adapters.notifiers.unreachable import Unreachable
from pitstop.adapters.notifiers.webhook import WebhookAudience
from pitstop.adapters.platforms.local import LocalPlatform, LocalSettings
from pitstop.adapters.telemetry.access_log import AccessLog
from pitstop.adapters.telemetry.unheard import Unheard
from pitstop.domain.change import Branch
from pitstop.domain.incident import Incident, Return
from pitstop.domain.verdict import Outcome
from pitstop.engine.claim import HeldClaim
from pitstop.engine.clock import SystemClock
from pitstop.engine.fence import RollbackFence, ServiceFence
from pitstop.engine.hooked import Hooked
from pitstop.engine.ownership import Heart, RunFolder
from pitstop.engine.place import Place
from pitstop.engine.record import RunRecord
from pitstop.engine.recorded import SAID_BY_PEOPLE, Recorded
from pitstop.journal.status import status
from pitstop.journal.store import Journal, stamp
from pitstop.ports import (
    Audience,
    Backup,
    Clock,
    Commands,
    Crew,
    Fence,
    ParksPrevious,
    Platform,
    StagesCandidates,
    Telemetry,
    WritesAccessLog,
)

BUILT_IN = ("local", "shell", "simulated")


def load(path: Path) -> tuple[config.Settings, dict[str, Any]]:
    """Read and check a configuration; return the settings and the tables as they stand.

    Raises ConfigurationError with every mistake at once, the provider's tables included.
    """
    tables = config.read(path)
    return check(tables, path.read_text(encoding="utf-8")), tables


def check(tables: dict[str, Any], source: str = "") -> config.Settings:
    """Check the tables of a configuration, from a file or from a run's record."""
    settings, problems = config.parse(tables, source)
    problems += _problems_of_adapters(tables, source)
    problems += _backup_problems(tables, source)
    problems += config.unknown_audiences(settings, source) if settings else []
    if settings is None or problems:
        raise config.ConfigurationError(config.in_order(problems))
    return settings


def providers() -> dict[str, dict[str, type[config.Part]]]:
    """Return the tables whose keys depend on their ``use``: what may stand there, and its keys."""
    platforms = {use: _built_in(use) for use in BUILT_IN}
    platforms |= {use: _keys_of(use) for use in plugins.names(plugins.PLATFORMS)}
    kinds = get_args(config.Backup.model_fields["use"].annotation)
    known = {"platform": platforms, "backup": {use: _backup_kind(use) for use in kinds}}
    return {
        table: {use: part for use, part in kinds.items() if part} for table, kinds in known.items()
    }


def _keys_of(use: str) -> type[config.Part] | None:
    """Return what a plug-in's keys are checked against; None where it cannot be loaded."""
    try:
        factory = plugins.find(plugins.PLATFORMS, use)
    except plugins.Unusable:
        return None
    return factory.Settings if factory else None


def _problems_of_adapters(tables: dict[str, Any], source: str) -> list[str]:
    """Return what is wrong with the tables of adapters, each by the adapter's own settings."""
    found, given = [], _table(tables, "platform")
    provider = _built_in(given.get("use"))
    if provider:
        try:
            provider.model_validate(_own(given))
        except ValidationError as error:
            found += config.problems(provider, error, source, ("platform",))
    else:
        found += plugins.checked(plugins.PLATFORMS, given, ("platform",), source, BUILT_IN)
    for name in (audiences := _table(tables, "audiences")):
        path, brought = ("audiences", name, "plugin"), _table(_table(audiences, name), "plugin")
        found += plugins.checked(plugins.NOTIFIERS, brought, path, source, ())
    return found


def _table(tables: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a table; an empty one where something else stands, which is somebody else's finding."""
    found = tables.get(name)
    return found if isinstance(found, dict) else {}


def _own(table: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in table.items() if k != "use"}


def _built_in(use: object) -> type[config.Part] | None:
    """Return what the other keys of ``[platform]`` are checked against, if it is one of ours."""
    if use == "simulated":
        from pitstop.adapters.simulated import SimulatedSettings

        return SimulatedSettings
    if use == "shell":
        from pitstop.adapters.platforms.shell import ShellSettings

        return ShellSettings
    return LocalSettings if use == "local" else None


def _backup_problems(tables: dict[str, Any], source: str) -> list[str]:
    """Return the mistakes in the keys of ``[backup]`` that belong to its adapter."""
    given = tables.get("backup")
    kind = _backup_kind(given.get("use")) if isinstance(given, dict) else None
    if not (kind and given):
        return []
    try:
        kind.model_validate(_own(given))
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
    settings: Any = kind.model_validate(_own(given))
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
    given = LocalSettings.model_validate(_own(tables["platform"]))
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
        also=settings.merge.also,
        keep=settings.merge.keep,
    )


def claims(place: Place, settings: config.Settings, runner: Runner) -> GitClaims:
    """Return the claims on the remote."""
    return GitClaims(place.repository, remote=settings.service.remote, runner=runner)


def answers(place: Place, settings: config.Settings, runner: Runner) -> GitAnswers:
    """Return what colleagues say through the remote."""
    return GitAnswers(place.repository, remote=settings.service.remote, runner=runner)


def proposals(place: Place, settings: config.Settings, runner: Runner) -> Proposals:
    """Return the hotfixes that other clones have published."""
    service = settings.service
    return Proposals(place.repository, remote=service.remote, main=service.main, runner=runner)


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
        Hooked(pit).ended(outcome)
    else:
        from pitstop.procedures.hotfix import hotfix

        hooked = Hooked(pit)
        outcome = hotfix(hooked, incident_of(said))
        hooked.ended(outcome)
    pit.close()
    run.note_over()
    return outcome


def try_out(run: RunFolder, place: Place, show: Callable[[Any], None]) -> Outcome:
    """Ask what ship would say of a run's worktree, in a journal of its own that nobody keeps.

    ``show`` gets each of its lines. What people said of the run counts.
    """
    from pitstop.procedures.check import check as ask

    lines = run.lines()
    said, state = lines[0]["data"], status(lines)
    journal = Shown(show, lines[0]["run"])
    for line in (lines[0], *(one for one in lines if one["event"] in SAID_BY_PEOPLE)):
        journal.repeat(line)
    fence = ServiceFence(place.service(said["incident"]["service"]), run.id)
    pit = Recorded(journal, said["incident"]["owner"], fence=fence)
    with tempfile.TemporaryDirectory(prefix="pitstop-check-") as output:
        whole = crew(run, place, said["config"], pit, fence, after=lines[-1]["at"], alive=False)
        commands = ShellCommands(Runner(pit.tick), Path(output), secrets(whole.settings))
        pit.crew = replace(whole, commands=commands)
        cut = Branch(
            state["branch"], state["worktree"], state["base_commit"], state["not_deployed"]
        )
        return ask(pit, incident_of(said), cut)


class Shown(Journal):
    """A journal in memory whose new lines somebody looks at."""

    def __init__(self, show: Callable[[Any], None], run: str) -> None:
        super().__init__(":memory:", run, create=True)
        self._show = show

    def repeat(self, line: Any) -> None:
        """Take over a line of another journal, unseen."""
        super().append(line["event"], line["data"], by=line["by"], step=line["step"])

    def append(self, event: str, data: Any, **more: Any) -> tuple[Any, bool]:
        """Write a line, and show it."""
        line, new = super().append(event, data, **more)
        if new:
            self._show(line)
        return line, new


def incident_of(said: dict[str, Any]) -> Incident:
    """Return the incident that a run's first line declares."""
    several = {name: tuple(said["incident"].get(name, ())) for name in ("symptoms", "answers")}
    return Incident(**(said["incident"] | several))


def crew(
    run: RunFolder,
    place: Place,
    tables: dict[str, Any],
    pit: Recorded,
    fence: ServiceFence,
    after: str,
    *,
    alive: bool = True,
) -> Crew:
    """Return the adapters of one run; everything that waits ticks the run's pit."""
    settings = check(tables)
    runner = Runner(pit.tick)
    clock = SystemClock(pit.tick, floor=datetime.fromisoformat(after))
    commands = ShellCommands(runner, run.output, secrets(settings))
    platform, telemetry = _platform(place, tables, runner, fence, clock, commands)
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
    if alive:
        held.keep_alive()
    return Crew(
        settings=settings,
        platform=platform,
        forge=forge(place, settings, runner),
        telemetry=telemetry,
        audiences=audiences(settings, place, run, clock),
        commands=commands,
        clock=clock,
        claims=held,
        record=RunRecord(pit, place.runs),
        calendar=calendar(place, settings),
        known_bad=known_bad(place, settings, runner),
        backup=backup(place, tables, runner, clock),
        answers=answers(place, settings, runner),
        hooks=HookFolder(place.repository),
    )


def _platform(
    place: Place,
    tables: dict[str, Any],
    runner: Runner,
    fence: Fence,
    clock: Clock,
    commands: Commands,
) -> tuple[Platform, Telemetry]:
    settings, use = check(tables), tables["platform"]["use"]
    if use == "local":
        local = local_platform(place, tables, runner, fence, clock)
        return local, AccessLog(local.access_logs)
    if use == "simulated":
        from pitstop.adapters import simulated

        name = settings.service.name
        kept = place.service(name) / "simulated.json"
        code = forge(place, settings, runner)
        world = simulated.World.kept(kept, name, code.main_release, clock.now())
        return simulated.SimulatedPlatform(world, fence, clock), simulated.SimulatedTelemetry(world)
    platform = _brought(tables["platform"], _tools(place, settings, runner, fence, clock, commands))
    return platform, _telemetry(platform, place, tables)


def _brought(table: dict[str, Any], tools: plugins.Tools) -> Platform:
    """Return a platform that is made of settings and tools: a plug-in, and ``shell`` like one."""
    if table["use"] == "shell":
        from pitstop.adapters.platforms.shell import ShellSettings, shell

        return shell(ShellSettings.model_validate(_own(table)), tools)
    made: Platform = plugins.made(plugins.PLATFORMS, table, tools)
    return made


def _tools(
    place: Place,
    settings: config.Settings,
    runner: Runner,
    fence: Fence,
    clock: Clock,
    commands: Commands,
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
    )


def _telemetry(platform: Platform, place: Place, tables: dict[str, Any]) -> Telemetry:
    """Return who counts the requests: the platform itself, its access log, or nobody."""
    if isinstance(platform, Telemetry):
        return platform
    if isinstance(platform, WritesAccessLog):
        return AccessLog(platform.access_logs)
    log = tables["platform"].get("access_log")
    if isinstance(log, str):
        return AccessLog(lambda: [place.repository / log])
    return Unheard("Set platform.access_log to a file of JSON lines, or decide by hand.")


def platform(place: Place, tables: dict[str, Any], fence: Fence) -> Platform:
    """Return the platform as a command looks at it that is no run."""
    settings = check(tables)
    runner = Runner()
    output = place.service(settings.service.name) / "output"
    output.mkdir(parents=True, exist_ok=True)
    clock, commands = SystemClock(lambda: None), ShellCommands(runner, output, secrets(settings))
    return _platform(place, tables, runner, fence, clock, commands)[0]


def audiences(
    settings: config.Settings, place: Place, run: RunFolder, clock: Clock
) -> tuple[Audience, ...]:
    """Return who must hear it."""
    found: list[Audience] = []
    for name, audience in settings.audiences.items():
        if audience.file:
            found.append(FileAudience(name, place.repository / audience.file))
        if audience.plugin:
            found.append(_plugged_in(name, audience.plugin, run, clock))
        url = audience.webhook
        if isinstance(url, config.Secret):
            if not os.environ.get(url.env):
                found.append(Unreachable(name, f"{url.env} is not set where this run executes"))
                continue
            url = os.environ[url.env]
        if url:
            found.append(WebhookAudience(name, url, run.path / "announced", clock.pause))
    return tuple(found)


def _plugged_in(name: str, plugin: config.Plugin, run: RunFolder, clock: Clock) -> Audience:
    tools = plugins.NotifierTools(name, run.path / "announced" / plugin.use, clock)
    try:
        made: Audience = plugins.made(plugins.NOTIFIERS, plugin.model_dump(), tools)
    except plugins.Unusable as unusable:
        return Unreachable(name, str(unusable))
    return made


def secrets(settings: config.Settings) -> list[str]:
    """Return the values that no output may show."""
    webhooks = [audience.webhook for audience in settings.audiences.values()]
    named = [webhook.env for webhook in webhooks if isinstance(webhook, config.Secret)]
    named += _named(settings.platform.model_extra)
    named += _named(settings.backup.model_extra) if settings.backup else []
    for audience in settings.audiences.values():
        named += _named(audience.plugin.model_extra) if audience.plugin else []
    return [os.environ[name] for name in named if os.environ.get(name)]


def _named(value: object) -> list[str]:
    """Return the variables that ``{ env = "NAME" }`` names anywhere in an adapter's own tables."""
    if not isinstance(value, dict):
        return []
    name = value.get("env")
    if set(value) == {"env"} and isinstance(name, str):
        return [name]
    return [found for each in value.values() for found in _named(each)]


def missing_abilities(tables: dict[str, Any]) -> list[str]:
    """Return what this platform cannot do, and what happens instead."""
    platform = _kind(tables)
    missing = []
    if not issubclass(platform, StagesCandidates):
        missing.append("it runs no release beside production; the fix is tried on users at once")
    if not issubclass(platform, ParksPrevious):
        missing.append("it does not keep the previous release warm; a rollback starts it first")
    if tables["platform"]["use"] == "shell":
        missing += _missing_commands(tables["platform"])
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

        return kind(ShellSettings.model_validate(_own(tables["platform"])))
    factory = plugins.find(plugins.PLATFORMS, use)
    return factory if isinstance(factory, type) else object


def _missing_commands(given: dict[str, Any]) -> list[str]:
    missing = []
    if "rollback" not in given:
        missing.append("it has no rollback command; a rollback is a deploy of the old commit")
    if "list" not in given:
        missing.append("it lists no deployments; only what was seen in service can be returned to")
    if "access_log" not in given:
        missing.append("it counts no requests; a person decides whether errors went away")
    return missing

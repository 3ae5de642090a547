"""A run: its crew, its engine, its procedure."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pitstop import config
from pitstop.adapters import plugins
from pitstop.adapters._run import Runner
from pitstop.adapters.commands import ShellCommands
from pitstop.adapters.hooks import HookFolder
from pitstop.adapters.notifiers.file import FileAudience
from pitstop.adapters.notifiers.unreachable import Unreachable
from pitstop.adapters.notifiers.webhook import WebhookAudience
from pitstop.bootstrap.backups import backup
from pitstop.bootstrap.platforms import both
from pitstop.bootstrap.repository import answers, calendar, claims, forge, known_bad, machine
from pitstop.bootstrap.tables import check, secrets
from pitstop.bootstrap.telemetry import whole
from pitstop.domain.change import Branch, Change
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
from pitstop.journal.shown import Shown
from pitstop.journal.status import status
from pitstop.journal.store import stamp
from pitstop.ports import Audience, Clock, Crew


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


def try_out(run: RunFolder, place: Place, show: Callable[[Any], None]) -> Change:
    """Return what a run's worktree would ship, if nothing stands against it. Raises Failed.

    It is asked in a journal of its own that nobody keeps; ``show`` gets each of its lines. What
    people said of the run counts.
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
    platform, telemetry = both(place, tables, runner, fence, clock, commands)
    if tables["platform"]["use"] != "simulated":
        telemetry = whole(telemetry, tables, platform, place, run.output, alive=alive)
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
        record=RunRecord(pit, place.runs, run.output / "traffic.jsonl"),
        calendar=calendar(place, settings),
        known_bad=known_bad(place, settings, runner),
        backup=backup(place, tables, runner, clock),
        answers=answers(place, settings, runner),
        hooks=HookFolder(place.repository),
    )


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

"""``pitstop doctor``: every prerequisite, each with its remedy; nothing is changed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pitstop.cli import common

if TYPE_CHECKING:
    from pitstop.config import Settings
    from pitstop.domain.change import Finding
    from pitstop.engine.place import Place


def doctor(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop doctor``."""
    parser.description = (
        "Check every prerequisite: ok, warning or failed, with what to do about it."
    )
    parser.epilog = "example:\n  pitstop doctor"
    parser.add_argument("--json", action="store_true")
    return run_doctor


COMMANDS = {"doctor": doctor}


def run_doctor(args: argparse.Namespace) -> int:
    """Print the findings; exit 1 if one failed, 2 if the configuration cannot be used."""
    from pitstop.config import ConfigurationError

    here = common.place(args)
    usable = True
    try:
        findings = _findings(here)
    except ConfigurationError as wrong:
        from pitstop.cli.findings import machine

        findings = [*_mistakes(wrong.problems), machine.writable(here)]
        usable = False
    if args.json:
        print(json.dumps([vars(finding) for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            print(f"{finding.status:<8} {finding.name}: {finding.said}")
            if finding.remedy and finding.status != "ok":
                print(f"         → {finding.remedy}")
    failed = any(finding.status == "failed" for finding in findings)
    return int(failed) if usable else 2


def _mistakes(problems: list[str]) -> list[Finding]:
    from pitstop.domain.change import Finding

    return [Finding("configuration", "failed", said) for said in problems]


def _findings(here: Place) -> list[Finding]:
    """Return every finding, from what everything needs to what is only convenient."""
    from pitstop import bootstrap
    from pitstop.adapters._run import Runner
    from pitstop.cli.findings import (
        calendars,
        commands,
        debts,
        editor,
        hooks,
        machine,
        people,
        traffic,
    )
    from pitstop.cli.local import platform_of
    from pitstop.cli.measured import measured
    from pitstop.domain.change import Finding

    settings, tables = bootstrap.load(here.config)
    local = settings.platform.use == "local"
    elsewhere = [] if local else [machine.room(here), *_platform(here, settings, tables)]
    return [
        Finding("configuration", "ok", f"{here.config.name} is complete"),
        *editor.findings(here.config),
        *bootstrap.forge(here, settings, Runner()).findings(),
        *(platform_of(here)[0].findings() if local else elsewhere),
        *(traffic.findings(measured(here)) if settings.platform.use != "simulated" else []),
        *_backup(here),
        machine.writable(here),
        *machine.clock(here, settings),
        *calendars.findings(here, settings),
        *commands.findings(here.top, settings),
        *people.findings(here, settings),
        *hooks.findings(here.top),
        *machine.secrets(settings),
        *debts.findings(here),
    ]


def _backup(here: Place) -> list[Finding]:
    from pitstop.cli.backup import configured

    found = configured(here)
    return found.findings() if found else []


def _platform(here: Place, settings: Settings, tables: dict[str, Any]) -> list[Finding]:
    from pitstop import bootstrap
    from pitstop.engine.fence import ServiceFence

    if settings.platform.use == "simulated":
        return []  # its world is opened by the first run
    fence = ServiceFence(here.service(settings.service.name))
    return bootstrap.platform(here, tables, fence).findings()

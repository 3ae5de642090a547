"""``pitstop doctor``: every prerequisite, each with its remedy; nothing is changed."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import shlex
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pitstop.cli import common

if TYPE_CHECKING:
    from pitstop.config import Settings
    from pitstop.domain.change import Finding
    from pitstop.engine.place import Place

_BUILT_IN = {"cd", "exec", "export", "set", "source", ".", "test", "eval", "if", "for", "while"}
# what acts: the platform's own findings try what only looks
_COMMANDS = ("build", "start", "deploy", "rollback", "stage", "discard")
_ROOM = 200_000_000  # bytes that a release, its journal and its logs may need


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
        findings, usable = [*_mistakes(wrong.problems), _writable(here)], False
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
    from pitstop import bootstrap
    from pitstop.adapters._run import Runner
    from pitstop.cli.local import platform_of
    from pitstop.domain.change import Finding

    settings, tables = bootstrap.load(here.config)
    findings = [Finding("configuration", "ok", f"{here.config.name} is complete")]
    findings += bootstrap.forge(here, settings, Runner()).findings()
    if settings.platform.use == "local":
        findings += platform_of(here)[0].findings()
    else:
        findings += [_room(here), *_findings_of_platform(here, settings, tables)]
    findings += _backup(here)
    findings += [_writable(here), *_programs(here, settings), *_secrets(settings)]
    return findings


def _backup(here: Place) -> list[Finding]:
    from pitstop.cli.backup import configured

    found = configured(here)
    return found.findings() if found else []


def _findings_of_platform(here: Place, settings: Settings, tables: dict[str, Any]) -> list[Finding]:
    from pitstop import bootstrap
    from pitstop.engine.fence import ServiceFence

    if settings.platform.use == "simulated":
        return []  # its world is opened by the first run
    fence = ServiceFence(here.service(settings.service.name))
    return bootstrap.platform(here, tables, fence).findings()


def _room(here: Place) -> Finding:
    from pitstop.domain.change import Finding

    free = shutil.disk_usage(here.repository).free
    said = f"{free / 1e6:.0f} MB free"
    if free < _ROOM:
        return Finding("disk", "failed", said, f"free {_ROOM / 1e6:.0f} MB where the repository is")
    return Finding("disk", "ok", said)


def _writable(here: Place) -> Finding:
    from pitstop.domain.change import Finding

    folder = here.state
    while not folder.exists():
        folder = folder.parent
    if os.access(folder, os.W_OK):
        return Finding("state", "ok", f"{here.state} can be written")
    return Finding(
        "state", "failed", f"{here.state} cannot be written", "or set PITSTOP_STATE=FOLDER"
    )


def _programs(here: Place, settings: Settings) -> list[Finding]:
    """Warn where no test would run, and say which programs of the commands are not installed."""
    from pitstop.domain.change import Finding

    checks, found = settings.checks, []
    if not checks.targeted and not checks.smoke:
        remedy = "set checks.targeted and checks.smoke in pitstop.toml"
        found.append(Finding("checks", "warning", "no test would run before a deploy", remedy))
    commands = {f"checks.{name}": getattr(checks, name) for name in ("setup", "targeted", "smoke")}
    extra = settings.platform.model_extra or {}
    commands |= {f"platform.{name}": extra.get(name) for name in _COMMANDS}
    for name, command in commands.items():
        program = _program(command or "")
        if program and not _there(here, program):
            remedy = f"install {program}, or change {name}"
            found.append(Finding(name, "failed", f"{program} is not installed", remedy))
    return found


def _program(command: str) -> str | None:
    """Return the program that a shell command begins with; None where that takes a shell to tell."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    words = list(itertools.dropwhile(lambda word: re.match(r"[A-Za-z_]\w*=", word), words))
    known = words and re.fullmatch(r"[\w./+@~-]+", words[0])
    return words[0] if known and words[0] not in _BUILT_IN else None


def _there(here: Place, program: str) -> bool:
    """Return whether a program is on PATH, or lies in the repository, where it is meant to run."""
    return bool(shutil.which(program)) or ("/" in program and (here.top / program).exists())


def _secrets(settings: Settings) -> list[Finding]:
    from pitstop.config import Secret
    from pitstop.domain.change import Finding

    found = []
    for name, audience in settings.audiences.items():
        if isinstance(audience.webhook, Secret) and not os.environ.get(audience.webhook.env):
            remedy = f"export {audience.webhook.env}=..."
            said = f"{audience.webhook.env} is not set, so {name} would not hear"
            found.append(Finding(f"audiences.{name}", "warning", said, remedy))
    return found

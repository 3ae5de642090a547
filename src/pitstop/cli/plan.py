"""``pitstop plan``: the steps that ship would run, rehearsed in memory with this team's commands."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from pitstop.cli import common


def plan(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop plan``."""
    parser.description = "Show the steps that ship would run, and what the platform cannot do."
    parser.epilog = "example:\n  pitstop plan"
    common.add_id(parser)
    parser.add_argument("--json", action="store_true")
    return run_plan


COMMANDS = {"plan": plan}


def run_plan(args: argparse.Namespace) -> int:
    """Rehearse a good day and print its steps."""
    from pitstop import bootstrap, rehearsal

    here = common.place(args)
    if args.id:
        tables = common.find(here, args.id).lines()[0]["data"]["config"]
        settings = bootstrap.check(tables)
    else:
        settings, tables = bootstrap.load(here.config)
    steps = rehearsal.rehearsed_steps(settings, tables)
    missing = bootstrap.missing_abilities(tables)
    if args.json:
        print(json.dumps({"steps": steps, "missing": missing}))
        return 0
    _print(steps, missing)
    return 0


def _print(steps: list[dict[str, Any]], missing: list[str]) -> None:
    phase = ""
    for number, step in enumerate(steps, 1):
        if step["phase"] != phase:
            phase = step["phase"]
            print(f"{phase.replace('_', ' ')}")
        print(f"  {number:>2}. {step['title']}")
        if step["detail"]:
            print(f"      {step['detail']}")
    for ability in missing:
        print(f"missing: {ability}")

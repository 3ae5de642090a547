"""``pitstop start``: declare, triage, claim, cut the branch in a worktree of its own."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pitstop.cli import common
from pitstop.engine.ownership import RunFolder
from pitstop.engine.place import Place

if TYPE_CHECKING:
    from pitstop.config import Settings


def start(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop start``."""
    from pitstop.domain import incident

    parser.description = "Declare a hotfix and get a worktree cut from what is deployed."
    parser.epilog = (
        'example:\n  pitstop start "Checkout answers 500" --impact "nobody can pay" \\\n'
        "      --symptom critical-bug --repro 'curl -fsS $PITSTOP_URL/checkout'"
    )
    parser.add_argument("title", help="the trouble, in a few words")
    parser.add_argument("--impact", required=True, help="what users feel")
    parser.add_argument(
        "--symptom",
        action="append",
        required=True,
        choices=incident.SYMPTOMS,
        metavar="NAME",
        help=f"repeatable: {', '.join(incident.SYMPTOMS)}",
    )
    parser.add_argument("--severity", choices=incident.SEVERITIES, default="P2")
    parser.add_argument(
        "--scenario",
        choices=incident.SCENARIOS,
        metavar="NAME",
        help=f"one of: {', '.join(incident.SCENARIOS)}",
    )
    parser.add_argument("--service", help="the service; the configuration names it")
    parser.add_argument(
        "--repro", metavar="CMD", help="fails while the bug is there ($PITSTOP_URL)"
    )
    parser.add_argument("--cause", metavar="TEXT", help="the root cause, if it is known")
    parser.add_argument(
        "--answer",
        action="append",
        default=[],
        metavar="CRITERION=yes|no",
        help=f"to one of: {', '.join(incident.CRITERIA)}; a no makes it a normal change",
    )
    parser.add_argument("--from", dest="start_from", metavar="COMMIT", help="an existing fix")
    parser.add_argument("--json", action="store_true")
    return run_start


COMMANDS = {"start": start}


def run_start(args: argparse.Namespace) -> int:
    """Declare the run durably, then let its process prepare it."""
    from pitstop import bootstrap
    from pitstop import messages as say
    from pitstop.cli.follow import follow, result
    from pitstop.cli.standing import summary

    here = common.place(args)
    if not args.title.strip() or not args.impact.strip():
        raise common.Usage("The title and --impact must not be empty.")
    _refuse_odd_answers(args.answer)
    settings, tables = bootstrap.load(here.config)
    if args.service and args.service != settings.service.name:
        raise common.Usage(say.allowed("--service", args.service, [settings.service.name]))
    owner = common.actor(here)
    _ready(here, settings)
    run = RunFolder.create(here.runs, say.slug(args.title))
    _declare(run, args, owner, settings, tables)
    state = follow(
        here,
        run,
        lambda s: s["waiting_for"] == "fix" or s["closed_at"] is not None,
        quiet=args.json,
    )
    if state["waiting_for"] != "fix":
        return result(run, state) or 1
    if args.json:
        names = ("id", "branch", "worktree", "base_commit")
        print(json.dumps({name: state[name] for name in names}))
    else:
        print(summary(state))
    return 0


def _refuse_odd_answers(answers: list[str]) -> None:
    from pitstop.domain.incident import CRITERIA
    from pitstop.messages import allowed

    for answer in answers:
        name, _, said = answer.partition("=")
        if name not in CRITERIA or said not in ("yes", "no"):
            known = [f"{one}=yes|no" for one in CRITERIA]
            raise common.Usage(allowed("--answer", answer, known))


def _ready(here: Place, settings: Settings) -> None:
    """Refuse before anything is recorded what cannot work: no remote, no identity, no main."""
    from pitstop import bootstrap
    from pitstop.adapters._run import Runner
    from pitstop.messages import UNCHANGED
    from pitstop.ports import CannotTell, Refused

    forge = bootstrap.forge(here, settings, Runner())
    try:
        forge.fetch()
    except Refused as refused:
        raise common.Usage(str(refused)) from refused
    except CannotTell as silence:
        raise common.CannotDo(f"{silence} {UNCHANGED} Nothing was declared.") from silence
    failed = [finding for finding in forge.findings() if finding.status == "failed"]
    if failed:
        raise common.Usage("\n".join(f"{f.said} {f.remedy}".strip() for f in failed))


def _declare(
    run: RunFolder, args: argparse.Namespace, owner: str, settings: Settings, tables: dict[str, Any]
) -> None:
    from pitstop import __version__

    journal = run.journal(create=True)
    incident = {
        "id": run.id,
        "title": args.title,
        "service": settings.service.name,
        "impact": args.impact,
        "symptoms": args.symptom,
        "owner": owner,
        "declared_at": "",
        "severity": args.severity,
        "scenario": args.scenario,
        "cause": args.cause,
        "repro": args.repro,
        "start_from": args.start_from,
        "answers": args.answer,
    }
    from datetime import UTC, datetime

    from pitstop.journal.store import stamp

    now = datetime.now(UTC)
    incident["declared_at"] = stamp(now)
    budget = settings.severity.of(args.severity).budget or settings.slo.budget
    data = {
        "kind": "hotfix",
        "version": __version__,
        "incident": incident,
        "config": tables,
        "budget_seconds": budget.total_seconds(),
    }
    journal.append("declared", data, by=owner, once="declared", at=now)
    journal.close()

"""``pitstop check``: what triage, guards and tests say of a fix before it is shipped."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pitstop.cli import common

if TYPE_CHECKING:
    from pitstop.engine.ownership import RunFolder


def check(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop check``."""
    parser.description = (
        "Try the fix in its worktree: triage, guards, tests, proof of the fix, conflicts with main. "
        "Nothing else is changed."
    )
    parser.epilog = "example:\n  pitstop check"
    common.add_id(parser)
    parser.add_argument("--json", action="store_true")
    return run_check


COMMANDS = {"check": check}


def run_check(args: argparse.Namespace) -> int:
    """Print what each step says; exit 0 may be shipped, 1 a test failed, 4 a guard says no."""
    from pitstop import bootstrap
    from pitstop.domain.verdict import EXIT_CODES
    from pitstop.flow import Failed

    here = common.place(args)
    run = common.find(here, args.id)
    _ready(run)
    lines: list[dict[str, Any]] = []
    try:
        change = bootstrap.try_out(run, here, lines.append if args.json else _shown())
        verdict, reason, code = "ok", f"tree {change.tree[:12]} may be shipped", 0
    except Failed as failure:
        verdict, reason = failure.outcome, str(failure)
        code = EXIT_CODES[verdict]
    if args.json:
        print(json.dumps(_told(verdict, reason, lines), ensure_ascii=False))
    elif code:
        end = "" if code == EXIT_CODES["declined"] else f"\nTry again: pitstop check {run.id}"
        print(f"{verdict.capitalize()}: {reason}{end}", file=sys.stderr)
    else:
        print(f"Nothing stands against it: {reason}. Then: pitstop ship {run.id} --fix TEXT")
    return code


def _ready(run: RunFolder) -> None:
    state = common.state_of(run)
    if not state["worktree"] or not os.path.isdir(state["worktree"]):
        raise common.Usage(f"{run.id} has no worktree to look at. See: pitstop status {run.id}")
    from pitstop.adapters._run import Runner
    from pitstop.adapters.forges.git import something_to_ship
    from pitstop.domain.change import Branch
    from pitstop.messages import EMPTY_CHANGE

    cut = Branch(state["branch"], state["worktree"], state["base_commit"])
    if not something_to_ship(cut, Runner()):
        raise common.CannotDo(f"{EMPTY_CHANGE}\nThe worktree: {state['worktree']}", 4)


def _shown() -> Callable[[dict[str, Any]], None]:
    from pitstop.journal.timeline import Timeline

    timeline = Timeline()

    def show(line: dict[str, Any]) -> None:
        if text := timeline.say(line):
            print(text, flush=True)

    return show


def _told(verdict: str, reason: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what ``--json`` prints: the word, the reason, and each step's own result."""
    steps = [
        {"step": line["step"], **line["data"]} for line in lines if line["event"] == "finished"
    ]
    return {"verdict": verdict, "reason": reason, "steps": steps}

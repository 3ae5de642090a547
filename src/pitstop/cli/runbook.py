"""``pitstop runbook``: the procedure as a person types it, when pitstop itself is down."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pitstop.cli import at_hand, by_hand, common

if TYPE_CHECKING:
    from pitstop.cli.by_hand import Hand

_STAGES = {
    "declared": "1. Decide, and prepare the hotfix branch",
    "preparing": "1. Decide, and prepare the hotfix branch",
    "checking": "2. Test, and let somebody else look at it",
    "approving": "2. Test, and let somebody else look at it",
    "deploying": "3. Deploy, with the way back laid first",
    "validating": "4. Validate in production",
    "merging": "5. Merge and clean up",
    "watching": "6. Watch and close",
    "closed": "6. Watch and close",
}
_NOT_SHIPPED = ("rollback.return_to", "announce.ended", "learn.mark_known_bad", "learn.close")


def runbook(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop runbook``."""
    parser.description = (
        "Print the procedure as Markdown, each step with the commands that a person types without "
        "pitstop: for any hotfix, or for one with its own values. It reads and changes nothing."
    )
    parser.epilog = (
        "examples:\n  pitstop runbook > RUNBOOK.md\n"
        "  pitstop runbook checkout-answers-500 --remaining"
    )
    common.add_id(parser)
    parser.add_argument(
        "--remaining", action="store_true", help="only what the journal does not say is done"
    )
    return run_runbook


COMMANDS = {"runbook": runbook}


def run_runbook(args: argparse.Namespace) -> int:
    """Print the runbook. No process is started: a person is about to act by hand."""
    from pitstop import bootstrap

    here = common.place(args, wake=False)
    if not (args.id or args.remaining):
        settings, tables = bootstrap.load(here.config)
        print("\n".join(_page(at_hand.hand(here, settings, tables, {}, []), tables, [], {}, False)))
        return 0
    run = common.find(here, args.id)
    lines, state = run.lines(), common.state_of(run)
    if args.remaining and state["closed_at"]:
        print(f"{run.id} is closed: {state['outcome']}. Nothing remains to be done by hand.")
        return 0
    tables = lines[0]["data"]["config"]
    hand = at_hand.hand(here, bootstrap.check(tables), tables, state, lines)
    print("\n".join(_page(hand, tables, lines, state, args.remaining)))
    return 0


# -- the page -----------------------------------------------------------------------------------


def _page(
    hand: Hand,
    tables: dict[str, Any],
    lines: list[Any],
    state: dict[str, Any],
    remaining: bool,
) -> list[str]:
    done, begun = at_hand.done(lines), at_hand.begun(lines)
    body, stage = [], ""
    for row in _rows(hand, tables, lines, state, remaining):
        if remaining and row["step"] in done:
            continue
        if _STAGES.get(row["phase"], "") != stage:
            stage = _STAGES.get(row["phase"], "")
            body += [f"## {stage}", ""]
        task = by_hand.task(row["step"], hand)
        if row["step"] == "rollback.return_to":
            task = by_hand.Task(hand.platform.back, expected="users get what they got before.")
        if row["step"] == "deploy.release" and row["step"] in begun - done:
            task = replace(task, words=f"{_CUT_OFF} {task.words}".strip())
        body += _item(row["title"], task, row["step"] in done)
    return [*_head(hand, state, remaining), *_way_back(hand), *body, *_foot(state)]


_CUT_OFF = (
    "It was begun and cut off: look first what users get; where they get this commit already, "
    "pass this over."
)


def _head(hand: Hand, state: dict[str, Any], remaining: bool) -> list[str]:
    service, title = hand.settings.service.name, state.get("title")
    what = "What remains by hand" if remaining else "By hand"
    head = [f"# {what}: {title}" if title else f"# A hotfix of {service} by hand", ""]
    if state.get("process"):
        head += [
            f"**pitstop is executing this run now (process {state['process']['pid']}). "
            f"Two must not act: `pitstop abort {state['id']} --reason TEXT` first, or end that "
            "process.**",
            "",
        ]
    head += [
        "Type the blocks into one `sh`, in order. Stop where one fails; "
        "`set -e` makes the shell do so.",
        "",
    ]
    named = by_hand.names(hand)
    return [*head, "Fill in what is not known yet:", "", *_fenced(named)] if named else head


def _way_back(hand: Hand) -> list[str]:
    """Return the one block that is not typed in its turn, but when it is needed."""
    back = hand.platform.back or ("# it is not known how to return; ask the platform itself",)
    said = "**The way back**, at any moment, if users are worse off (not part of the order):"
    return [said, "", "```", *back, "```", ""]


def _foot(state: dict[str, Any]) -> list[str]:
    """Say how the record is closed afterwards."""
    if not state or state["closed_at"]:
        return []
    if state["deployment"] or state["ending"] or state["kind"] == "rollback":
        said = f"`pitstop resume {state['id']}` looks at production again, and closes the record."
    else:
        said = (
            f'`pitstop abort {state["id"]} --reason "finished by hand"` closes the record. It knows of '
            "no deploy of its own, so it leaves production as it is."
        )
    return ["---", "", f"When pitstop is back: {said}"]


def _item(title: str, task: Any, done: bool) -> list[str]:
    rows = [f"- [{'x' if done else ' '}] **{title}**", ""]
    rows += [task.words, ""] if task.words else []
    rows += _fenced(task.commands) if task.commands else []
    rows += [f"Expected: {task.expected}", ""] if task.expected else []
    rows += [f"If it fails: {task.otherwise}", ""] if task.otherwise else []
    return rows


def _fenced(commands: Any) -> list[str]:
    return ["```sh", *commands, "```", ""]


# -- what is done, and what is to be done -------------------------------------------------------


def _ends_otherwise(lines: list[Any], state: dict[str, Any]) -> bool:
    """Return whether this run is not on its way to being fixed any more."""
    failed = [
        ln for ln in at_hand.attempt(lines) if ln["event"] == "finished" and not at_hand.well(ln)
    ]
    return bool(failed or state["ending"] or state["outcome"] not in (None, "fixed"))


def _rows(
    hand: Hand, tables: dict[str, Any], lines: list[Any], state: dict[str, Any], remaining: bool
) -> list[dict[str, Any]]:
    """Return the steps: those of a good day, or those of a run that does not end well."""
    from pitstop import rehearsal
    from pitstop.flow import STEPS

    planned = rehearsal.rehearsed_steps(hand.settings, tables)
    if not remaining or not (state["kind"] == "rollback" or _ends_otherwise(lines, state)):
        return planned
    changed = state["kind"] == "rollback" or "deploy.release" in at_hand.begun(lines)
    names = [name for name in _NOT_SHIPPED if changed or not name.startswith("rollback")]
    names = [name for name in names if changed or name != "learn.mark_known_bad"]
    returned = {"rollback.return_to"} if state["returned_to"] else set()
    return [
        {"step": name, "title": STEPS[name].title, "phase": "closed"}
        for name in names
        if name not in returned
    ]

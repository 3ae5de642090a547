"""What a run looks like: status, list, log, watch. Reads only; light to import."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from pitstop.cli import common
from pitstop.engine.ownership import RunFolder
from pitstop.engine.place import Place

TYPE_CHECKING = False  # importing typing costs more than all that is read here
if TYPE_CHECKING:
    from typing import Any


def status(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop status``."""
    parser.description = "Say where one hotfix stands and what production is like."
    parser.epilog = "example:\n  pitstop status --json"
    common.add_id(parser)
    parser.add_argument("--json", action="store_true")
    return run_status


def list_(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop list``."""
    parser.description = "List all hotfixes, the newest last."
    parser.epilog = "example:\n  pitstop list"
    parser.add_argument("--json", action="store_true")
    return run_list


def log(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop log``."""
    parser.description = "Show the journal; --verify checks that nothing in it was changed."
    parser.epilog = "example:\n  pitstop log checkout --verify"
    common.add_id(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object for each line")
    parser.add_argument("--verify", action="store_true", help="check the hash chain")
    return run_log


def watch(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop watch``."""
    parser.description = (
        "Follow a hotfix live until nothing is left to happen. Ctrl-C only stops looking."
    )
    parser.epilog = "example:\n  pitstop watch checkout"
    common.add_id(parser)
    return run_watch


COMMANDS = {"status": status, "list": list_, "log": log, "watch": watch}


def run_status(args: argparse.Namespace) -> int:
    """Print one hotfix's state."""
    state = common.state_of(common.find(common.place(args), args.id))
    if args.json:
        print(json.dumps(state, ensure_ascii=False))
        return 0
    from pitstop.cli.standing import summary

    print(_described(state))
    print(summary(state))
    return 0


def _title(state: dict[str, Any], width: int) -> str:
    """Return a title in one line of so many signs, whatever it holds."""
    shown = "".join(c if c.isprintable() else " " for c in state["title"])
    return shown[:width]


def _described(state: dict[str, Any]) -> str:
    process = state["process"]
    slo = state["slo"]
    rows = [
        ("hotfix", f"{state['id']}  {_title(state, 60)}"),
        ("service", f"{state['service']}  {state['severity'] or ''}"),
        (
            "phase",
            state["phase"]
            + (f" ({state['step']})" if state["step"] and not state["closed_at"] else ""),
        ),
        ("outcome", (state["outcome"] or "open").replace("_", " ")),
        ("owner", state["owner"]),
        ("clock", f"{slo['elapsed_seconds'] / 60:.1f} of {slo['budget_seconds'] / 60:.0f} min"),
    ]
    if state["commit"]:
        rows.append(("commit", f"{state['commit'][:12]}  tree {state['tree'][:12]}"))
    if state["rollback_point"]:
        point = state["rollback_point"]
        rows.append(("way back", f"{point['deployment_id']} at {point['commit'][:12]}"))
    if state["deployment"]:
        rows.append(
            ("deployed", f"{state['deployment']['id']} at {state['deployment']['commit'][:12]}")
        )
    rows += [
        ("gate", f"{gate['name']}: {gate['verdict']}: {gate['reason']}") for gate in state["gates"]
    ]
    if state["tag"]:
        rows.append(("tag", state["tag"]))
    rows.append(
        ("process", f"pid {process['pid']}, beat {process['heartbeat_at']}" if process else "none")
    )
    return "\n".join(f"{name + ':':<10}{text}" for name, text in rows)


def run_list(args: argparse.Namespace) -> int:
    """Print every hotfix, or say that there is none."""
    here = common.place(args)
    read = [common.state_of(run) for run, state in common.states(here, quiet=True)]
    read = [state for state in read if state["kind"] == "hotfix"]
    states = sorted(read, key=lambda state: state["declared_at"])
    if args.json:
        print(json.dumps(states, ensure_ascii=False))
        return 0
    if not states:
        print("No hotfix yet. Declare one: pitstop start TITLE --impact TEXT --symptom NAME")
    width = max((len(s["id"]) for s in states), default=0)
    for state in states:
        stands = (state["outcome"] or state["waiting_for"] or state["phase"]).replace("_", " ")
        if state["waiting_for"]:
            stands = f"waiting for {state['waiting_for']}"
        print(
            f"{state['id']:<{width}}  {state['declared_at'][:16]}Z  {stands:<22}  {_title(state, 40)}"
        )
    return 0


def run_log(args: argparse.Namespace) -> int:
    """Print the journal, or check it."""
    here = common.place(args)
    run = common.find(here, args.id) if args.id else _newest(here)
    lines = run.lines()
    if args.verify:
        from pitstop.journal.chain import broken_at

        broken = broken_at(lines)
        if broken or not lines:
            why = broken[1] if broken else "it is empty"
            raise common.CannotDo(f"The journal of {run.id} does not hold: {why}.")
        _same_as_tagged(here, run, lines)
        head = lines[-1]["hash"]
        if args.json:
            print(json.dumps({"run": run.id, "holds": True, "lines": len(lines), "head": head}))
        else:
            print(f"The journal of {run.id} holds: {len(lines)} lines, head {head}.")
        return 0
    if args.json:
        for line in lines:
            print(json.dumps(line, ensure_ascii=False))
        return 0
    from pitstop.journal.timeline import Timeline

    timeline = Timeline()
    for line in lines:
        if said := timeline.say(line):
            print(said)
    return 0


def _same_as_tagged(here: Place, run: RunFolder, lines: list[dict[str, Any]]) -> None:
    """Compare with the head that stands in the tag: a journal that was shortened is seen."""
    from pitstop.adapters._run import Runner

    words = [
        "git",
        "-C",
        str(here.repository),
        "tag",
        "--list",
        "hotfix-*",
        "--format=%(contents)%00",
    ]
    tags = Runner().run(words, within=30).text.split("\0")
    heads = {line["hash"] for line in lines}
    for text in (text for text in tags if f"\nRun: {run.id}\n" in text):
        head = text.rpartition("Journal: ")[2].split()[0]
        if head not in heads:
            raise common.CannotDo(
                f"The journal of {run.id} does not hold: the tag names head {head[:12]}, which is "
                "not in it. Lines are missing."
            )


def _newest(here: Place) -> RunFolder:
    """Return the open run, or the last one: a log is mostly read afterwards."""
    try:
        return common.find(here, None)
    except common.Usage:
        known = common.states(here, quiet=True)
        if not known:
            raise
        return max(known, key=lambda one: str(one[1]["declared_at"]))[0]


def run_watch(args: argparse.Namespace) -> int:
    """Follow until the run is closed or rests."""
    from pitstop.cli.follow import closed, follow
    from pitstop.cli.standing import summary

    here = common.place(args)
    run = common.find(here, args.id)
    follow(here, run, closed)
    print(summary(common.state_of(run)))
    return 0

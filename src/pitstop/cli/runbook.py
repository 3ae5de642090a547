"""``pitstop runbook``: the procedure as a person types it, when pitstop itself is down."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pitstop.cli import common

if TYPE_CHECKING:
    from pitstop.cli.by_hand import Hand, Platform
    from pitstop.config import Settings
    from pitstop.engine.place import Place

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
_COMMIT, _DEPLOYMENT = "pitstop-COMMIT", "pitstop-DEPLOYMENT"  # stand for what nobody knows yet


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
        print("\n".join(_page(_hand(here, settings, tables, {}, []), tables, [], {}, False)))
        return 0
    run = common.find(here, args.id)
    lines, state = run.lines(), common.state_of(run)
    if args.remaining and state["closed_at"]:
        print(f"{run.id} is closed: {state['outcome']}. Nothing remains to be done by hand.")
        return 0
    tables = lines[0]["data"]["config"]
    hand = _hand(here, bootstrap.check(tables), tables, state, lines)
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
    from pitstop.cli import by_hand

    done, begun = _done(lines), {ln["step"] for ln in _attempt(lines) if ln["event"] == "started"}
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
    from pitstop.cli import by_hand

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
    if not state:
        return []
    return [
        "---",
        "",
        f"When pitstop is back: `pitstop resume {state['id']}` finds what was done, does none of it "
        "twice, and closes the record.",
    ]


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


def _attempt(lines: list[Any]) -> list[Any]:
    """Return the lines of the current attempt."""
    again = [number for number, line in enumerate(lines) if line["event"] == "again"]
    return lines[again[-1] :] if again else lines


def _done(lines: list[Any]) -> set[str]:
    """Return the steps that were done, and well."""
    return {line["step"] for line in _attempt(lines) if line["event"] == "finished" and _well(line)}


def _well(line: Any) -> bool:
    return "no" not in line["data"] and "error" not in line["data"]


def _ends_otherwise(lines: list[Any], state: dict[str, Any]) -> bool:
    """Return whether this run is not on its way to being fixed any more."""
    failed = [ln for ln in _attempt(lines) if ln["event"] == "finished" and not _well(ln)]
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
    begun = {line["step"] for line in _attempt(lines) if line["event"] == "started"}
    changed = state["kind"] == "rollback" or "deploy.release" in begun
    names = [name for name in _NOT_SHIPPED if changed or not name.startswith("rollback")]
    names = [name for name in names if changed or name != "learn.mark_known_bad"]
    returned = {"rollback.return_to"} if state["returned_to"] else set()
    return [
        {"step": name, "title": STEPS[name].title, "phase": "closed"}
        for name in names
        if name not in returned
    ]


# -- what is known ------------------------------------------------------------------------------


def _hand(
    here: Place,
    settings: Settings,
    tables: dict[str, Any],
    state: dict[str, Any],
    lines: list[Any],
) -> Hand:
    from pitstop.cli.by_hand import Hand, Platform

    values = _values(here, settings, state)
    hand = Hand(settings, values, Platform(), repro=state.get("repro"))
    platform, seen = _by_hand_of(here, tables, state, values)
    return replace(
        hand,
        values=values | seen,
        platform=_named(platform, replace(hand, values=values | seen)),
        backup=_backup(here, tables),
        targeted=_targeted(here, settings, lines),
    )


def _values(here: Place, settings: Settings, state: dict[str, Any]) -> dict[str, str]:
    from pitstop import messages as say

    point = state.get("rollback_point") or {}
    known = {
        "REPOSITORY": str(here.repository),
        "WORKTREES": str(here.worktrees),
        "REMOTE": settings.service.remote,
        "MAIN": settings.service.main,
    }
    if not state:
        return known
    own = {
        "ID": state["id"],
        "TITLE": say.one_line(state["title"]),
        "IMPACT": say.one_line(state["impact"] or ""),
        "FIX": say.one_line(state["fix"] or ""),
        "BRANCH": state["branch"] or say.branch(state["id"]),
        "WORKTREE": state["worktree"],
        "BASE": state["base_commit"],
        "COMMIT": state["commit"],
        "TAG": state["tag"] or f"hotfix-{datetime.now(UTC):%Y%m%d-%H%M}",
        "DEPLOYMENT": point.get("deployment_id"),
    }
    return known | {name: value for name, value in own.items() if value}


def _by_hand_of(
    here: Place, tables: dict[str, Any], state: dict[str, Any], values: dict[str, str]
) -> tuple[Platform, dict[str, str]]:
    """Return the platform's acts by hand, and what it says of itself."""
    from pitstop import bootstrap
    from pitstop.cli.by_hand import Platform
    from pitstop.domain.change import Release
    from pitstop.engine.fence import ServiceFence
    from pitstop.ports import ActsByHand, CannotTell, Refused

    service = tables["service"]["name"]
    found = bootstrap.platform(here, tables, ServiceFence(here.service(service)))
    seen: dict[str, str] = {}
    try:
        seen["URL"] = found.address()
    except (Refused, CannotTell):
        pass
    target = values.get("DEPLOYMENT", _DEPLOYMENT)
    if not isinstance(found, ActsByHand):
        back = (found.restore_command(target),)
        return Platform((), back, _asked(tables, seen), _part_of_pitstop(state, tables)), seen
    if state and target == _DEPLOYMENT and not state["deployment"]:
        try:
            running = found.running()
            if running and running.commit == values.get("BASE"):
                seen["DEPLOYMENT"] = target = running.id
        except (Refused, CannotTell):
            pass
    try:
        back = tuple(found.return_commands(target))
    except (Refused, CannotTell):
        back = ()
    release = Release(
        state.get("id", "by-hand"), values.get("COMMIT", _COMMIT), state.get("tree") or ""
    )
    return Platform(tuple(found.deploy_commands(release)), back, tuple(found.look_commands())), seen


def _asked(tables: dict[str, Any], seen: dict[str, str]) -> tuple[str, ...]:
    """Return how the health of the embedded platform is asked for."""
    path = tables["platform"].get("health")
    if not (isinstance(path, str) and "URL" in seen):
        return ()
    import shlex

    return (f"curl --fail --silent --show-error {shlex.quote(seen['URL'] + path)}",)


def _part_of_pitstop(state: dict[str, Any], tables: dict[str, Any]) -> str:
    go_on = f"pitstop resume {state['id']}" if state else "pitstop ship"
    return (
        f"The platform `{tables['platform']['use']}` is driven by pitstop alone, so there is no deploy "
        f"without it: `{go_on}`; what users get: `pitstop local status`. What serves users goes on "
        "serving them."
    )


def _named(platform: Platform, hand: Hand) -> Platform:
    """Put variables where something stands for what is not known."""
    stand_ins = {_COMMIT: "{COMMIT}", _DEPLOYMENT: "{DEPLOYMENT}"}

    def put(rows: tuple[str, ...]) -> tuple[str, ...]:
        for text, name in stand_ins.items():
            if any(text in row for row in rows):
                rows = tuple(row.replace(text, hand.word(name)) for row in rows)
        return rows

    return replace(platform, deploy=put(platform.deploy), back=put(platform.back))


def _targeted(here: Place, settings: Settings, lines: list[Any]) -> str | None:
    """Return the team's command with the change's tests; without a change, as it is configured."""
    from pydantic import TypeAdapter

    from pitstop import bootstrap
    from pitstop.adapters._run import Runner
    from pitstop.domain.change import Change
    from pitstop.steps.checks import targeted_command

    found = [
        line["data"]["value"]
        for line in _attempt(lines)
        if line["event"] == "finished" and line["step"] == "branch.commit" and _well(line)
    ]
    if not found:
        command = settings.checks.targeted
        return command and command.replace("{tests}", "$TESTS").replace("{files}", "$FILES")
    change = TypeAdapter(Change).validate_python(found[-1])
    return targeted_command(bootstrap.forge(here, settings, Runner()), settings.checks, change)


def _backup(here: Place, tables: dict[str, Any]) -> str:
    """Return the command that copies the database to a file beside the worktrees; not encrypted."""
    import shlex

    given = tables.get("backup") or {}
    stamp = f"{tables['service']['name']}-by-hand"
    file = shlex.quote(str(here.worktrees / f"{stamp}.backup"))
    folder = shlex.quote(str(here.worktrees))
    made = f"(umask 077 && mkdir -p {folder} && "
    if given.get("use") == "postgres":
        return f'{made}pg_dump --format=custom --file={file} "${given["database"]["env"]}")'
    if given.get("use") == "sqlite":
        source = shlex.quote(str(here.repository / given["file"]))
        return f"{made}sqlite3 {source} \".backup '\"{file}\"'\")"
    if given.get("use") == "command":
        where = f"cd {shlex.quote(str(here.repository))}"
        return f"{made}{where} && PITSTOP_BACKUP_FILE={file} sh -c {shlex.quote(given['take'])})"
    return ""

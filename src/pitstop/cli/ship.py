"""``pitstop ship`` and ``pitstop resume``: record the request, then follow the run."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pitstop.cli import common
from pitstop.cli.follow import closed, follow, result, shipped
from pitstop.cli.standing import summary
from pitstop.engine import ownership
from pitstop.engine.ownership import RunFolder
from pitstop.engine.place import Place
from pitstop.journal.status import exit_code, may_try_again

_FIT_ALL = (
    "a an and asap because bypass emergency fix fixed force forced go hotfix is it just lgtm na needed no "
    "none of ok okay override overridden please reason skip test the this to urgent xxx yes yolo"
)
_CANNED = frozenset(_FIT_ALL.split())  # they fit every override, and so say nothing about this one
GATES = (
    "scope",
    "bundle",
    "migrations",
    "dependencies",
    "delivery-config",
    "untested",
    "ride-along",
    "known-bad",
    "freeze",
    "approval",
    "verdict",
)


def ship(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop ship``."""
    parser.description = (
        "Bring the fix into production: test, approve, announce, snapshot, deploy, validate, merge."
    )
    parser.epilog = 'example:\n  pitstop ship --fix "missing postcode is no longer an error"'
    common.add_id(parser)
    parser.add_argument("--fix", metavar="TEXT", help="what was changed; goes into the commit")
    parser.add_argument("--yes", action="store_true", help="answer confirmations (never approvals)")
    parser.add_argument("--detach", action="store_true", help="do not follow")
    parser.add_argument("--wait", action="store_true", help="stay until the stability watch ends")
    parser.add_argument(
        "--evidence", action="append", default=[], metavar="TEXT|@FILE", help="manual validation"
    )
    _add_override(parser)
    parser.set_defaults(insist=False)
    return run_ship


def resume(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop resume``."""
    parser.description = "Go on after a crash or an answer, as it was shipped."
    parser.epilog = 'example:\n  pitstop resume --override verdict --because "checked by hand"'
    common.add_id(parser)
    parser.add_argument("--wait", action="store_true", help="stay until the stability watch ends")
    _add_override(parser)
    parser.set_defaults(insist=True)
    return run_resume


def _add_override(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--override", action="append", default=[], choices=GATES, metavar="GATE")
    parser.add_argument("--because", action="append", default=[], metavar="TEXT")


COMMANDS = {"ship": ship, "resume": resume}


def run_ship(args: argparse.Namespace) -> int:
    """Record what is to be shipped, once; a second ship follows the first, or tries again."""
    here = common.place(args)
    run = _to_ship(here, args.id)
    state, seen = common.state_of(run), len(run.lines())
    overrides = _overrides(args)
    _refuse_early_verdict(state, overrides)
    again = may_try_again(state) and _something_new(state, args)
    ships = again or not (state["closed_at"] or state["shipped_at"])
    fix = _fix(here, run, state, args) if ships else ""
    for evidence in args.evidence:
        _record_evidence(here, run, state, evidence)
    record_overrides(here, run, overrides)
    if ships:
        _record_fix(here, run, fix, args.yes, state["attempt"] if again else None)
    elif state["closed_at"] is None:
        _warn_of_what_is_not_shipped(state, args.fix)
    if args.detach and (ships or state["closed_at"] is None):
        if not ownership.executing(run):
            ownership.start_process(run, here.repository)
            common.wait_until_executing(run)
        print(f"{run.id} goes on by itself. Follow it: pitstop watch {run.id}")
        return 7
    return go_on(here, run, wait=args.wait, after=seen, insist=args.insist)


def run_resume(args: argparse.Namespace) -> int:
    """Go on with what was recorded; end a process that does not respond first."""
    here = common.place(args, wake=False)
    run = common.find(here, args.id)
    common.see_to_unwatched(here, but=run.id)
    state = common.state_of(run)
    if state["outcome"] == "fixed" and state["owed"]:
        from pitstop.cli.owed import pay

        pay(here, run, state)
        state = common.state_of(run)
    if state["closed_at"] is not None:
        return result(run, state)
    if state["shipped_at"] is None and state["kind"] == "hotfix":
        raise common.Usage(
            f"{run.id} was not shipped yet, so there is nothing to resume. Type: pitstop ship "
            f"{run.id} --fix TEXT"
        )
    seen = len(run.lines())
    record_overrides(here, run, _overrides(args))
    if ownership.stale(run):
        common.end_hung(run)
    if not ownership.executing(run):
        ownership.start_process(run, here.repository)
        common.wait_until_executing(run)
    return go_on(here, run, wait=args.wait, after=seen, insist=args.insist)


def go_on(here: Place, run: RunFolder, *, wait: bool, after: int, insist: bool) -> int:
    """Follow to where the command ends; show what is new since it began."""
    state = follow(here, run, closed if wait else shipped, after=after, insist=insist)
    if wait and exit_code(state) == 0 and state["watch"]["verdict"]:
        print(f"The stability watch ended: {state['watch']['verdict']}.")
    return result(run, state)


def _to_ship(here: Place, given: str | None) -> RunFolder:
    """Return the run that is meant; where none is open, the only one that can be shipped again."""
    try:
        return common.find(here, given)
    except common.Usage:
        ended = [run for run, state in common.states(here, quiet=True) if may_try_again(state)]
        if given or len(ended) != 1 or common.states(here, quiet=True, unless=("closed",)):
            raise
        return ended[0]


def _something_new(state: dict[str, Any], args: argparse.Namespace) -> bool:
    """Return whether there is a reason to ship again what ended before production was changed."""
    if args.fix or args.override or args.evidence:
        return True
    return state["tree"] is not None and _tree(state) != state["tree"]


def _tree(state: dict[str, Any]) -> str | None:
    """Return the tree that the worktree holds, committed or not; None where it is gone."""
    from pitstop.adapters._run import Runner
    from pitstop.adapters.forges.git import tree_of
    from pitstop.domain.change import Branch

    if not state["worktree"] or not os.path.isdir(state["worktree"]):
        return None
    return tree_of(Branch(state["branch"], state["worktree"], state["base_commit"]), Runner())


def _fix(here: Place, run: RunFolder, state: dict[str, Any], args: argparse.Namespace) -> str:
    """Return what was changed, in words; refuse where there is nothing to ship."""
    fix = args.fix or state["fix"] or ""
    if not fix and sys.stdin.isatty() and sys.stdout.isatty():
        fix = input("What was changed? ")
    if not fix.strip():
        raise common.Usage(
            f"Say what was changed; it goes into the commit: pitstop ship {run.id} --fix TEXT"
        )
    if not state["worktree"]:
        state = _start_to_its_end(here, run)
    if not os.path.isdir(state["worktree"]):
        raise common.CannotDo(
            f"The worktree {state['worktree']} is gone. Production is unchanged. Make it again: git "
            f"worktree prune && git worktree add {shlex.quote(state['worktree'])} {state['branch']}"
        )
    from pitstop.adapters._run import Runner
    from pitstop.adapters.forges.git import something_to_ship
    from pitstop.domain.change import Branch
    from pitstop.messages import EMPTY_CHANGE

    cut = Branch(state["branch"], state["worktree"], state["base_commit"])
    if not something_to_ship(cut, Runner()):
        raise common.CannotDo(f"{EMPTY_CHANGE}\nThe worktree: {state['worktree']}", 4)
    return fix.strip()


def _record_fix(here: Place, run: RunFolder, fix: str, yes: bool, ended: int | None) -> None:
    """Write down what is shipped; ``ended`` is the attempt before, where this is a new one."""
    attempt = common.state_of(run)["attempt"]
    if ended:
        run.note_open()
        attempt = ended + 1
        if not append(here, run, "again", {"fix": fix}, once=f"again:{ended}"):
            print(f"{run.id} was shipped again already; the new text is not used.", file=sys.stderr)
            return
    once = "answered:fix" if attempt == 1 else f"{attempt}:answered:fix"
    append(here, run, "answered", {"question": "fix", "said": fix, "yes": yes}, once=once)


def _start_to_its_end(here: Place, run: RunFolder) -> dict[str, Any]:
    """Let a start that was cut off make its worktree first; return the state then."""
    state = follow(here, run, lambda s: s["worktree"] is not None or closed(s), quiet=True)
    if not state["worktree"]:
        raise common.CannotDo(summary(state), exit_code(state))
    return state


def _warn_of_what_is_not_shipped(state: dict[str, Any], fix: str | None) -> None:
    """Say that a second ship follows the first: neither a new text nor new edits are taken."""
    if fix and fix.strip() != state["fix"]:
        print(
            f"{state['id']} was shipped as {state['fix']!r}; the new text is not used.",
            file=sys.stderr,
        )
    if state["commit"] and os.path.isdir(state["worktree"]):
        from pitstop.adapters._run import Runner

        words = ["git", "-C", state["worktree"], "status", "--porcelain"]
        if Runner().run(words, within=30).text:
            print(
                f"The worktree differs from tree {state['tree'][:12]}, which is what is shipped. "
                f"To ship what is there instead: pitstop abort {state['id']}, and start again.",
                file=sys.stderr,
            )


def _overrides(args: argparse.Namespace) -> list[tuple[str, str]]:
    """Pair each override with its reason."""
    if len(args.override) != len(args.because):
        raise common.Usage("Give each --override GATE its own --because TEXT.")
    for reason in args.because:
        if _says_nothing(reason):
            raise common.Usage(
                f"--because must say why, in this case and in your own words: {reason.strip()!r} does "
                "not. It is read afterwards."
            )
    return list(zip(args.override, args.because, strict=True))


def _says_nothing(reason: str) -> bool:
    """Return whether a reason is empty or one of those that fit everything."""
    words = re.findall(r"[^\W_]+", reason.lower())
    return len("".join(words)) < 4 or all(word in _CANNED for word in words)


def record_overrides(here: Place, run: RunFolder, overrides: list[tuple[str, str]]) -> None:
    """Put overrides on record."""
    if not overrides:
        return
    state = common.state_of(run)
    _refuse_early_verdict(state, overrides)
    tree = state["tree"] if state["closed_at"] is None else None
    for gate, because in overrides:
        bound = tree or _tree(state)  # before the commit: what the worktree holds now
        said = {"gate": gate, "because": because.strip(), "tree": bound}
        append(here, run, "override", said)


def _refuse_early_verdict(state: dict[str, Any], overrides: list[tuple[str, str]]) -> None:
    """Nobody can accept what has not been seen yet."""
    if state["waiting_for"] != "verdict" and any(gate == "verdict" for gate, _ in overrides):
        raise common.Usage(
            "A verdict can be overridden only after the gate could not tell: pitstop status"
        )


def _record_evidence(here: Place, run: RunFolder, state: dict[str, Any], given: str) -> None:
    """Put on record what was tried by hand, and with which tree."""
    text, kept = given, None
    if not given.strip():
        raise common.Usage("--evidence must say what was tried and seen, or name a file: @FILE")
    if given.startswith("@"):
        import shutil

        source = Path(given[1:])
        if not source.is_file():
            raise common.Usage(f"There is no file {source}.")
        number = len(list(run.evidence.iterdir())) + 1  # two files may have one name
        kept = run.evidence / f"{number}-{source.name}"
        shutil.copyfile(source, kept)
        text = f"file {source.name}"
    tree = (state["tree"] if state["closed_at"] is None else None) or _tree(state)
    said = {"text": text, "file": kept.name if kept else None, "tree": tree}
    append(here, run, "evidence", said)


def append(
    here: Place,
    run: RunFolder,
    event: str,
    data: Mapping[str, object],
    *,
    once: str | None = None,
    by: str | None = None,
    waiting: Callable[[], object] = lambda: None,
) -> bool:
    """Write a person's line into a run's journal; return whether it is new.

    ``waiting`` is called each second that somebody else's lock on the journal is waited for.
    """
    journal = run.journal()
    journal.waiting = waiting
    try:
        _, new = journal.append(event, data, by=by or common.actor(here), once=once)
    finally:
        journal.close()
    return new

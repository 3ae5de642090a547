"""What a person says to a run: approve, reject, abort, note, take over."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from pitstop.cli import common
from pitstop.cli.follow import closed, follow
from pitstop.cli.ship import append
from pitstop.cli.standing import summary
from pitstop.engine import ownership
from pitstop.engine.ownership import RunFolder
from pitstop.engine.place import Place

if TYPE_CHECKING:
    from pitstop.adapters.forges.claims import Claim, GitClaims


def approve(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop approve``."""
    parser.description = (
        "Say yes to the exact tree that waits for it, here or in another clone; the author cannot."
    )
    parser.epilog = 'example:\n  pitstop approve checkout --as "Grace <grace@example.com>"'
    common.add_id(parser)
    parser.add_argument("--as", dest="name", metavar="NAME", help="recorded as claimed, not proven")
    return lambda args: _answer(args, "approve", "")


def reject(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop reject``."""
    parser.description = "Say no to the change that waits for approval, here or in another clone."
    parser.epilog = 'example:\n  pitstop reject checkout --reason "this also changes prices"'
    common.add_id(parser)
    parser.add_argument("--reason", required=True)
    parser.add_argument("--as", dest="name", metavar="NAME", help="recorded as claimed, not proven")
    return lambda args: _answer(args, "reject", args.reason)


def abort(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop abort``."""
    parser.description = (
        "Stop: before the deploy nothing is left behind, after it it is rolled back."
    )
    parser.epilog = 'example:\n  pitstop abort --reason "it was the database after all"'
    common.add_id(parser)
    parser.add_argument("--reason", required=True)
    return run_abort


def note(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop note``."""
    parser.description = "Add a line to the record."
    parser.epilog = 'example:\n  pitstop note checkout "support has told the first ten users"'
    parser.add_argument("words", nargs="+", metavar="[ID] TEXT")
    return run_note


def take_over(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop take-over``."""
    parser.description = "Adopt the claim on the service that another machine holds, on record."
    parser.epilog = 'example:\n  pitstop take-over --reason "Ada went offline"'
    common.add_id(parser)
    parser.add_argument("--reason", required=True)
    return run_take_over


COMMANDS = {
    "approve": approve,
    "reject": reject,
    "abort": abort,
    "note": note,
    "take-over": take_over,
}


def _answer(args: argparse.Namespace, said: str, reason: str) -> int:
    """Record a reviewer's answer: once for each person and tree."""
    from pitstop.messages import mail_of

    here = common.place(args)
    if said == "reject":
        reason = common.reason(reason)
    run = _run_here(here, args.id)
    if run is None:
        from pitstop.cli import colleague

        return colleague.answer(here, args.id, said, reason, args.name)
    state = common.state_of(run)
    by = common.actor(here, args.name)
    tree = state["tree"]
    known = {(mail_of(a["by"]), a["tree"], a["decision"]) for a in state["approvals"]}
    if said == "approve" and (mail_of(by), tree, "reject") in known:
        raise common.CannotDo(
            f"{by} rejected tree {tree[:12]}, and that stands. A changed fix gets a new tree: "
            "start again from it."
        )
    if (mail_of(by), tree, said) in known:
        print(f"Recorded already: {said} of tree {tree[:12]} by {by}.")
        return 0
    if state["waiting_for"] != "approval":
        raise common.Usage(f"{run.id} does not wait for an approval (phase {state['phase']}).")
    if mail_of(by) in _authors(run):
        raise common.CannotDo(
            f"{by} wrote this change; another person has to look at it. Production is unchanged."
        )
    data = {
        "question": "approval",
        "said": said,
        "about": tree,
        "reason": reason,
        "proven": False,
        "claimed": args.name is not None,
    }
    append(here, run, "answered", data, by=by, once=f"approval:{mail_of(by)}:{tree}:{said}")
    print(f"Recorded: {said} of tree {tree[:12]} by {by}.")
    if not ownership.executing(run):
        print(f"Nobody waits for it at the moment. Go on: pitstop resume {run.id}")
    return 0


def _run_here(here: Place, given: str | None) -> RunFolder | None:
    """Return this clone's own run that is meant; None where it may be one of another clone."""
    try:
        run = common.find(here, given, waiting_for="approval")
    except common.Unknown:
        return None
    if not (given and run.is_over()):
        return run
    from pitstop.cli import colleague

    return None if colleague.known(here, given) else run  # an old one of ours has the same name


def _authors(run: RunFolder) -> set[str]:
    for line in run.lines():
        if (
            line["event"] == "finished"
            and line["step"] == "branch.commit"
            and "value" in line["data"]
        ):
            return set(line["data"]["value"]["authors"])
    return set()


def run_abort(args: argparse.Namespace) -> int:
    """Record the abort, see that it is obeyed, and show what was undone."""
    here = common.place(args)
    run = common.find(here, args.id)
    if common.state_of(run)["closed_at"]:
        raise common.Usage(f"{run.id} has ended already. See: pitstop status {run.id}")
    seen = len(run.lines())
    by = common.actor(here, urgent=True)
    attempt = common.state_of(run)["attempt"]
    once = "abort" if attempt == 1 else f"{attempt}:abort"
    append(here, run, "abort", {"reason": common.reason(args.reason)}, once=once, by=by)
    state = follow(here, run, closed, after=seen, insist=True)
    print(summary(state))
    return 0 if state["outcome"] in ("aborted", "rolled_back") else 1


def run_note(args: argparse.Namespace) -> int:
    """Add the note to the named run, or to the open one."""
    here = common.place(args)
    first, *rest = args.words
    known = [run.id for run in ownership.runs(here.runs)]
    # an id and one text, as it is meant; of text without quotes only a whole id is taken for one
    matching = [name for name in known if name.startswith(first)]
    named = bool(rest) and (first in known or (len(rest) == 1 and len(matching) == 1))
    run = common.find(here, first if named else None)
    text = " ".join(rest if named else args.words)
    append(here, run, "note", {"text": text})
    print(f"Noted in {run.id}.")
    return 0


def run_take_over(args: argparse.Namespace) -> int:
    """Take the claim by compare-and-swap; whoever held it is refused from then on."""
    from pitstop import bootstrap
    from pitstop.adapters._run import Runner

    here = common.place(args)
    settings, _ = bootstrap.load(here.config)
    claims = bootstrap.claims(here, settings, Runner())
    found = claims.read(settings.service.name)
    if found is None:
        raise common.Usage(
            f"Nobody has claimed {settings.service.name}; there is nothing to take over."
        )
    if found.machine == bootstrap.machine(here):
        raise common.Usage(f"The claim on {found.service} is yours already ({found.run}).")
    _refuse_a_living(claims, found)
    run = _adopting(here, args.id)
    mine = _mine(here, found, run, args.reason)
    taken = claims.take(mine, found.sha)
    if taken is None:
        raise common.CannotDo("The claim changed at this moment; look again: pitstop take-over ...")
    if run:
        said = {"text": f"took over the claim of {found.owner} ({found.run}): {args.reason}"}
        append(here, run, "note", said)
    print(f"{found.owner}'s claim on {found.service} ({found.run}) is yours now.")
    if found.restore_command:
        print(
            f"Their rollback point: {found.rollback_point}. Return there: {found.restore_command}"
        )
    return 0


def _refuse_a_living(claims: GitClaims, found: Claim) -> None:
    """Refuse to take a claim from a run that is being executed: two would act at once."""
    from pitstop.engine.claim import STILL, beats
    from pitstop.engine.clock import SystemClock

    if found.heartbeat:
        print(f"Looking for up to {STILL:.0f} s whether {found.run} is alive ...", file=sys.stderr)
    if beats(claims, found, SystemClock(lambda: None)):
        raise common.CannotDo(
            f"{found.owner}'s {found.run} is being executed now, so it is not taken over. Nothing was "
            f"changed. Ask them to stop it: pitstop abort {found.run} --reason TEXT"
        )


def _adopting(here: Place, given: str | None) -> RunFolder | None:
    try:
        return common.find(here, given)
    except common.Usage:
        if given:
            raise
        return None


def _mine(here: Place, found: Claim, run: RunFolder | None, reason: str) -> Claim:
    import dataclasses
    from datetime import UTC, datetime

    from pitstop import bootstrap
    from pitstop.journal.store import stamp

    return dataclasses.replace(
        found,
        owner=common.actor(here),
        since=stamp(datetime.now(UTC)),
        reason=reason,
        run=run.id if run else "",
        machine=bootstrap.machine(here),
        heartbeat=None,
        taken_over_from=f"{found.owner} ({found.run}, {found.sha})",
    )

"""``pitstop rollback``: a run of its own that waits for nobody."""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable
from typing import Any

from pitstop.cli import common
from pitstop.cli.follow import closed, follow
from pitstop.cli.ship import append
from pitstop.engine import ownership
from pitstop.engine.ownership import RunFolder
from pitstop.engine.place import Place
from pitstop.journal.status import past_deploy, status
from pitstop.journal.store import JournalError


def rollback(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop rollback``."""
    parser.description = (
        "Return production to a hotfix's rollback point, or to any kept deployment."
    )
    parser.epilog = (
        'examples:\n  pitstop rollback --reason "users still see errors"\n'
        '  pitstop rollback --service shop --to d3 --reason "back to Monday"'
    )
    common.add_id(parser)
    parser.add_argument("--reason", required=True)
    parser.add_argument("--service", help="with --to: the service")
    parser.add_argument(
        "--to", metavar="DEPLOYMENT", help="a kept deployment: pitstop local status"
    )
    return run_rollback


COMMANDS = {"rollback": rollback}


def run_rollback(args: argparse.Namespace) -> int:
    """Record the rollback, stop whoever acts, and follow it to its end."""
    here = common.place(args, wake=False)
    reason = common.reason(args.reason)
    if args.service and not args.to:
        raise common.Usage("--service needs --to DEPLOYMENT. See which: pitstop local status")
    if args.to:
        target, tables, service, live = _to_deployment(here, args)
        if live == args.to and target is None:
            print(f"{live} serves users already. Nothing was changed.")
            return 0
        deployment = args.to
    else:
        target = common.find(here, args.id)
        state, tables = status(target.lines()), target.lines()[0]["data"]["config"]
        if not state["rollback_point"]:
            raise common.Usage(
                f"{target.id} has not deployed anything, so there is nothing to return from. "
                f"Production is unchanged. To stop it: pitstop abort {target.id} --reason TEXT"
                f"{_others_in_production(here)}"
            )
        _refuse_if_not_live(here, state)
        deployment, service = state["rollback_point"]["deployment_id"], state["service"]
    run = _under_way(here, target) or common.with_room(
        here, lambda: _begun(here, service, deployment, reason, target, tables)
    )
    state = follow(here, run, closed)
    if target:
        _wait_for_outcome(here, target)
    common.see_to_unwatched(here)  # users first, then the others
    return _say(state, deployment)


def _refuse_if_not_live(here: Place, state: dict[str, Any]) -> None:
    """Refuse to return from a hotfix after which somebody else deployed: that takes their fix out."""
    if state["closed_at"] is None:
        return
    later = [
        other
        for _, other in common.states(here, quiet=True)
        if other["kind"] == "hotfix"
        and other["service"] == state["service"]
        and other["deployment"]
        and (other["fence"] or 0) > (state["fence"] or 0)
        and other["outcome"] in (None, "fixed")
    ]
    point, name = state["rollback_point"]["deployment_id"], state["service"]
    if later or not state["deployment"] or state["outcome"] != "fixed":
        live = f"{later[-1]['id']} was deployed after it" if later else "it is not what users get"
        raise common.Usage(
            f"{state['id']} cannot be returned from: {live}. Nothing was changed. If you mean it: "
            f"pitstop rollback --service {name} --to {point} --reason TEXT"
        )


def _to_deployment(
    here: Place, args: argparse.Namespace
) -> tuple[RunFolder | None, dict[str, Any], str, str | None]:
    """Return the run that this ends, if one acts on the service, what is configured, and who is live.

    Whose own release is wanted is not ended by it.
    """
    from pitstop import bootstrap
    from pitstop.messages import allowed

    settings, tables = bootstrap.load(here.config)
    name = settings.service.name
    if args.service and args.service != name:
        raise common.Usage(allowed("--service", args.service, [name]))
    live = None
    if settings.platform.use == "local":
        from pitstop.cli.local import platform_of

        platform = platform_of(here)[0]
        kept, live = [one.id for one in platform.deployments()], _live(platform)
        if args.to not in kept:
            raise common.Usage(allowed("--to", args.to, kept))
    acting = [
        (state["fence"], run)
        for run, state in common.states(here, quiet=True)
        if state["kind"] == "hotfix"
        and state["service"] == name
        and state["fence"]
        and not state["closed_at"]
        and (state["deployment"] or {}).get("id") != args.to
    ]
    latest = max(acting, key=lambda pair: pair[0])[1] if acting else None
    return latest, tables, name, live


def _live(platform: Any) -> str | None:
    """Return what users are served by; None where nobody knows."""
    from pitstop.ports import CannotTell

    try:
        running = platform.running()
    except CannotTell:
        return None
    return running.id if running else None


def _others_in_production(here: Place) -> str:
    """Return a hint at the hotfixes that did deploy, should one of them be meant."""
    past = [run.id for run, state in common.states(here, quiet=True) if past_deploy(state)]
    return "".join(f"\nOr is {one} meant? pitstop rollback {one} --reason TEXT" for one in past)


def _under_way(here: Place, target: RunFolder | None) -> RunFolder | None:
    """Return somebody's rollback of the same hotfix, if it is not over: theirs is followed."""
    name = status(target.lines())["rollback"] if target else None
    if not name or status(RunFolder(here.runs / name).lines())["closed_at"]:
        return None
    return RunFolder(here.runs / name)


def _begun(
    here: Place,
    service: str,
    deployment: str,
    reason: str,
    target: RunFolder | None,
    tables: dict[str, Any],
) -> RunFolder:
    """Return the rollback's run, declared and executed; of one that cannot be declared nothing stays."""
    run = RunFolder.create(here.runs, f"rollback-{target.id if target else service}")
    try:
        ownership.start_process(run, here.repository)  # gets ready while this is written down
        declared = _declare(here, run, service, deployment, reason, target, tables)
    except (OSError, JournalError):
        shutil.rmtree(run.path, ignore_errors=True)
        raise
    common.wait_until_executing(declared)
    return declared


def _declare(
    here: Place,
    run: RunFolder,
    service: str,
    deployment: str,
    reason: str,
    target: RunFolder | None,
    tables: dict[str, Any],
) -> RunFolder:
    """Write the rollback down in its own journal, then in the journal of the run that it ends."""
    by = common.actor(here, urgent=True)
    wanted = {
        "id": run.id,
        "service": service,
        "deployment_id": deployment,
        "reason": reason,
        "owner": by,
        "hotfix": target.id if target else None,
        "hotfix_is_over": bool(target and status(target.lines())["closed_at"]),
    }
    journal = run.journal(create=True)
    journal.append(
        "declared",
        {"kind": "rollback", "incident": wanted, "config": tables},
        by=by,
        once="declared",
    )
    journal.close()
    if target and not _recorded_in(here, target, run, reason, by):
        journal = run.journal()
        journal.append("closed", {}, by=by, once="closed")  # somebody was quicker; follow theirs
        journal.close()
        return RunFolder(here.runs / str(status(target.lines())["rollback"]))
    return run


def _recorded_in(here: Place, target: RunFolder, run: RunFolder, reason: str, by: str) -> bool:
    """Write the rollback into the run that it ends; False if another one is under way."""
    earlier = sum(line["event"] == "returned" for line in target.lines())
    data = {"run": run.id, "reason": reason}
    return append(here, target, "rollback", data, by=by, once=f"rollback:{earlier}")


def _wait_for_outcome(here: Place, target: RunFolder, within: float = 8.0) -> None:
    """Let the run that was rolled back write its own end."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        state = status(target.lines())
        if state["closed_at"] and state["outcome"] in ("rolled_back", "stranded"):
            return
        time.sleep(0.05)


def _say(state: dict[str, Any], deployment: str) -> int:
    if state["outcome"] == "rolled_back":
        print(f"Rolled back: users are on {deployment} again, and it is healthy.")
        return 0
    why = state["reason"] or state["broke"] or "it did not come to an end"
    raise common.CannotDo(
        f"ROLLBACK FAILED: {why}\nWhat users get now: pitstop local status. Try again: "
        f'pitstop rollback --service {state["service"]} --to {deployment} --reason "again"',
        5,
    )

"""``pitstop rollback``: a run of its own that waits for nobody."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pitstop.cli import common
from pitstop.cli.follow import closed, follow
from pitstop.cli.ship import append
from pitstop.domain.incident import Return
from pitstop.engine import ownership
from pitstop.engine.ownership import RunFolder
from pitstop.engine.place import Place
from pitstop.journal.status import past_deploy, status
from pitstop.journal.store import JournalError

if TYPE_CHECKING:
    from pitstop.config import Settings
    from pitstop.domain.change import Deployment


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
        target, tables, wanted, live = _to_deployment(here, args)
        if live == args.to and target is None:
            print(f"{live} serves users already. Nothing was changed. No answer? pitstop local up")
            return 0
    else:
        target, tables, wanted = _to_rollback_point(here, args)
    run = _under_way(here, target)
    if run is None:
        run = _begun_somehow(here, replace(wanted, reason=reason), target, tables, bool(args.to))
    elif not ownership.executing(run):
        ownership.start_process(run, here.repository)
        common.wait_until_executing(run)
    state = follow(here, run, closed)
    if target:
        _wait_for_outcome(here, target)
    common.see_to_unwatched(here)  # users first, then the others
    return _say(run, state)


def _to_rollback_point(
    here: Place, args: argparse.Namespace
) -> tuple[RunFolder, dict[str, Any], Return]:
    """Return the hotfix that is ended, its configuration, and what is wanted."""
    target = common.find(here, args.id)
    state, tables = status(target.lines()), target.lines()[0]["data"]["config"]
    if not state["rollback_point"]:
        raise common.Usage(
            f"{target.id} has not deployed anything, so there is nothing to return from. "
            f"Production is unchanged. To stop it: pitstop abort {target.id} --reason TEXT"
            f"{_others_in_production(here)}"
        )
    _refuse_if_not_live(here, state)
    over = state["closed_at"] is not None
    left = (state["deployment"]["commit"], state["tree"]) if state["deployment"] else None
    wanted = _before(state["rollback_point"], Return("", state["service"], "", "", ""))
    return target, tables, replace(wanted, hotfix=target.id, hotfix_is_over=over, left=left)


def _before(point: dict[str, Any], wanted: Return) -> Return:
    """Return a wish with what the rollback point says of the deployment and of the database then."""
    return replace(
        wanted,
        deployment_id=point["deployment_id"],
        backup_id=point.get("backup_id"),
        migration_head=point.get("migration_head"),
    )


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
) -> tuple[RunFolder | None, dict[str, Any], Return, str | None]:
    """Return the run that this ends, if one acts on the service; configuration; wish; who is live.

    Whose own release is wanted is not ended by it.
    """
    from pitstop.messages import allowed

    settings, tables = _configured(here)
    name = settings.service.name
    if args.service and args.service != name:
        raise common.Usage(allowed("--service", args.service, [name]))
    live = left = None
    if settings.platform.use == "local":
        from pitstop.cli.local import platform_of

        platform = platform_of(here, tables)[0]
        kept, live = platform.deployments(), _live(platform)
        if args.to not in [one.id for one in kept]:
            raise common.Usage(allowed("--to", args.to, [one.id for one in kept]))
        left = _left(kept, live, args.to)
    elif settings.platform.use != "simulated":
        listed, serving = _listed(here, tables, name)
        if listed and args.to not in [one.id for one in listed]:
            raise common.Usage(allowed("--to", args.to, [one.id for one in listed]))
        left = _left(listed, serving, args.to)
    known = common.states(here, quiet=True)
    acting = [
        (state["fence"], run)
        for run, state in known
        if state["kind"] == "hotfix"
        and state["service"] == name
        and state["fence"]
        and not state["closed_at"]
        and (state["deployment"] or {}).get("id") != args.to
    ]
    latest = max(acting, key=lambda pair: pair[0])[1] if acting else None
    wanted = Return("", name, args.to, "", "", latest.id if latest else None, left=left)
    points = [state["rollback_point"] for _, state in known if state["kind"] == "hotfix"]
    before = [point for point in points if point and point["deployment_id"] == args.to]
    if before:  # the last time that it was left
        wanted = _before(max(before, key=lambda point: str(point["recorded_at"])), wanted)
    return latest, tables, wanted, live


def _listed(
    here: Place, tables: dict[str, Any], service: str
) -> tuple[list[Deployment], str | None]:
    """Return what the platform can return to, and who is live; nothing where it does not say."""
    from pitstop import bootstrap
    from pitstop.engine.fence import ServiceFence
    from pitstop.ports import CannotTell, Refused

    platform = bootstrap.platform(here, tables, ServiceFence(here.service(service)))
    try:
        running = platform.running()
        return platform.deployments(), running.id if running else None
    except (CannotTell, Refused):
        return [], None  # users wait


def _configured(here: Place) -> tuple[Settings, dict[str, Any]]:
    """Return the configuration; where the file cannot be used now, the last hotfix's own."""
    from pitstop import bootstrap
    from pitstop.config import ConfigurationError

    try:
        return bootstrap.load(here.config)
    except ConfigurationError:
        known = sorted(common.states(here, quiet=True), key=lambda one: str(one[1]["declared_at"]))
        if not known:
            raise
        tables = known[-1][0].lines()[0]["data"]["config"]
        return bootstrap.check(tables), tables


def _left(kept: list[Deployment], live: str | None, to: str) -> tuple[str, str] | None:
    """Return commit and tree of what is left; None where that is not known, or not the later one.

    Who takes back a rollback goes on to a later deployment: that says nothing against the earlier.
    """
    names = [one.id for one in kept]  # the newest first
    if live not in names or names.index(live) >= names.index(to):
        return None
    found = kept[names.index(live)]
    return found.commit, found.tree


def _live(platform: Any) -> str | None:
    """Return what users are served by, from the record alone; None where that cannot be read."""
    try:
        return platform.status()["live"]  # type: ignore[no-any-return] # text, or what raises
    except Exception:  # noqa: BLE001 - the way back is open also where the state is damaged
        return None


def _others_in_production(here: Place) -> str:
    """Return a hint at the hotfixes that did deploy, should one of them be meant."""
    past = [run.id for run, state in common.states(here, quiet=True) if past_deploy(state)]
    return "".join(f"\nOr is {one} meant? pitstop rollback {one} --reason TEXT" for one in past)


def _under_way(here: Place, target: RunFolder | None) -> RunFolder | None:
    """Return somebody's rollback of the same hotfix, if it may still come to its end."""
    name = status(target.lines())["rollback"] if target else None
    return RunFolder(here.runs / name) if name and not _over(here, name) else None


def _over(here: Place, rollback: str) -> bool:
    """Return whether a rollback has ended or cannot go on."""
    try:
        state = status(RunFolder(here.runs / rollback).lines())
    except JournalError:
        return True
    return not state or state["closed_at"] is not None or state["broke"] is not None


def _begun_somehow(
    here: Place, wanted: Return, target: RunFolder | None, tables: dict[str, Any], named: bool
) -> RunFolder:
    """Begin the rollback; to a deployment that was named, also where a hotfix's journal is locked."""
    try:
        return common.with_room(here, lambda: _begun(here, wanted, target, tables))
    except JournalError as problem:
        if not (named and target):
            raise
        print(f"WARNING: {problem} It will not say that it was rolled back.", file=sys.stderr)
        alone = replace(wanted, hotfix=None)
        return common.with_room(here, lambda: _begun(here, alone, None, tables))


def _begun(
    here: Place, wanted: Return, target: RunFolder | None, tables: dict[str, Any]
) -> RunFolder:
    """Return the rollback's run, declared and executed; of one that is not on record nothing stays."""
    run = RunFolder.create(here.runs, f"rollback-{target.id if target else wanted.service}")
    try:
        ownership.start_process(run, here.repository)  # gets ready while this is written down
        wanted = replace(wanted, id=run.id, owner=common.actor(here, urgent=True))
        journal = run.journal(create=True)
        said = {"kind": "rollback", "incident": vars(wanted), "config": tables}
        journal.append("declared", said, by=wanted.owner, once="declared")
        journal.close()
        quickest = _recorded_in(here, target, run, wanted) if target else run.id
    except (OSError, JournalError):
        shutil.rmtree(run.path, ignore_errors=True)  # its process acts on a whole record only
        raise
    if quickest != run.id:
        shutil.rmtree(run.path, ignore_errors=True)
        return RunFolder(here.runs / quickest)
    common.wait_until_executing(run)
    return run


def _recorded_in(here: Place, target: RunFolder, run: RunFolder, wanted: Return) -> str:
    """Write the rollback into the run that it ends; return which rollback stands there then."""
    earlier = [ln["data"]["run"] for ln in target.lines() if ln["event"] == "rollback"]
    once = f"rollback:{sum(_over(here, name) for name in earlier)}"
    data = {"run": run.id, "reason": wanted.reason}
    append(
        here,
        target,
        "rollback",
        data,
        by=wanted.owner,
        once=once,
        # stopped in the middle of a write, it would hold its journal for ever; it is ended anyway
        waiting=lambda: ownership.end_process(target),
    )
    return str(status(target.lines())["rollback"])


def _wait_for_outcome(here: Place, target: RunFolder, within: float = 8.0) -> None:
    """Let the run that was rolled back write its own end."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        state = status(target.lines())
        if state["closed_at"] and state["outcome"] in ("rolled_back", "stranded"):
            return
        time.sleep(0.05)


def _say(run: RunFolder, state: dict[str, Any]) -> int:
    to = run.lines()[0]["data"]["incident"]["deployment_id"]
    if state["outcome"] == "rolled_back":
        print(f"Rolled back: users are on {to} again, and it is healthy.")
        if state["moved_on"]:
            print(state["moved_on"])
        return 0
    why = state["reason"] or state["broke"] or "it did not come to an end"
    raise common.CannotDo(
        f"ROLLBACK FAILED: {why}\nWhat users get now: pitstop doctor. Try again: "
        f"{common.way_out(run)}",
        5,
    )

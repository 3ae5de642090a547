"""``pitstop local``: the embedded platform, an app behind a real proxy on this machine."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pitstop.cli import common
from pitstop.engine import ownership
from pitstop.engine.place import Place
from pitstop.journal.status import past_deploy

if TYPE_CHECKING:
    from pitstop.engine.fence import ServiceFence


def local(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop local``."""
    parser.description = (
        "up: put the service on, the first time with main's head, later with what was recorded. "
        "down: take it off. status: what runs."
    )
    parser.epilog = "example:\n  pitstop local up"
    parser.add_argument("verb", choices=("up", "down", "status"))
    parser.add_argument("--json", action="store_true")
    return run_local


COMMANDS = {"local": local}


def run_local(args: argparse.Namespace) -> int:
    """Do what the verb says."""
    here = common.place(args, wake=args.verb != "up")
    return {"up": _up, "down": _down, "status": _status}[args.verb](here, args)


def platform_of(here: Place, tables: dict[str, Any] | None = None) -> tuple[Any, Any, ServiceFence]:
    """Return the configured platform, its repository and its fence; ``tables``: as once frozen."""
    from pitstop import bootstrap
    from pitstop.adapters._run import Runner
    from pitstop.engine.clock import SystemClock
    from pitstop.engine.fence import ServiceFence

    if tables is None:
        _, tables = bootstrap.load(here.config)
    settings = bootstrap.check(tables)
    if settings.platform.use != "local":
        raise common.Usage(
            f"{here.config}: platform.use is {settings.platform.use!r}, not 'local'."
        )
    runner = Runner()
    fence = ServiceFence(here.service(settings.service.name))
    platform = bootstrap.local_platform(here, tables, runner, fence, SystemClock(lambda: None))
    return platform, bootstrap.forge(here, settings, runner), fence


def _up(here: Place, args: argparse.Namespace) -> int:
    platform, forge, fence = platform_of(here)
    with fence.idle() as nobody_acts:
        deployment = _put_up(platform, forge) if nobody_acts else _answering(platform)
    common.see_to_unwatched(here)  # a run's process finds the service back
    if args.json:
        print(
            json.dumps(
                {
                    "id": deployment.id,
                    "commit": deployment.commit,
                    "url": f"http://{platform.listen}",
                }
            )
        )
    else:
        listen = platform.listen
        print(f"{deployment.id} at {deployment.commit[:12]} serves users on http://{listen}")
    return 0


def _put_up(platform: Any, forge: Any) -> Any:
    """Bring back what was recorded; the first time, put main's head into service."""
    if platform.deployments():
        return platform.up("")
    forge.fetch()
    return platform.up(forge.main_head())


def _answering(platform: Any, within: float = 60.0) -> Any:
    """Wait for the service while a hotfix acts on it: its own process brings back what is down."""
    import time

    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        running, (well, _) = platform.running(), platform.healthy()
        if running and well:
            return running
        time.sleep(0.2)
    raise common.CannotDo(
        "A hotfix acts on the service, and it does not answer. See: pitstop status"
    )


def _counted(requests: dict[str, int]) -> str:
    """Return what the proxy has counted of a deployment since it started."""
    if not requests.get("completed"):
        return ""
    return f"  {requests['completed']} requests, {requests.get('5xx', 0)} answered 5xx"


def _down(here: Place, args: argparse.Namespace) -> int:
    for run, state in common.states(here, quiet=True):
        gone = state["broke"] and not past_deploy(state)  # nobody can go on with it
        if state["closed_at"] is None and not gone:
            raise common.CannotDo(
                f"{run.id} is under way, so the service stays up. {_ending(run, state)}"
            )
    platform, _, _ = platform_of(here)
    platform.down()
    if args.json:
        print(json.dumps({"up": False}))
    else:
        print("The service is down. Bring it back: pitstop local up")
    return 0


def _ending(run: ownership.RunFolder, state: dict[str, Any]) -> str:
    if state["kind"] == "rollback":
        return f"See it to its end: pitstop resume {run.id}"
    return f"Look: pitstop status {run.id}; to end it: pitstop abort {run.id} --reason TEXT"


def _status(here: Place, args: argparse.Namespace) -> int:
    platform, _, _ = platform_of(here)
    found = platform.status()
    if args.json:
        print(json.dumps(found))
        return 0
    print(f"proxy: {'up' if found.get('proxy') else 'down'}")
    for one in found.get("deployments", []):
        mark = "→" if one["id"] == found.get("live") else " "
        since = (one.get("at") or "")[:19].replace("T", " ")
        print(
            f"{mark} {one['id']:<5} {one['commit'][:12]}  {one['state']:<9} {since:<19}"
            f"{_counted(one['requests'])}"
        )
    return 0

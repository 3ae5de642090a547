"""``pitstop release-known-bad``: allow a commit again that production was returned from; list them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from pitstop.cli import common

if TYPE_CHECKING:
    from pitstop.adapters.forges.known_bad import GitKnownBad
    from pitstop.domain.known_bad import BadCommit, Released


def release_known_bad(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop release-known-bad``."""
    parser.description = "Allow a commit again that production was returned from; on record."
    parser.epilog = (
        "examples:\n  pitstop release-known-bad 1f2e3d4c --reason 'the disk was full, not the fix'\n"
        "  pitstop release-known-bad --list"
    )
    parser.add_argument(
        "commit", nargs="?", metavar="COMMIT", help="its id; a unique prefix will do"
    )
    parser.add_argument("--reason", metavar="TEXT")
    parser.add_argument("--list", action="store_true", help="show all, released or not")
    parser.add_argument("--json", action="store_true")
    return run_release


COMMANDS = {"release-known-bad": release_known_bad}


def run_release(args: argparse.Namespace) -> int:
    """Release one commit, or show them all."""
    from pitstop import bootstrap
    from pitstop.adapters._run import Runner

    here = common.place(args)
    settings, _ = bootstrap.load(here.config)
    registry = bootstrap.known_bad(here, settings, Runner())
    if args.list:
        return _show(_all(registry), args.json)
    if not args.commit:
        raise common.Usage("Name the commit. Which there are: pitstop release-known-bad --list")
    reason, by = common.reason(args.reason or ""), common.actor(here)
    bad = _meant(_all(registry), args.commit)
    before = bad.released
    not_shared = registry.release(bad.commit, _now(by, reason))
    if args.json:
        found = [one for one in registry.remembered() if one.commit == bad.commit]
        print(json.dumps(asdict(found[0])))
    elif before:
        print(f"{before.by} released {bad.commit[:12]} already, at {before.at}: {before.reason}")
    else:
        print(f"{bad.commit[:12]} is released and may go live again.")
    if not_shared:
        again = f"pitstop release-known-bad {bad.commit[:12]} --reason TEXT"
        print(f"Only this clone knows so far: {not_shared} Then: {again}", file=sys.stderr)
    return 0


def _all(registry: GitKnownBad) -> list[BadCommit]:
    """Return all entries; while the remote is silent, those that are known here."""
    from pitstop.ports import CannotTell

    try:
        return registry.entries()
    except CannotTell as silence:
        print(f"{silence} What follows is what this clone knows.", file=sys.stderr)
        return registry.remembered()


def _meant(known: list[BadCommit], given: str) -> BadCommit:
    found = [one for one in known if one.commit.startswith(given.lower())]
    if len(found) == 1:
        return found[0]
    some = f"{given!r} is not unique" if found else f"No commit {given!r} is known bad"
    raise common.Usage(f"{some}. Which there are: pitstop release-known-bad --list")


def _now(by: str, reason: str) -> Released:
    from datetime import UTC, datetime

    from pitstop.domain.known_bad import Released

    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Released(by, reason, at)


def _show(known: list[BadCommit], as_json: bool) -> int:
    if as_json:
        print(json.dumps([asdict(one) for one in known]))
        return 0
    if not known:
        print("No commit is known bad.")
    for one in known:
        print(f"{one.commit[:12]}  known bad since {one.at}: {one.reason} ({one.by}, {one.run})")
        if one.released:
            print(f"{'':12}  released {one.released.at}: {one.released.reason} ({one.released.by})")
    return 0

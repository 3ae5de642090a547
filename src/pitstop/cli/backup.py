"""``pitstop backup``: take, verify and list backups; no hotfix is needed for it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pitstop.cli import common

if TYPE_CHECKING:
    from pitstop.domain.backup import BackupTaken, Estimate
    from pitstop.engine.place import Place
    from pitstop.ports import Backup


def backup(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop backup``."""
    parser.description = (
        "Without a verb: take a backup, read it back, and prune what is past its time. verify: read a "
        "backup back again. list: what is kept. open: write a backup's plain bytes to standard output."
    )
    parser.epilog = (
        "examples:\n  pitstop backup --emergency\n  pitstop backup list\n"
        "  pitstop backup verify 20260102-030405-678"
    )
    parser.add_argument("verb", nargs="?", choices=("verify", "list", "open"))
    parser.add_argument("backup", nargs="?", metavar="ID", help="a unique prefix is enough")
    parser.add_argument(
        "--emergency",
        action="store_true",
        help="take and verify at once: no estimate before, no pruning after (as a hotfix does)",
    )
    parser.add_argument("--json", action="store_true")
    return run_backup


COMMANDS = {"backup": backup}


def run_backup(args: argparse.Namespace) -> int:
    """Do what the verb says. Exit 1: there is no backup, or it cannot be read back."""
    here = common.place(args)
    progress = _Progress()
    found = configured(here, progress.show)
    if found is None:
        raise common.Usage(
            f"No backup is configured. Add a [backup] table to {here.config}: docs/how-to/backups.md"
        )
    if args.verb in (None, "list") and args.backup:
        raise common.Usage(f"What is to be done with {args.backup}? Say verify or open before it.")
    if args.verb is not None and args.emergency:
        raise common.Usage("--emergency is for taking a backup: pitstop backup --emergency")
    if args.verb is None:
        return _take(found, args, progress)
    return {"list": _list, "verify": _verify, "open": _open}[args.verb](found, args)


def configured(here: Place, progress: Callable[[int], None] = lambda _: None) -> Backup | None:
    """Return the configured backups; None where there are none."""
    from pitstop import bootstrap
    from pitstop.adapters._run import Runner
    from pitstop.engine.clock import SystemClock

    _, tables = bootstrap.load(here.config)
    return bootstrap.backup(here, tables, Runner(), SystemClock(lambda: None), progress)


class _Progress:
    """How many bytes are written, on a terminal; a pipe or a log gets none of it."""

    def __init__(self) -> None:
        self._terminal, self._next, self.total = sys.stderr.isatty(), 0.0, ""

    def show(self, count: int) -> None:
        """Show a number of bytes, four times a second at most."""
        from pitstop.messages import size

        if self._terminal and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.25
            print(
                f"\r\x1b[K  {size(count)} written{self.total}", end="", file=sys.stderr, flush=True
            )

    def done(self) -> None:
        """Take the line away."""
        if self._terminal and self._next:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _take(found: Backup, args: argparse.Namespace, progress: _Progress) -> int:
    from datetime import UTC, datetime

    if not args.emergency and (estimate := found.estimate()):
        progress.total = f"; the database holds {_expected(estimate)}"
        if not args.json:
            print(f"The database holds {_expected(estimate)}.", flush=True)
    key = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"[:-3]
    try:
        taken = found.take(key)
    finally:
        progress.done()
    verified = taken.verified or _verified(found, taken.id)
    pruned = [] if args.emergency else found.prune()
    command = found.restore_command(taken.id)
    if args.json:
        said = vars(taken) | {"verified": verified, "restore_command": command, "pruned": pruned}
        print(json.dumps(said, ensure_ascii=False))
        return 0
    print(
        f"{taken.id}: {_described(taken)}\n{_sentence(verified)}\nRestore it by hand:\n    {command}"
    )
    if pruned:
        print(f"Past their time and deleted: {', '.join(pruned)}")
    return 0


def _verified(found: Backup, backup_id: str) -> str:
    from pitstop.ports import CannotTell, Refused

    try:
        return found.verify(backup_id)
    except (CannotTell, Refused) as why:
        raise common.CannotDo(
            f"{backup_id} was taken and is NOT verified: {why} Try again: pitstop backup verify "
            f"{backup_id}"
        ) from why


def _expected(estimate: Estimate) -> str:
    from pitstop.messages import minutes, size

    seconds = f"; about {minutes(estimate.seconds)}" if estimate.seconds is not None else ""
    return f"{size(estimate.bytes)}{seconds}"


def _described(taken: BackupTaken) -> str:
    from pitstop.messages import size

    to = f", encrypted to {taken.encrypted_to}" if taken.encrypted_to else ""
    return f"{size(taken.bytes)} in {taken.seconds:.1f} s{to}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _list(found: Backup, args: argparse.Namespace) -> int:
    from pitstop.messages import size

    kept = found.kept()
    if args.json:
        print(json.dumps([vars(one) for one in kept], ensure_ascii=False))
        return 0
    if not kept:
        print("No backup was taken yet. Take one: pitstop backup")
    width = max((len(one.id) for one in kept), default=0)
    for one in kept:
        sealed = "  encrypted" if one.encrypted_to else ""
        verified = one.verified or f"NOT VERIFIED: pitstop backup verify {one.id}"
        print(f"{one.id:<{width}}  {one.at[:16]}Z  {size(one.bytes):>8}  {verified}{sealed}")
    return 0


def _meant(found: Backup, given: str | None) -> str:
    """Return the id of the backup that is meant."""
    known = [one.id for one in found.kept()]
    if not given:
        raise common.Usage("Which backup? See: pitstop backup list")
    matching = [one for one in known if one == given] or [k for k in known if k.startswith(given)]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise common.Usage(f"There is no backup {given!r}. See: pitstop backup list")
    raise common.Usage(f"{given!r} is not unique: {', '.join(matching)}. Name one.")


def _verify(found: Backup, args: argparse.Namespace) -> int:
    meant = _meant(found, args.backup)
    evidence = found.verify(meant)
    if args.json:
        print(json.dumps({"id": meant, "verified": evidence}, ensure_ascii=False))
    else:
        print(f"{meant}: {evidence}")
    return 0


def _open(found: Backup, args: argparse.Namespace) -> int:
    from pitstop.ports import OpensBackups

    meant = _meant(found, args.backup)
    if not isinstance(found, OpensBackups):
        raise common.Usage("These backups have no bytes of their own.")
    if os.isatty(1):
        raise common.Usage(f"A backup is no text. Send it on: pitstop backup open {meant} > FILE")
    found.contents(meant, _out)
    return 0


def _out(data: bytes) -> None:
    """Write all of it, or say why not: what is piped into a restore must be whole."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(1, rest) :]

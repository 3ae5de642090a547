"""``pitstop init``: write an annotated pitstop.toml from what the repository shows."""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pitstop.cli import common
from pitstop.engine.place import FILE

if TYPE_CHECKING:
    from pitstop.cli.detect.facts import Found


def init(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop init``."""
    parser.description = "Write pitstop.toml from what the repository shows."
    parser.epilog = (
        "examples:\n  pitstop init\n  pitstop init --dry-run\n"
        "  pitstop init --schema > pitstop.schema.json   # for editors"
    )
    parser.add_argument("--yes", action="store_true", help="overwrite what is there")
    parser.add_argument("--dry-run", action="store_true", help="print it, and write nothing")
    parser.add_argument(
        "--schema", action="store_true", help="print the JSON Schema of the configuration instead"
    )
    return run_init


COMMANDS = {"init": init}

_OURS = {"Railway": 'use = "railway" in [platform] (docs/how-to/railway.md).'}
_TO_SHIP_THERE = (
    'To ship there with your own commands: use = "shell" in [platform] '
    "(docs/how-to/shell-platform.md)."
)


def run_init(args: argparse.Namespace) -> int:
    """Write the file; what is there is only overwritten when somebody says so."""
    if args.schema:
        from pitstop.cli import schema

        print(schema.text(), end="")
        return 0
    here = common.place(args)
    target = Path(args.config) if args.config else here.top / FILE
    if not args.dry_run and not args.yes and target.exists() and not _may_overwrite(target):
        print("Nothing was changed.")
        return 0
    found, text = _made(here.top, target)
    if args.dry_run:
        print(text, end="")
        print("\n".join(_words(found)), file=sys.stderr)
        return 0
    target.write_text(text, encoding="utf-8")
    print(f"Wrote {target}. Look at it, then: pitstop doctor", *_words(found), sep="\n")
    return 0


def _may_overwrite(target: Path) -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise common.Usage(f"{target} is there already. Overwrite it: pitstop init --yes")
    return input(f"{target} is there already. Overwrite it? [y/N] ").strip().lower() == "y"


def _made(top: Path, target: Path) -> tuple[Found, str]:
    """Return what was seen, and the file that says it: one that loads."""
    from pitstop import bootstrap
    from pitstop.cli import annotated, detect, schema

    found = detect.look(top)
    text = annotated.text(found, with_schema=(target.parent / schema.FILE).is_file())
    bootstrap.check(tomllib.loads(text), text)
    return found, text


def _words(found: Found) -> list[str]:
    """Say what was guessed, what was left out, and what this file does not do."""
    from pitstop.cli.annotated import guessed
    from pitstop.cli.detect.facts import printable

    guesses = ", ".join(guessed(found))
    ours = [one for one in found.elsewhere if one.value in _OURS]
    others = [one for one in found.elsewhere if one.value not in _OURS]
    return [
        *([f"Nothing here shows {guesses}: look there first."] if guesses else []),
        *map(printable, found.said),
        *(
            f"This service seems to run on {one.value} ({one.where}), to which this version does not "
            "deploy by itself: what was written is for this machine."
            for one in others
        ),
        *([_TO_SHIP_THERE] if others else []),
        *(
            f"This service seems to run on {one.value} ({one.where}): what was written is for this "
            f"machine. To ship there: {_OURS[one.value]}"
            for one in ours
        ),
    ]

"""``pitstop demo``: a hotfix from alarm to fixed, on a sample service with real customers."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from pitstop.cli import common


def demo(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop demo``."""
    parser.description = (
        "A small shop with a real bug, tests, a database, a git remote and customers: see it break, "
        "and see pitstop ship the fix. Everything is real and stays on this machine."
    )
    parser.epilog = "examples:\n  pitstop demo\n  pitstop demo --fault slow"
    parser.add_argument(
        "--fault",
        choices=("bad-fix", "crash", "slow", "leak"),
        help="bad-fix, slow, leak: the fix breaks other customers, makes them wait, or loses "
        "memory; crash: pitstop is killed in the deploy",
    )
    parser.add_argument(
        "--keep", metavar="DIR", type=Path, help="build it in DIR and leave it there"
    )
    parser.add_argument("--no-open", action="store_true", help="open no page in a browser")
    return run_demo


COMMANDS = {"demo": demo}


def run_demo(args: argparse.Namespace) -> int:
    """Play it."""
    from pitstop.demo.play import play

    if args.keep and args.keep.exists() and any(args.keep.iterdir()):
        raise common.Usage(f"{args.keep} is not empty. Name a folder that is empty or not there.")
    return play(args.fault, args.keep)

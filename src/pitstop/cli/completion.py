"""``pitstop completion``: a script for the shell, made from the commands themselves."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from pitstop.cli import COMMANDS as ALL
from pitstop.cli import common

SHELLS = ("bash", "zsh", "fish")
# The names of the runs, without starting Python at each press of the key.
_RUNS = (
    "ls $(echo $PITSTOP_STATE | grep . || echo $(git rev-parse --git-common-dir)/pitstop)/runs "
    "2>/dev/null"
)


def completion(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Describe ``pitstop completion``."""
    parser.description = "Print a script that completes commands, options and hotfixes in a shell."
    parser.epilog = (
        "examples:\n  pitstop completion bash > ~/.local/share/bash-completion/completions/pitstop\n"
        "  pitstop completion fish > ~/.config/fish/completions/pitstop.fish"
    )
    parser.add_argument("shell", choices=SHELLS)
    return run_completion


COMMANDS = {"completion": completion}


def run_completion(args: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    print(shtab.complete(_whole(), args.shell))
    return 0


def _whole() -> argparse.ArgumentParser:
    """Return one parser with every command below it, as only a completion needs it."""
    import shtab

    whole = argparse.ArgumentParser(prog="pitstop")
    whole.add_argument("--version", action="store_true", help="print the version")
    below = whole.add_subparsers()
    for name, (module, what) in ALL.items():
        parser = below.add_parser(name, help=what)
        common.describe(name, module, parser)
        parser.description = what  # some shells show it beside the name: one line
        for action in parser._actions:
            how = {"id": shtab.cmd(_RUNS), "directory": shtab.DIRECTORY}
            how |= dict.fromkeys(("config", "baseline", "candidate", "plot"), shtab.FILE)
            if action.dest in how:
                action.complete = how[action.dest]  # type: ignore[attr-defined] # as shtab wants it
    return whole

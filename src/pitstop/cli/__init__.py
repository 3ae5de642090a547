"""The command line. Only what a command needs is imported, and only when it runs."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing typing costs more than all that is read here
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

COMMANDS = {
    "start": ("declare", "declare a hotfix: triage, branch, worktree, claim"),
    "check": ("check", "try the fix in its worktree; change nothing else"),
    "ship": ("ship", "bring the fix from the worktree into production"),
    "status": ("views", "say where one hotfix stands"),
    "list": ("views", "list all hotfixes"),
    "watch": ("views", "follow a hotfix live"),
    "log": ("views", "show the journal, or verify its hash chain"),
    "approve": ("answers", "say yes to the exact tree that waits for it"),
    "reject": ("answers", "say no, with a reason"),
    "rollback": ("rollback", "return production, now"),
    "resume": ("ship", "go on after a crash or an answer"),
    "abort": ("answers", "stop a hotfix; after the deploy, production is rolled back"),
    "take-over": ("answers", "adopt a claim that somebody else holds"),
    "note": ("answers", "add a line to the record"),
    "release-known-bad": ("known_bad", "allow a rolled-back commit again, or list them"),
    "held": ("held", "may an ordinary deployment go now? exit 0 free, 3 held"),
    "backup": ("backup", "take, verify and list backups of the database"),
    "error-rate": ("error_rate", "count users' errors of the last minutes; exit 3 too high"),
    "monitor": ("monitor", "look at production for a while; one verdict"),
    "judge": ("judge", "replay recorded traffic through the gate"),
    "plan": ("plan", "show the steps that ship would run"),
    "runbook": ("runbook", "print the steps as a person types them, without pitstop"),
    "doctor": ("doctor", "check every prerequisite; change nothing"),
    "init": ("init", "write pitstop.toml from what the repository shows"),
    "local": ("local", "the embedded platform: up, down, status"),
    "completion": ("completion", "print a completion script for bash, zsh or fish"),
    "demo": ("demo", "a hotfix from alarm to fixed, on a sample service"),
}
RUN_PROCESS = "run-process"  # what other commands start; nobody types it

_TOP = """\
usage: pitstop [--version] [--help] COMMAND ...

pitstop ships an emergency fix to production: small, tested, reviewed, watched,
reversible and written down.

{commands}

Every command has --help with an example.
A hotfix in three lines:
  pitstop start "Checkout answers 500" --impact "nobody can pay" \\
      --symptom critical-bug
  ... make the fix in the worktree that start names ...
  pitstop ship --fix "missing postcode is no longer an error"
"""


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _open_ends()
    words = _command_first([_text(word) for word in (sys.argv[1:] if argv is None else argv)])
    if not words or words[0] in ("-h", "--help", "help"):
        width = max(len(name) for name in COMMANDS)
        rows = (f"  {name:<{width}}  {what}" for name, (_, what) in COMMANDS.items())
        print(_TOP.format(commands="\n".join(rows)), end="")
        return 0 if words else 2
    if words[0] == "--version":
        from pitstop import __version__

        print(f"pitstop {__version__}")
        return 0
    name = words[0]
    if name == RUN_PROCESS:
        from pitstop.cli.process import execute

        return execute(words[1])
    if name not in COMMANDS:
        print(_unknown(name), file=sys.stderr)
        return 2
    from pitstop.cli.common import run_command

    return run_command(name, COMMANDS[name][0], words[1:])


def _command_first(words: list[str]) -> list[str]:
    """Let ``pitstop -C DIR status`` mean ``pitstop status -C DIR``, as with git."""
    options: list[str] = []
    while words and words[0].partition("=")[0] in ("-C", "--config", "--no-color"):
        count = 1 if words[0] == "--no-color" or "=" in words[0] else 2
        options += words[:count]
        words = words[count:]
    return words[:1] + options + words[1:] if words else []


class _GoesOn:
    """A stream whose disk may be full: what a command does and exits with matters more than its words."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or from now on write nowhere. Raises BrokenPipeError: then nobody reads."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush, or from now on write nowhere."""
        self._try(self._stream.flush)

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except BrokenPipeError:
            raise
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _open_ends() -> None:
    """Let a process without standard output or error, or with a full disk behind it, do its work."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name) or open(os.devnull, "w")  # noqa: SIM115 - open to the end
        setattr(sys, name, stream if isinstance(stream, _GoesOn) else _GoesOn(stream))


def _text(word: str) -> str:
    """Return a word as text that can be written down: a terminal may send bytes of any kind.

    What names a file stays what it is.
    """
    if os.path.lexists(word.removeprefix("@")):
        return word
    return word.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _unknown(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, COMMANDS, 1)
    hint = f"Did you mean: pitstop {near[0]}" if near else "See: pitstop --help"
    return f"pitstop has no command {name!r}. {hint}"

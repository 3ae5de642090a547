"""What every command shares: options, the place, which run is meant, errors in words."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys

from pitstop.engine import ownership
from pitstop.engine.ownership import RunFolder
from pitstop.engine.place import NotARepository, Place
from pitstop.journal.status import past_deploy, status
from pitstop.journal.store import JournalError

TYPE_CHECKING = False  # importing typing costs more than all that is read here
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")


class Usage(Exception):
    """The command cannot be run as it was typed. One sentence; exit code 2."""


class Unknown(Usage):
    """Nothing here is called that, or is open."""


class CannotDo(Exception):
    """The command was understood and cannot be done. Carries the sentence and the exit code."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal; asked in a way that imports nothing."""

    def __init__(self, prog: str) -> None:
        try:
            width = min(100, os.get_terminal_size().columns)
        except OSError:
            width = 80
        super().__init__(prog, width=width - 2)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Wrap what is too long; examples keep their lines."""
        import textwrap

        rows = text.splitlines()
        return "\n".join(row if row[:1] == " " else textwrap.fill(row, width) for row in rows)


def describe(
    name: str, module: str, parser: argparse.ArgumentParser
) -> Callable[[argparse.Namespace], int]:
    """Give a parser the words of a command and what all commands share; return what runs it."""
    command = importlib.import_module(f"pitstop.cli.{module}")
    parser.add_argument("-C", metavar="DIR", dest="directory", help="as if started in DIR")
    parser.add_argument("--config", metavar="FILE", help="another pitstop.toml")
    parser.add_argument("--no-color", action="store_true", help="plain text")
    parser.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    run: Callable[[argparse.Namespace], int] = command.COMMANDS[name](parser)
    return run


def run_command(name: str, module: str, words: list[str]) -> int:
    """Parse a command's words, run it, and turn what goes wrong into words and an exit code."""
    parser = argparse.ArgumentParser(prog=f"pitstop {name}", formatter_class=_Help)
    run = describe(name, module, parser)
    args = parser.parse_args(words)
    if args.no_color:
        os.environ["NO_COLOR"] = "1"
    try:
        return int(run(args))
    except KeyboardInterrupt:
        print("\nInterrupted. A run that was started goes on: pitstop status", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except Exception as error:
        if args.debug:
            raise
        sentence, code = _in_words(error)
        print(sentence, file=sys.stderr)
        return code


_NO_FURTHER = (
    "This command went no further; a run that was started goes on by itself. How it stands: pitstop "
    "status; what users get: pitstop doctor."
)


def _in_words(error: Exception) -> tuple[str, int]:
    """Return the sentence and exit code of what went wrong."""
    if isinstance(error, Usage):
        return str(error), 2
    if isinstance(error, CannotDo):
        return str(error), error.code
    if isinstance(error, NotARepository):
        return f"{error} is not in a git repository. Go there, or name it: pitstop -C DIR ...", 2
    if isinstance(error, JournalError):
        return (
            f"{error} {_NO_FURTHER} Look at the file and the disk. To return production all the same: "
            "pitstop rollback --service NAME --to DEPLOYMENT --reason TEXT",
            1,
        )
    kind = type(error).__name__
    if kind == "ConfigurationError":
        return "\n".join(getattr(error, "problems", [str(error)])), 2
    if kind in ("Refused", "CannotTell"):
        return str(error), 1
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return (
            f"{error.strerror or error}{where}. {_NO_FURTHER} Mend that, then: pitstop doctor",
            1,
        )
    return f"pitstop broke: {kind}: {error}. See more with --debug.", 1


def place(args: argparse.Namespace, *, wake: bool = True) -> Place:
    """Return the repository the command is about; first see to runs without a living watcher."""
    start = args.directory or _here()
    if not os.path.isdir(start):
        raise Usage(f"There is no folder {start}.")
    found = Place(start, args.config)
    if wake:
        see_to_unwatched(found)
    return found


def _here() -> str:
    """Return the current folder; where a merged hotfix's worktree was, its repository."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        folder = os.environ.get("PWD", "")
    while folder and not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    home = folder.removesuffix(".hotfix")
    if home == folder or not os.path.isdir(home):
        raise Usage("This folder is gone. Go to the repository, or name it: pitstop -C DIR ...")
    os.chdir(home)
    return home


def see_to_unwatched(here: Place, but: str | None = None) -> None:
    """Say loudly which runs past their deploy nobody watches, and start their process again.

    ``but``: a run that the command itself sees to.
    """
    for run, state in states(here, unless=("rests", "closed")):
        if not state or state["closed_at"] or run.id == but:
            continue
        if not past_deploy(state) and state["kind"] != "rollback":
            continue
        if being_rolled_back(here, state):
            continue
        if state["broke"]:
            print(
                f"WARNING: nobody watches production for {run.id}: {state['broke']} "
                f"Return it: {way_out(run)}",
                file=sys.stderr,
            )
        elif not ownership.executing(run):
            gone = f"WARNING: nobody watched production for {run.id}: its process was gone."
            print(f"{gone} {_started_again(here, run)}", file=sys.stderr)
        elif ownership.stale(run):
            print(unresponsive(run), file=sys.stderr)


def being_rolled_back(here: Place, state: dict[str, Any]) -> bool:
    """Return whether a rollback acts instead of a hotfix; see that somebody executes it."""
    if not state["rollback"]:
        return False
    other = RunFolder(here.runs / state["rollback"])
    found = status(other.lines())
    if found["closed_at"]:
        return False
    if not ownership.executing(other) and not found["broke"]:
        ownership.start_process(other, here.repository)
        wait_until_executing(other)
    return True


def _started_again(here: Place, run: RunFolder) -> str:
    """Start a run's process again; return a sentence about what came of it."""
    try:
        ownership.start_process(run, here.repository)
        wait_until_executing(run)
    except (OSError, JournalError) as problem:
        why = str(problem)
    else:
        if ownership.executing(run) or run.last_event() in ("closed", "broke"):
            return f"Started again: pitstop status {run.id}"
        why = f"see {run.log}"
    return f"IT COULD NOT BE STARTED AGAIN ({why}): {way_out(run)}"


def way_out(run: RunFolder) -> str:
    """Return what to type where a run cannot go on: another rollback, or the rollback again."""
    lines = run.lines()
    if status(lines)["kind"] == "rollback":
        wanted = lines[0]["data"]["incident"]
        return (
            f"pitstop rollback --service {wanted['service']} --to {wanted['deployment_id']} "
            "--reason TEXT"
        )
    return f"pitstop rollback {run.id} --reason TEXT"


def unresponsive(run: RunFolder) -> str:
    """Say that a run's process is stopped or hung."""
    return (
        f"WARNING: nobody watches production for {run.id}: its process does not respond. "
        f"Go on: pitstop resume {run.id}, or return: {way_out(run)}"
    )


def end_hung(run: RunFolder) -> None:
    """End a process that does not respond, and say so."""
    ended = ownership.end_process(run)
    said = "and was ended" if ended else "AND COULD NOT BE ENDED: look for it with ps"
    print(f"The process of {run.id} did not respond {said}.", file=sys.stderr)


def states(
    here: Place, *, quiet: bool = False, unless: tuple[str, ...] = ()
) -> list[tuple[RunFolder, dict[str, Any]]]:
    """Return every run with its state; one whose journal cannot be read is said and left out.

    Runs whose last line is one of ``unless`` are left out, too.
    """
    found = []
    for run in ownership.runs(here.runs_folder):
        if "closed" in unless and run.is_over():
            continue
        try:
            last = run.last_event()
            if last and last not in unless:  # without a line it was never declared
                found.append((run, status(run.lines())))
        except JournalError as error:
            if not quiet:
                print(
                    f"WARNING: {error} Whether it is past its deploy is not known; if so, nobody may "
                    "watch production: pitstop doctor. The other runs are not touched by it.",
                    file=sys.stderr,
                )
    return found


def with_room(here: Place, act: Callable[[], T]) -> T:
    """Write what must be written now; on a full disk, with the room that the runs keep back."""
    try:
        return act()
    except (OSError, JournalError) as problem:
        if not (getattr(problem, "full", False) or getattr(problem, "errno", None) == errno.ENOSPC):
            raise
        if not [run for run in ownership.runs(here.runs_folder) if run.give_up_reserve()]:
            raise
        return act()


def wait_until_executing(run: RunFolder, within: float = 10.0) -> None:
    """Wait until a started process holds its run, or has written that it is done."""
    import time

    seen = len(run.lines())
    deadline = time.monotonic() + within
    while not ownership.executing(run) and time.monotonic() < deadline:
        if len(run.lines()) > seen:
            return
        time.sleep(0.02)


def add_id(parser: argparse.ArgumentParser) -> None:
    """Add the argument that says which hotfix is meant."""
    parser.add_argument("id", nargs="?", help="the hotfix; a unique prefix is enough")


def state_of(run: RunFolder) -> dict[str, Any]:
    """Return a run's state, with its process and the time used up to now."""
    from datetime import UTC, datetime

    found = status(run.lines(), datetime.now(UTC))
    alive = ownership.process(run)
    found["process"] = alive and {"pid": alive["pid"], "heartbeat_at": alive["heartbeat_at"]}
    return found


def find(here: Place, given: str | None, *, waiting_for: str | None = None) -> RunFolder:
    """Return the run that is meant: by its id, a unique prefix, or because only one is open."""
    known = ownership.runs(here.runs_folder)
    if given:
        exact = [run for run in known if run.id == given]
        matching = exact or [run for run in known if run.id.startswith(given)]
        matching = [run for run in matching if run.last_event()]
        return _only(matching, f"There is no hotfix {given!r}", f"{given!r} is not unique")
    read = states(here, quiet=True, unless=("closed",))
    open_ = [(run, s) for run, s in read if s and s["kind"] == "hotfix" and not s["closed_at"]]
    if waiting_for:
        waiting = [(run, s) for run, s in open_ if s["waiting_for"] == waiting_for]
        open_ = waiting or open_
    unfinished = [run for run, s in open_ if not s["outcome"]]
    return _only(
        unfinished if len(unfinished) == 1 else [run for run, _ in open_],
        "No hotfix is open",
        "More than one hotfix is open",
    )


def _only(found: list[RunFolder], none: str, many: str) -> RunFolder:
    if len(found) == 1:
        return found[0]
    if not found:
        raise Unknown(f"{none}. See: pitstop list")
    raise Usage(f"{many}: {', '.join(run.id for run in found)}. Name one.")


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid-{os.getuid()}"


def reason(text: str) -> str:
    """Return a reason that says something."""
    if not text.strip():
        raise Usage("--reason must say why: it is read afterwards.")
    return text.strip()


def actor(here: Place, claimed: str | None = None, *, urgent: bool = False) -> str:
    """Return who acts: git's identity, or the name they claim.

    What is ``urgent`` is refused to nobody: without an identity the login name is recorded.
    """
    if claimed is not None:
        if not claimed.strip():
            raise Usage('--as must name a person: --as "NAME <ADDRESS>"')
        return claimed.strip()
    from pitstop.adapters._run import Runner

    said = []
    for key in ("user.name", "user.email"):
        done = Runner().run(["git", "-C", here.top, "config", "--get", key], within=10)
        said.append(done.text.strip())
    if not all(said) and urgent:
        import socket

        return f"{_login()} <{_login()}@{socket.gethostname()}>"
    if not all(said):
        raise Usage(
            "git does not know who you are, so nothing can be put on record. Type: "
            'git config user.name "NAME"; git config user.email ADDRESS'
        )
    return f"{said[0]} <{said[1]}>"

"""The run's own process: holds the run's lock, executes its procedure, beats its heart."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from pitstop.engine import ownership
from pitstop.engine.ownership import RunFolder
from pitstop.engine.place import Place


def run_process(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Execute a run; started by other commands, never typed."""
    parser.add_argument("run", type=Path)
    return lambda args: execute(RunFolder(args.run.absolute()))


COMMANDS = {"run-process": run_process}


def execute(run: RunFolder) -> int:
    """Execute a run unless somebody does so already; what cannot go on is said in the journal."""
    for name in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)  # a closed terminal changes nothing; to stop it: abort
    with ownership.held(run.lock) as mine:
        if mine:
            _execute(run)
    return 0


def _execute(run: RunFolder) -> None:
    from pitstop import bootstrap
    from pitstop import messages as say
    from pitstop.adapters._processes import identity
    from pitstop.engine.recorded import Stopped, Waiting
    from pitstop.ports import Fenced

    heart = ownership.Heart(run, identity(os.getpid()) or "")
    place = Place(Path.cwd())
    declared = run.lines()[0]["data"]["incident"]
    hotfix = declared.get("hotfix")
    if hotfix:
        # the ship heard of the rollback already; it gets a second to stop by itself
        ownership.stop_for_rollback(RunFolder(place.runs / hotfix))
    try:
        bootstrap.execute(run, place, heart)
    except Waiting as waiting:
        _write(run, "rests", {"question": waiting.question})
    except Stopped as stopped:
        _write(run, "broke", {"reason": str(stopped)})
    except Fenced as fenced:
        print(fenced, file=sys.stderr)
    except Exception as error:  # noqa: BLE001 - said in the journal, where every client reads it
        import traceback

        traceback.print_exc()
        _write(run, "broke", {"reason": say.process_broke(run.id, say.fault(error))})
    if hotfix:
        target = RunFolder(place.runs / hotfix)
        ownership.start_process(target, place.repository)  # it closes its own run


def _write(run: RunFolder, event: str, data: dict[str, object]) -> None:
    journal = run.journal()
    journal.append(event, data, by=str(run.lines()[0]["by"]))
    journal.close()

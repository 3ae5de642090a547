"""The run's own process: holds the run's lock, executes its procedure, beats its heart."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from pitstop.engine import ownership
from pitstop.engine.ownership import RunFolder
from pitstop.engine.place import Place
from pitstop.journal.status import status
from pitstop.journal.store import JournalError


def execute(folder: str) -> int:
    """Execute a run unless somebody does so already; what cannot go on is said in the journal."""
    run = RunFolder(os.path.abspath(folder))
    for name in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)  # a closed terminal changes nothing; to stop it: abort
    with ownership.held(run.lock) as mine:
        if mine:
            from pitstop.adapters._processes import identity

            # before all that takes time to load: whoever looks sees a living process
            _execute(run, ownership.Heart(run, identity(os.getpid()) or ""))
    return 0


def _execute(run: RunFolder, heart: ownership.Heart) -> None:
    from pitstop import bootstrap
    from pitstop import messages as say
    from pitstop.engine.recorded import Stopped, Waiting
    from pitstop.ports import Fenced

    declared = _declared(run)
    if declared is None:
        return
    place = Place(Path.cwd())
    hotfix = declared.get("hotfix")
    if hotfix:
        # the ship heard of the rollback already; it gets a second to stop by itself
        ownership.stop_for_rollback(RunFolder(place.runs / hotfix))
    try:
        bootstrap.execute(run, place, heart)
    except Waiting as waiting:
        _write(run, "rests", {"question": waiting.question})
    except Stopped as stopped:
        if not _ended_by_a_person(run, str(stopped)):
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


def _declared(run: RunFolder, within: float = 10.0) -> dict[str, Any] | None:
    """Return what was declared, once all of it is on record; None if that is not to be.

    A rollback's process is started a moment before. The record of a rollback that ends a hotfix is
    whole when the hotfix's journal names this run, and not another one that was quicker.
    """
    folder, deadline = _inode(run), time.monotonic() + within
    while folder is not None and folder == _inode(run) and time.monotonic() < deadline:
        with contextlib.suppress(JournalError):
            lines = run.lines() if os.path.exists(run.db) else []
            if lines and status(lines)["closed_at"]:
                return None
            if lines and _whole(run, lines[0]["data"]):
                found: dict[str, Any] = lines[0]["data"]["incident"]
                return found
        time.sleep(0.005)
    return None


def _whole(run: RunFolder, said: dict[str, Any]) -> bool:
    hotfix = said["incident"].get("hotfix")
    if not hotfix:
        return True
    lines = RunFolder(run.path.parent / hotfix).lines()
    return any(line["event"] == "rollback" and line["data"]["run"] == run.id for line in lines)


def _inode(run: RunFolder) -> int | None:
    """Return which folder this is: one that was removed and made again is another."""
    try:
        return os.stat(run.path).st_ino
    except OSError:
        return None


def _ended_by_a_person(run: RunFolder, why: str) -> bool:
    """Close a run that cannot go on and that somebody ended: by a rollback, or before its deploy.

    Its own steps cannot tidy up, so what they would have removed stays, and that is said.
    """
    lines = run.lines()
    state = status(lines)
    if state["returned_to"]:
        outcome = "rolled_back"
    elif any(line["event"] == "abort" for line in lines) and not state["rollback_point"]:
        outcome = "aborted"
    else:
        return False
    reason = f"Ended by a person; its branch, worktree and claim are left as they were. {why}"
    _write(run, "outcome", {"status": outcome, "reason": reason})
    _write(run, "closed", {})
    run.note_over()
    return True


def _write(run: RunFolder, event: str, data: dict[str, object]) -> None:
    journal = run.journal()
    journal.append(event, data, by=str(run.lines()[0]["by"]))
    journal.close()

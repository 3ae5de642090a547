"""Who runs what: a run's folder, its lock, its process and heartbeat.

Executing a run means holding its lock in a process of its own. Imports stay light: `pitstop status`
looks here whether a run is alive.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from pitstop.journal import store

TYPE_CHECKING = False  # importing pathlib costs more than all that is read here
if TYPE_CHECKING:
    from pathlib import Path

STALE_AFTER = 5.0  # seconds without a heartbeat; it beats every second
_RESERVE = 256_000  # bytes kept back, to write down how a run ends on a full disk
_CONFIRM = 1.5  # a heartbeat that is old and stays old this long is stale, whatever the clock did
_PATIENCE = 60  # seconds: a backup that locks the journal is no reason to return a good fix
_GLANCE = 0.25  # who looks whether a lock is held touches it, for less than this
GRACE = 1.0  # what a ship's process gets to stop by itself when a rollback begins


class RunFolder:
    """One run: its journal, lock, outputs and evidence."""

    def __init__(self, path: str | Path) -> None:
        self._path = os.fspath(path)
        self.id = os.path.basename(self._path)
        self.db = os.path.join(self._path, "run.db")
        self.lock = os.path.join(self._path, "lock")
        self.process = os.path.join(self._path, "process.json")
        self._over = os.path.join(self._path, "over")

    @property
    def path(self) -> Path:
        """Return the folder."""
        import pathlib

        return pathlib.Path(self._path)

    @property
    def log(self) -> Path:
        """Return the file with the last words of the run's processes."""
        return self.path / "process.log"

    @property
    def output(self) -> Path:
        """Return the folder with one file for each command that ran."""
        return self.path / "output"

    @property
    def evidence(self) -> Path:
        """Return the folder with the files that people gave."""
        return self.path / "evidence"

    @classmethod
    def create(cls, runs: Path, wanted: str) -> RunFolder:
        """Make the folder of a new run; a taken id gets -2, -3 ..."""
        runs.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            folder = cls(runs / (wanted if number == 1 else f"{wanted}-{number}"))
            try:
                folder.path.mkdir()
            except FileExistsError:
                number += 1
                continue
            folder.output.mkdir()
            folder.evidence.mkdir()
            return folder

    def journal(self, *, create: bool = False, reserve: bool = False) -> store.Journal:
        """Open the journal for writing; the run's own process may give up the reserve."""
        kept = self.path / "reserve"
        with contextlib.suppress(OSError):  # no room for it now: then there is none to give up
            disk = os.statvfs(self._path)
            if not kept.exists() and disk.f_bavail * disk.f_frsize > 4 * _RESERVE:
                kept.write_bytes(b"0" * _RESERVE)
        given, patience = (str(kept), _PATIENCE) if reserve else (None, 5)
        return store.Journal(self.db, self.id, create=create, reserve=given, patience=patience)

    def give_up_reserve(self) -> bool:
        """Make room on a full disk for what must be written now; return whether there was any."""
        try:
            os.unlink(os.path.join(self._path, "reserve"))
        except OSError:
            return False
        return True

    def is_over(self) -> bool:
        """Return whether it is noted here that the run is closed; if not, its journal tells.

        It spares ``status`` a hundred files; who ships a closed run again takes it away first.
        """
        return os.path.exists(self._over)

    def note_over(self) -> None:
        """Note that the run is closed."""
        with contextlib.suppress(OSError), open(self._over, "w"):
            pass

    def note_open(self) -> None:
        """Take the note away that the run is closed."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._over)

    def last_event(self) -> str | None:
        """Return the event of the journal's last line."""
        return store.last_event(self.db)

    def lines(self, after: int = 0) -> list[store.Line]:
        """Read the journal."""
        return store.read(self.db, after)


def runs(folder: str | Path) -> list[RunFolder]:
    """Return every run that was declared, in order of their names."""
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    found = [RunFolder(os.path.join(folder, name)) for name in names]
    return [run for run in found if os.path.exists(run.db)]


@contextlib.contextmanager
def held(path: str | Path, tick: Callable[[], None] | None = None) -> Iterator[bool]:
    """Hold a lock file. Without ``tick``: soon or not at all (yields False); with: wait."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)  # less the umask
    deadline = time.monotonic() + _GLANCE
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if tick is None and time.monotonic() > deadline:
                    yield False
                    return
                if tick:
                    tick()
                time.sleep(0.05 if tick else 0.002)
        yield True
    finally:
        os.close(descriptor)


def executing(run: RunFolder) -> bool:
    """Return whether some process holds the run's lock."""
    if not os.path.exists(run.lock):
        return False
    try:
        descriptor = os.open(run.lock, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        return True  # somebody else's, and not known: never said to be gone, never started again
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class Heart:
    """Tells others that the run's process is alive: the age of its file, touched each second.

    Touching needs no room on the disk, so a full disk does not look like a death.
    """

    def __init__(self, run: RunFolder, who: str) -> None:
        self._file = run.process
        self._last = 0.0
        said = json.dumps({"pid": os.getpid(), "who": who})
        partial = f"{self._file}.new"
        try:
            with open(partial, "w") as file:
                file.write(said)
            os.replace(partial, self._file)
        except OSError:  # the disk is full: written over what is there, it needs no room
            with contextlib.suppress(OSError), open(self._file, "r+") as file:
                file.write(said)
                file.truncate()

    def beat(self) -> None:
        """Touch the file, once a second at most."""
        now = time.monotonic()
        if now - self._last >= 1.0:
            self._last = now
            with contextlib.suppress(OSError):
                os.utime(self._file)


def process(run: RunFolder) -> dict[str, object] | None:
    """Return ``{pid, who, heartbeat_at, age}`` of the process that executes the run, or None."""
    if not executing(run):
        return None
    try:
        with open(run.process) as file:
            said: dict[str, object] = json.load(file)
        beat = os.stat(run.process).st_mtime
    except (OSError, ValueError):
        return {"pid": None, "who": None, "heartbeat_at": None, "age": 0.0}
    if not _lives(said["pid"]):  # of the process before; this one begins
        return {"pid": None, "who": None, "heartbeat_at": None, "age": 0.0}
    at = store.stamp(datetime.fromtimestamp(beat, UTC))
    return {"pid": said["pid"], "who": said["who"], "heartbeat_at": at, "age": time.time() - beat}


def _lives(pid: object) -> bool:
    """Return whether there is such a process, and not only its end to be noticed."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def stale(run: RunFolder) -> bool:
    """Return whether the run is held by a process whose heart does not beat (stopped or hung)."""
    found = process(run)
    if not found or abs(float(str(found["age"]))) < STALE_AFTER:
        return False
    deadline = time.monotonic() + _CONFIRM
    while time.monotonic() < deadline:
        time.sleep(0.05)
        now = process(run)
        if not now or now["heartbeat_at"] != found["heartbeat_at"]:
            return False
    return True


def end_process(run: RunFolder, grace: float = 0.0) -> bool:
    """Kill the process that executes the run (pid and start time compared); wait until it is gone.

    Returns False if it would not go.
    """
    from pitstop.adapters import _processes

    deadline = time.monotonic() + grace
    while executing(run) and time.monotonic() < deadline:
        time.sleep(0.02)
    found = process(run)
    if found and found["who"]:
        _processes.kill(str(found["who"]))
    deadline = time.monotonic() + 5.0
    while executing(run):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def start_process(run: RunFolder, repository: Path) -> None:
    """Start the process that executes a run: own session, no terminal, this person's environment."""
    from pitstop.adapters._run import detach

    detach(
        [sys.executable, "-m", "pitstop", "run-process", run.path],
        folder=repository,
        log=run.log,
        env={"PYTHONUNBUFFERED": "1"},
    )


def stop_for_rollback(run: RunFolder) -> bool:
    """Give the process of a ship one second to stop by itself, then kill it."""
    return end_process(run, grace=GRACE)

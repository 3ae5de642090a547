"""Start one program under a lock, so that a second supervisord waits for it, never doubles it.

Runs as ``python -I -S hold.py SPEC`` under supervisord and becomes the program itself. The lock is
inherited: it is free again when the program and all it started are gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path

_LOOK = 0.1


def main(spec: dict[str, object]) -> None:
    """Take the lock, write down who we are, become the program."""
    pid_file, lock = Path(str(spec["pid"])), Path(str(spec["lock"]))
    file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    supervisord = os.getppid()
    while not _taken(file):
        _end_leftovers(pid_file, lock)
        time.sleep(_LOOK)
        _leave_without(supervisord)
    _leave_without(supervisord)
    os.set_inheritable(file, True)
    who = _identity(os.getpid()) or ""
    beside = pid_file.with_name(f".{pid_file.name}.new")
    beside.write_text(who)
    beside.rename(pid_file)
    log = os.open(str(spec["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(str(spec["folder"]))
    env, argv = spec["env"], spec["argv"]
    assert isinstance(env, dict) and isinstance(argv, list)  # noqa: S101 - we wrote it
    os.execvpe(argv[0], argv, {**os.environ, **env})  # noqa: S606 - that is what we are for


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _leave_without(supervisord: int) -> None:
    """End when supervisord did: the next one has a copy of its own waiting, and counts on it."""
    command = b""
    with contextlib.suppress(OSError):
        command = Path(f"/proc/{supervisord}/cmdline").read_bytes()
    if os.getppid() != supervisord or b"supervisor" not in command:
        sys.exit("supervisord is gone")


def _end_leftovers(pid_file: Path, lock: Path) -> None:
    """Kill what a dead program left running: it holds the lock and the port, and is nobody's."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        who = pid_file.read_text()
        leader = int(who.split("/")[1])
        if _identity(leader) != who:
            for pid in holders(leader, lock):
                os.kill(pid, signal.SIGKILL)


def holders(leader: int, lock: Path) -> list[int]:
    """Return the members of a process group that have its lock open."""
    found, name = [], str(lock.resolve())
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            pid = int(folder.name)
            if os.getpgid(pid) == leader and any(
                os.path.realpath(link) == name for link in (folder / "fd").iterdir()
            ):
                found.append(pid)
    return found


def _identity(pid: int) -> str | None:
    from pitstop.adapters._processes import identity

    return identity(pid)


if __name__ == "__main__":
    os.environ.pop("SUPERVISOR_SERVER_URL", None)
    sys.path.append(str(Path(__file__).resolve().parents[4]))  # -I -S: we are not installed here
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))

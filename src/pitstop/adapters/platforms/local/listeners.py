"""Who listens on a port: a healthy answer counts only when it is our release that gives it."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Collection
from pathlib import Path

from pitstop.adapters import _processes

_LISTENING = "0A"
_FIRST, _LAST = 20000, 32000  # below the ports that outgoing connections take for themselves


def sockets_on(port: int) -> set[str]:
    """Return the sockets that listen on a TCP port of this machine."""
    found = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{fields[9]}]")
    return found


def family(leader: int) -> set[int]:
    """Return a process with its descendants and the members of its process group."""
    parents, found = {}, {leader}
    for pid in _pids():
        with contextlib.suppress(OSError, ValueError):
            _, parent, group, *_ = _processes.facts(pid)
            parents[pid] = int(parent)
            if int(group) == leader:
                found.add(pid)
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return found


def is_listener(leader: int, port: int) -> bool:
    """Return whether the port is listened on, and by nobody but this process's family."""
    wanted = sockets_on(port)
    return bool(wanted) and wanted <= _open_files(family(leader))


def who(port: int) -> str:
    """Return the name and pid of whoever listens on a port, as far as it can be seen."""
    wanted = sockets_on(port)
    for pid in _pids():
        if wanted & _open_files([pid]):
            with contextlib.suppress(OSError):
                name = Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
                return f"{name} (pid {pid})"
    return "another program"


def can_listen(host: str, port: int) -> bool:
    """Return whether an address is free; other trouble with it is left to who uses it."""
    version = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(version, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
            trial.listen()
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def free_port(start: int, taken: Collection[int]) -> int:
    """Return a free port, always the same one as long as the world is the same."""
    for step in range(_LAST - _FIRST):
        port = _FIRST + (start + step) % (_LAST - _FIRST)
        if port not in taken and can_listen("0.0.0.0", port):  # noqa: S104 - free on every address
            return port
    raise OSError(errno.EADDRINUSE, "No port from 20000 to 32000 is free")


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _open_files(pids: Collection[int]) -> set[str]:
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for number in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    found.add(os.readlink(f"/proc/{pid}/fd/{number}"))
    return found

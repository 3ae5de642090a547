"""Keep the logs small and the programs trying; resident under supervisord.

It imports nothing of pitstop: it runs as ``python -I -S housekeeper.py SECONDS BYTES KEEP`` in the
state folder. The access log is renamed and the proxy told to open a new one; other logs are copied
and emptied, because their writers hold them open, for appending.
"""

from __future__ import annotations

import contextlib
import http.client
import shutil
import socket
import sys
import time
import xmlrpc.client
from pathlib import Path
from typing import Any

ACCESS = Path("log/access.log")
_NUDGE = 0.15


def main(every: float, size: int, keep: int) -> None:
    """Look, tidy up, wait, for as long as supervisord wants it."""
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            tidy(size, keep)
        with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Error):
            revive()
        until = time.monotonic() + every
        while time.monotonic() < until:
            time.sleep(_NUDGE)
            nudge()


def nudge() -> None:
    """Wake supervisord: on its own it looks once a second, and twice before it starts one anew."""
    with contextlib.suppress(OSError), contextlib.closing(_Socket("run/supervisor.sock")) as caller:
        caller.connect()


def tidy(size: int, keep: int) -> None:
    """Rotate what has grown too large."""
    if ACCESS.exists() and ACCESS.stat().st_size > size:
        for number in range(keep - 1, 0, -1):
            if _old(ACCESS, number).exists():
                _old(ACCESS, number).rename(_old(ACCESS, number + 1))
        ACCESS.rename(_old(ACCESS, 1))
        reopen()
    for log in Path("log").iterdir():
        if log.suffix in (".log", ".out") and log.name not in (ACCESS.name, "supervisord.log"):
            _copy_and_empty(log, size // 4)


def reopen() -> None:
    """Make the proxy write to the file that has the log's name, not to the one it had."""
    proxy = _Socket("run/admin.sock")
    with contextlib.closing(proxy):
        proxy.request("POST", "/reopen_logs")
        proxy.getresponse().read()


def revive() -> None:
    """Let programs that supervisord has given up on try again: their trouble may be over."""
    with xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=_Supervisor()) as remote:
        found: Any = remote.supervisor.getAllProcessInfo()
        for each in found:
            if each["statename"] in ("FATAL", "EXITED"):
                remote.supervisor.startProcess(each["name"], False)


def _old(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")


def _copy_and_empty(log: Path, size: int) -> None:
    if log.stat().st_size > size:
        shutil.copyfile(log, _old(log, 1))
        with log.open("r+b") as file:
            file.truncate(0)


class _Socket(http.client.HTTPConnection):
    """A unix socket below the state folder, where we are: its path is short."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=5.0)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)


class _Supervisor(xmlrpc.client.Transport):
    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = _Socket("run/supervisor.sock")
        self._connection = host, connection  # the base class closes this one
        return connection


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

"""HTTP over a unix socket, however long the path to it is."""

from __future__ import annotations

import http.client
import os
import socket
from pathlib import Path


class UnixConnection(http.client.HTTPConnection):
    """A connection to a socket in a folder.

    A socket's path holds 107 bytes at most, a state folder's path may be longer: the folder is
    opened first, and the socket is reached through the open folder.
    """

    def __init__(self, path: Path, timeout: float = 2.0) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Open the connection."""
        folder = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.settimeout(self.timeout)
            self.sock.connect(f"/proc/self/fd/{folder}/{self._path.name}")
        except OSError:
            self.close()
            raise
        finally:
            os.close(folder)


def ask(path: Path, target: str, method: str = "GET", timeout: float = 2.0) -> tuple[int, bytes]:
    """Send one request. Raises OSError or http.client.HTTPException when there is no answer."""
    connection = UnixConnection(path, timeout)
    try:
        connection.request(method, target)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()

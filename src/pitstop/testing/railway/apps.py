"""What runs behind a deployment: a function in this process, or a program of its own."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Answer = tuple[int, bytes]
"""Status and body."""


class Served(Protocol):
    """An app that runs."""

    def healthy(self, path: str | None) -> str | None:
        """Wait until it is up, ask for its health where a path is given; return why it is not well."""

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Answer a request. Raises OSError where nothing answers."""

    def end(self) -> None:
        """Stop it."""


App = Callable[[Mapping[str, bytes], Mapping[str, str]], Served]
"""Starts what was uploaded, with its variables."""

Handler = Callable[[Mapping[str, bytes], str, str], Answer]
"""Answers for some files: a method and a path."""


@dataclass
class InProcess:
    """An app that is a function; quick to start, for many tests."""

    files: Mapping[str, bytes]
    handler: Handler

    def healthy(self, path: str | None) -> str | None:
        """Ask the function."""
        status, body = self.handler(self.files, "GET", path or "/")
        said = f"{path or '/'} answered {status}: {body.decode(errors='replace')[:80]}"
        return None if status == 200 else said

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Ask the function."""
        return self.handler(self.files, method, path)

    def end(self) -> None:
        """Do nothing: there is nothing to stop."""


def in_process(handler: Handler) -> App:
    """Return apps whose answers a function gives."""
    return lambda files, _: InProcess(files, handler)


class Started:
    """An app that is a program of its own, in a folder that holds exactly what was uploaded."""

    WITHIN = 20.0  # seconds to listen on its port

    def __init__(
        self, argv: Sequence[str], files: Mapping[str, bytes], variables: Mapping[str, str]
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pitstop-railway-"))
        for name, content in files.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self._port = _free_port()
        self._process = subprocess.Popen(
            argv,
            cwd=self._folder,
            env={**os.environ, **variables, "PORT": str(self._port)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def healthy(self, path: str | None) -> str | None:
        """Wait until it listens, or has ended; then ask."""
        deadline = time.monotonic() + self.WITHIN
        while time.monotonic() < deadline:
            if (code := self._process.poll()) is not None:
                return f"the process ended with exit code {code}"
            with contextlib.suppress(OSError):
                status, _ = self.answer("GET", path or "/", b"")
                return None if status == 200 or not path else f"{path} answered {status}"
            time.sleep(0.02)
        return "it never listened on its port"

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Pass a request on."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request(method, path, body=body or None)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as odd:
            raise OSError(str(odd)) from odd
        finally:
            connection.close()

    def end(self) -> None:
        """Kill the program and remove its folder."""
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def started(argv: Sequence[str]) -> App:
    """Return apps that are started by a command, as a Procfile would."""
    return lambda files, variables: Started(argv, files, variables)


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])

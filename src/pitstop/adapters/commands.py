"""The team's own shell commands: their output is masked, kept with the run, and shown as it comes."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path

from pitstop.adapters._run import Runner
from pitstop.ports import CannotTell, Ran

_TAIL = 4_000
_MOST = 50_000_000  # bytes kept of one command's output; the rest is read and dropped
_GIT = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")


class ShellCommands:
    """Run configured commands with ``sh -c``; ``secrets`` are the values that are masked."""

    def __init__(self, runner: Runner, output: Path, secrets: Iterable[str] = ()) -> None:
        self._runner, self._output = runner, output
        self._secrets = [s.encode() for s in sorted(set(secrets), key=len, reverse=True) if s]

    def run(
        self, command: str, *, name: str, folder: Path, within: timedelta, env: Mapping[str, str]
    ) -> Ran:
        """Run one command to its end or its time limit."""
        with _Kept(self._output, name, self._secrets) as kept:
            report = kept.report
            try:
                done = self._runner.run(
                    ["sh", "-c", command.replace("{junit}", shlex.quote(str(report)))],
                    env={**env, **_reporting(command, report)},
                    without=_GIT,
                    leave_nothing=True,
                    folder=folder,
                    within=within.total_seconds(),
                    sink=kept.take,
                )
            except OSError as error:
                raise CannotTell(f"{name} could not be started in {folder}: {error}.") from error
        tests = None
        if report.exists():
            from pitstop.adapters import _junit  # read only where there is one

            tests = _junit.read(report)
        return Ran(done.exit_code, done.seconds, kept.tail(), done.timed_out, tests)

    def note(self, name: str, line: str) -> None:
        """Keep a line that an adapter has to say, masked, beside the outputs."""
        data = line.encode()
        for secret in self._secrets:
            data = data.replace(secret, b"***")
        with (self._output / f"{name}.log").open("ab") as file:
            file.write(data + b"\n")


def _reporting(command: str, report: Path) -> dict[str, str]:
    """Say where a report is wanted; pytest is asked for it in the way that it reads."""
    told = {"PITSTOP_JUNIT": str(report)}
    if re.search(r"\bpy\.?test\b", command) and "junit" not in command:
        before = os.environ.get("PYTEST_ADDOPTS", "")
        told["PYTEST_ADDOPTS"] = f"{before} --junitxml={shlex.quote(str(report))}".strip()
    return told


class _Kept:
    """One command's output: whole lines, masked, in a file of its own."""

    def __init__(self, folder: Path, name: str, secrets: list[bytes]) -> None:
        stem = re.sub(r"[^a-z0-9]+", "-", name.lower())
        number = len(list(folder.glob(f"{stem}.*.log"))) + 1
        self._path = folder / f"{stem}.{number}.log"
        self.report = folder.absolute() / f"{stem}.{number}.xml"
        self._secrets = secrets
        self._part, self._end, self._size = b"", b"", 0

    def __enter__(self) -> _Kept:
        self._file = self._path.open("wb")
        return self

    def __exit__(self, *_: object) -> None:
        self._write(self._part)
        self._file.close()

    def take(self, data: bytes) -> None:
        """Take what the command wrote; a line is held back until it is whole, to be masked."""
        lines, found, rest = (self._part + data).rpartition(b"\n")
        self._part = rest
        if len(rest) > 65_536:
            lines, found, self._part = lines + found + rest, b"", b""
        self._write(lines + found)

    def _write(self, data: bytes) -> None:
        for secret in self._secrets:
            data = data.replace(secret, b"***")
        self._end = (self._end + data)[-_TAIL:]
        if self._size < _MOST:
            self._size += len(data)
            self._file.write(data)
            self._file.flush()

    def tail(self) -> str:
        """Return the end of the output."""
        return self._end.decode(errors="replace")

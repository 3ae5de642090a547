"""The only user of subprocess: commands in a process group of their own that dies with us."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

TICK = 0.05
_TAIL = 8_000


@dataclass(frozen=True)
class Completed:
    """A command that came to an end; ``out`` and ``err`` are whole, ``exit_code`` -N by signal N."""

    exit_code: int
    out: bytes
    err: bytes
    seconds: float
    timed_out: bool = False

    @property
    def text(self) -> str:
        """Return standard output as text without the last line end."""
        return self.out.decode(errors="replace").rstrip("\n")

    @property
    def said(self) -> str:
        """Return what the command said last, for a sentence about its failure."""
        both = (self.err or self.out).decode(errors="replace").strip()
        return both[-_TAIL:]


class Runner:
    """Runs commands for one process.

    ``tick`` is called every 50 ms while a command runs; what it raises ends the command's whole
    group and is raised again: that is how an abort is heard at once.
    """

    def __init__(self, tick: Callable[[], None] = lambda: None) -> None:
        self.tick = tick
        self._reaper: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        folder: Path | None = None,
        env: Mapping[str, str] | None = None,
        without: Sequence[str] = (),
        give: bytes = b"",
        source: int | None = None,
        within: float = 60.0,
        sink: Callable[[bytes], None] | None = None,
        keep: int | None = None,
        apart: bool = False,
        leave_nothing: bool = False,
    ) -> Completed:
        """Run a command to its end, or to ``within`` seconds, or until ``tick`` raises.

        ``env`` is added to our own environment, less the names in ``without``. ``source`` is a file
        descriptor that the command reads from, instead of what we ``give``. ``sink`` gets both
        outputs, mixed, as they come, and then ``out`` stays empty; ``apart`` keeps the errors out of
        it. Of an output longer than ``keep`` bytes only the end is kept. Raises FileNotFoundError or
        PermissionError if the command cannot be started.
        """
        started = time.monotonic()
        with self._lock:  # the reaper is started once, by whichever thread comes first
            if self._reaper is None:
                self._reaper = _start_reaper()
                weakref.finalize(self, _end_reaper, self._reaper)
            reaper = self._reaper
        process = subprocess.Popen(
            [str(part) for part in argv],
            cwd=folder,
            env={k: v for k, v in os.environ.items() if k not in without} | dict(env or {}),
            stdin=subprocess.PIPE if give else subprocess.DEVNULL if source is None else source,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if sink and not apart else subprocess.PIPE,
            process_group=0,
        )
        _tell(reaper, f"+{process.pid}")
        try:
            return self._follow(process, give, started, within, sink, keep)
        except BaseException:
            end_group(process.pid)
            process.wait()
            raise
        finally:
            if leave_nothing:  # what it left in the background ends with it
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
            _tell(reaper, f"-{process.pid}")
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def _follow(
        self,
        process: subprocess.Popen[bytes],
        give: bytes,
        started: float,
        within: float,
        sink: Callable[[bytes], None] | None,
        keep: int | None,
    ) -> Completed:
        if give and process.stdin:
            threading.Thread(target=_feed, args=(process.stdin, give), daemon=True).start()
        out, err, timed_out = bytearray(), bytearray(), False
        with selectors.DefaultSelector() as selector:
            for pipe, kept in ((process.stdout, out), (process.stderr, err)):
                if pipe:
                    os.set_blocking(pipe.fileno(), False)
                    take = sink if sink and pipe is process.stdout else _into(kept, keep)
                    selector.register(pipe, selectors.EVENT_READ, take)
            while selector.get_map() and process.poll() is None:
                self.tick()
                _drain(selector, TICK)
                if time.monotonic() - started > within:
                    timed_out = True
                    end_group(process.pid)
                    break
            while process.poll() is None:  # both outputs closed, still running
                self.tick()
                if time.monotonic() - started > within:
                    timed_out = True
                    end_group(process.pid)
                time.sleep(TICK / 5)
            while selector.get_map() and _drain(selector, 0):
                pass  # what was written before the end; a grandchild may hold the pipe open
        seconds = time.monotonic() - started
        return Completed(process.returncode, bytes(out), bytes(err), seconds, timed_out)


def _start_reaper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(Path(__file__).with_name("_reaper.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        bufsize=0,
    )


def _end_reaper(reaper: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if reaper.stdin:
            reaper.stdin.close()  # the end of its list is the end of its work
    reaper.wait()


def _tell(reaper: subprocess.Popen[bytes], line: str) -> None:
    with contextlib.suppress(OSError):
        assert reaper.stdin is not None  # noqa: S101 - opened just above, for the type checker
        reaper.stdin.write(line.encode() + b"\n")


def _feed(pipe: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(OSError):
        pipe.write(data)
        pipe.close()


def _into(kept: bytearray, most: int | None) -> Callable[[bytes], None]:
    def take(data: bytes) -> None:
        kept.extend(data)
        if most and len(kept) > most:
            del kept[:-most]

    return take


def _drain(selector: selectors.BaseSelector, timeout: float) -> bool:
    """Read what is there; return whether anything was."""
    heard = False
    for key, _ in selector.select(timeout):
        data = os.read(key.fd, 65536)
        if data:
            heard = True
            key.data(data)
        else:
            selector.unregister(key.fileobj)
    return heard


def end_group(pid: int, grace: float = 0.3) -> None:
    """End a process group: ask, then kill what is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGTERM)
        deadline = time.monotonic() + grace
        while time.monotonic() < deadline:
            time.sleep(0.01)
            os.killpg(pid, 0)
        os.killpg(pid, signal.SIGKILL)


def detach(
    argv: Sequence[str | Path], *, folder: Path, log: Path, env: Mapping[str, str] | None = None
) -> int:
    """Start a process that outlives us: own session, no terminal, output to ``log``."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in argv],
            cwd=folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ).pid

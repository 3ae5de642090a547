"""Bytes on their way from one program to another: through the system's pipes, memory stays flat."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable, Iterator

from pitstop.adapters._run import Runner
from pitstop.ports import CannotTell

CHUNK = 1 << 20
_WAIT = 0.05  # seconds between two ticks


class Pipe:
    """A sink that somebody reads in a thread of its own; it ticks while that is slow.

    ``read`` gets the descriptor to read from. What it raises is raised by ``close``; who stops
    reading early misses the rest, and nobody waits for it.
    """

    def __init__(self, read: Callable[[int], None], tick: Callable[[], None]) -> None:
        self._from, self._to = os.pipe()
        os.set_blocking(self._to, False)
        self._tick = tick
        self._trouble: Exception | None = None
        self._thread = threading.Thread(target=self._follow, args=(read,), daemon=True)
        self._thread.start()

    def _follow(self, read: Callable[[int], None]) -> None:
        try:
            read(self._from)
        except Exception as trouble:  # noqa: BLE001 - raised again where the sink is closed
            self._trouble = trouble
        finally:
            os.close(self._from)  # whoever writes hears it

    def write(self, data: bytes) -> None:
        """Pass bytes on; wait while the reader has enough to do."""
        rest = memoryview(data)
        while rest:
            if not select.select([], [self._to], [], _WAIT)[1]:
                self._tick()
                continue
            try:
                rest = rest[os.write(self._to, rest) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                return

    def close(self) -> None:
        """Say that nothing follows, wait for the reader, and raise what it met."""
        self._end()
        while self._thread.is_alive():
            self._thread.join(_WAIT)
            self._tick()
        if self._trouble:
            raise self._trouble

    def give_up(self) -> None:
        """Say that nothing follows and wait for the reader, whatever it met."""
        self._end()
        self._thread.join()

    def _end(self) -> None:
        if self._to >= 0:
            os.close(self._to)
            self._to = -1


@contextlib.contextmanager
def read_from(write: Callable[[Callable[[bytes], object]], None]) -> Iterator[int]:
    """Give a descriptor to read what ``write`` sends to its sink, in a thread of its own.

    What ``write`` raises is raised at the end; a reader that had enough is no trouble.
    """
    source, target = os.pipe()
    troubles: list[Exception] = []

    def follow() -> None:
        try:
            with os.fdopen(target, "wb", buffering=0) as sink:
                write(lambda data: _all_of(sink.fileno(), data))
        except Exception as trouble:  # noqa: BLE001 - raised again in the thread that reads
            troubles.append(trouble)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield source
    finally:
        os.close(source)
        thread.join()
    for trouble in troubles:
        if not isinstance(trouble, BrokenPipeError):
            raise trouble


def _all_of(target: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(target, rest) :]


def chunks(source: int, tick: Callable[[], None]) -> Iterator[bytes]:
    """Return what a descriptor holds, piece by piece."""
    while data := os.read(source, CHUNK):
        tick()
        yield data


class Trial:
    """Reads a backup back while it is made: ``read`` gets what is written, and a runner of its own."""

    def __init__(self, read: Callable[[int, Runner], object], tick: Callable[[], None]) -> None:
        self._enough = threading.Event()
        runner = Runner(self._go_on)  # in another thread: a person's word is not heard there
        self._pipe = Pipe(lambda source: _ignore(read(source, runner)), tick)
        self.write = self._pipe.write

    def _go_on(self) -> None:
        if self._enough.is_set():
            raise CannotTell("The backup was given up while it was read back.")

    def finish(self) -> None:
        """Wait for the reader, and raise what it met."""
        self._pipe.close()

    def give_up(self) -> None:
        """End the reader."""
        self._enough.set()
        self._pipe.give_up()


def _ignore(_: object) -> None:
    """Take what nobody needs."""

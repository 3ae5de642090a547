"""The service's fence: a number that every act on the platform compares, right before it acts."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pitstop.adapters import _processes
from pitstop.engine.ownership import GRACE, held
from pitstop.ports import Fenced


class ServiceFence:
    """A number in the service's state: whoever acts on the service took the latest one."""

    def __init__(self, service: Path, run: str = "") -> None:
        self._run = run
        service.mkdir(parents=True, exist_ok=True)
        self._file = service / "fence"
        self._acting = service / "acting.lock"
        self._counting = service / "fence.lock"
        self.number: int | None = None

    def current(self) -> int:
        """Return the number of whoever acts now."""
        try:
            return int(self._file.read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def advance(self) -> int:
        """Take the next number: everybody before is fenced off from here on."""
        with held(self._counting, tick=lambda: None):
            number = self.current() + 1
            partial = self._file.with_suffix(".new")
            with partial.open("w") as file:
                file.write(str(number))
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._file)
        self.number = number
        return number

    def check(self) -> None:
        """Raise ``Fenced`` if somebody took a later number; without a number of ours, pass."""
        if self.number is not None and self.current() != self.number:
            raise Fenced("Somebody else acts on this service now.")

    @contextlib.contextmanager
    def idle(self) -> Iterator[bool]:
        """Hold the service if nobody acts on it; yield whether that is so."""
        with held(self._acting) as nobody_acts:
            yield nobody_acts

    def _acting_now(self) -> None:
        """Write down who holds the service, for a rollback that has to end it."""
        with contextlib.suppress(OSError), open(self._acting, "w") as file:
            file.write(f"{_processes.identity(os.getpid()) or ''}\n{self._run}\n")

    def _acting_no_more(self) -> None:
        with contextlib.suppress(OSError):
            os.truncate(self._acting, 0)

    def acting(self) -> str:
        """Return which run holds the service, as far as it is known."""
        with contextlib.suppress(OSError, IndexError):
            return self._acting.read_text().splitlines()[1]
        return ""

    def regain(self) -> int:
        """Take the next number to return production: a rollback asks nobody."""
        return self.advance()

    @contextlib.contextmanager
    def alone(self, recorded: int | None, tick: Callable[[], None]) -> Iterator[int]:
        """Hold the service; go on with the recorded number if it still counts."""
        with held(self._acting, tick=tick):
            self._acting_now()
            try:
                if recorded is None:
                    yield self.advance()
                else:
                    self.number = recorded
                    self.check()
                    yield recorded
            finally:
                self._acting_no_more()


class RollbackFence(ServiceFence):
    """The fence as a rollback uses it: first it fences everybody off, then it ends who still acts."""

    @contextlib.contextmanager
    def alone(self, recorded: int | None, tick: Callable[[], None]) -> Iterator[int]:
        """Take the next number, give whoever acts one second, end it, and hold the service."""
        number = self.advance() if recorded is None else recorded
        self.number = number
        self.check()
        began = time.monotonic()

        def wait() -> None:
            tick()
            if time.monotonic() - began > GRACE:
                self._end_who_acts()

        with held(self._acting, tick=wait):
            self._acting_now()
            try:
                yield number
            finally:
                self._acting_no_more()

    def _end_who_acts(self) -> None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(self._acting) as file:
                who = file.readline().strip()
            if who and who != _processes.identity(os.getpid()):
                _processes.kill(who)

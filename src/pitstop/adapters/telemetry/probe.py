"""Requests of our own where users are too few to tell anything in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import cycle

import httpx
from pydantic import Field, field_validator

from pitstop import __version__
from pitstop.adapters.telemetry.formats import OURS
from pitstop.config import Part
from pitstop.ports import CannotTell

_WITHIN = 10.0
_FAILED = 500
Answered = Callable[[float, bool, float], object]


class ProbeSettings(Part):
    """``[telemetry.probe]``: what is asked where users are few."""

    paths: list[str] = Field(min_length=1)
    """what is asked for, in turn; only GET, so choose what changes nothing"""
    per_second: float = Field(5.0, gt=0, le=100)
    """how many requests a second, at most"""

    @field_validator("paths")
    @classmethod
    def _are_paths(cls, value: list[str]) -> list[str]:
        if odd := [one for one in value if not one.startswith("/")]:
            raise ValueError(f"{odd[0]!r} does not begin with /")
        return value


class Prober:
    """Asks in a thread of its own; each answer is told with its time, whether it failed, and ms."""

    def __init__(self, settings: ProbeSettings, address: Callable[[], str], told: Answered) -> None:
        self._settings, self._address, self._told = settings, address, told
        self._end = threading.Event()
        self.trouble = ""
        self._thread = threading.Thread(target=self._ask, name="probes", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._end.set()
        if self._thread.ident:
            self._thread.join(_WITHIN + 1)

    def _ask(self) -> None:
        pause = 1 / self._settings.per_second
        agent = {"User-Agent": f"{OURS}/{__version__} probe"}
        with httpx.Client(timeout=_WITHIN, headers=agent, follow_redirects=False) as client:
            for path in cycle(self._settings.paths):
                began = time.monotonic()
                try:
                    self._one(client, path)
                except CannotTell as unknown:
                    self.trouble = f"Probes: {unknown}"
                if self._end.wait(max(pause - (time.monotonic() - began), 0.0)):
                    return

    def _one(self, client: httpx.Client, path: str) -> None:
        began = time.monotonic()
        try:
            failed = client.get(f"{self._address()}{path}").status_code >= _FAILED
        except httpx.HTTPError:
            failed = True  # no answer is no good answer
        self._told(time.time(), failed, (time.monotonic() - began) * 1000)
        self.trouble = ""

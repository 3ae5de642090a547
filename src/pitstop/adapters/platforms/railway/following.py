"""Follow exactly one deployment to its end: by a socket where there is one, else by asking.

The socket is for speed; what counts is always what Railway says when it is asked. A dropped socket, a
lost answer and a used-up limit are no verdicts: the deployment is followed on until its time is over.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pitstop.adapters.platforms.railway import seen, statuses
from pitstop.adapters.platforms.railway.api import Api, Limited
from pitstop.adapters.platforms.railway.budget import OFTEN
from pitstop.adapters.platforms.railway.lines import Lines
from pitstop.adapters.platforms.railway.live import Dropped, Socket
from pitstop.adapters.platforms.railway.seen import Seen
from pitstop.adapters.platforms.railway.waiting import TICK
from pitstop.ports import CannotTell, Clock

SURE = 30.0  # seconds after which it is asked even though a socket is open
ODD = 60.0  # seconds that a status nobody knows may last
_FIRST_RETRY, _LAST_RETRY = 1.0, 8.0
_DEPLOYMENT, _PHASES, _BUILD, _RUNTIME = "deployment", "phases", "build", "runtime"
_FOLLOWED = {
    _DEPLOYMENT: "WatchDeployment",
    _PHASES: "FollowPhases",
    _BUILD: "FollowBuildLog",
    _RUNTIME: "FollowRuntimeLog",
}


@dataclass
class Following:
    """One deployment on its way. ``say`` gets a line for each thing that happens."""

    api: Api
    clock: Clock
    say: Callable[[str], None]
    id: str
    last: Seen | None = None  # as it was told last
    _socket: Socket | None = None
    _retry_at: float = 0.0
    _retry: float = _FIRST_RETRY
    _ask_at: float = 0.0
    _odd_since: float | None = None
    _said: set[str] = field(default_factory=set)
    _logs: dict[str, Lines] = field(default_factory=lambda: {_BUILD: Lines(), _RUNTIME: Lines()})

    def to_its_end(self, within: float) -> Seen:
        """Return the deployment when nothing more comes of it, or as it is when time is over.

        Raises CannotTell where it was never told how it is.
        """
        until = self._now() + within
        try:
            while not self._over() and self._now() < until:
                self._look(until)
        finally:
            self._close()
        if not self._over():
            self._ask(until)  # the last word is an answer, not a silence
        self._catch_up()
        if self.last is None:
            raise CannotTell(f"Railway did not say how {self.id} is within {within:.0f} s.")
        return self.last

    # How

    def _look(self, until: float) -> None:
        """Learn something, or let a moment pass."""
        if self.last is None and self._ask_at == 0.0:
            return self._ask(until)  # it may be over already
        if self._socket is None and self._now() >= self._retry_at:
            self._connect()
        if self._now() >= self._ask_at:
            self._ask(until)
        elif self._socket:
            self._receive(self._socket)
        else:
            left = min(self._ask_at, self._retry_at, until) - self._now()
            self.clock.pause(max(left, TICK))
        return None

    def _catch_up(self) -> None:
        """Say what the logs hold and no socket told."""
        for name, operation in ((_BUILD, "BuildLog"), (_RUNTIME, "RuntimeLog")):
            self._logs[name].begin_again()
            with contextlib.suppress(CannotTell):
                self._heard(name, self.api.ask(operation, id=self.id, limit=500))

    def _over(self) -> bool:
        if self.last is None:
            return False
        if statuses.kind(self.last.status) != "unknown":
            self._odd_since = None
            return statuses.over(self.last.status)
        self._odd_since = self._odd_since or self._now()
        return self._now() - self._odd_since > ODD

    def _connect(self) -> None:
        try:
            self._socket = Socket(self.api, self.clock)
            for name, operation in _FOLLOWED.items():
                limit = {}
                if name in self._logs:
                    limit = {"limit": 500}
                    self._logs[name].begin_again()
                self._socket.follow(name, operation, {"id": self.id, **limit})
        except Dropped:
            self._dropped()
        else:
            self._ask_at = 0.0  # what happened before the socket was there is asked for

    def _dropped(self) -> None:
        self._close()
        self._retry_at = self._now() + self._retry
        self._retry = min(self._retry * 1.5, _LAST_RETRY)
        self._ask_at = min(self._ask_at, self._now() + OFTEN)
        self._once("Railway's socket is not there: it is asked instead.")

    def _receive(self, socket: Socket) -> None:
        try:
            heard = socket.receive()
        except Dropped:
            self._dropped()
            return
        if heard is None:
            self.clock.pause(TICK)
            return
        name, data = heard
        if name == _DEPLOYMENT and data is None:
            self._dropped()
        elif data is not None:
            self._retry = _FIRST_RETRY
            self._heard(name, next(iter(data.values()), None))

    def _heard(self, name: str, told: Any) -> None:
        if name == _DEPLOYMENT:
            with contextlib.suppress(ValueError):
                self._told(seen.read(told))
        elif name == _PHASES and isinstance(told, dict):
            self._once(_phase(told))
        elif name in self._logs and isinstance(told, list):
            for line in self._logs[name].fresh(told):
                self.say(line)

    def _ask(self, until: float) -> None:
        """Ask over HTTP; without an answer it is simply asked again later."""
        now = self._now()
        pause = self.api.budget.pause(now, until - now)
        if pause > OFTEN:
            self._once(self.api.budget.said(pause))
        self._ask_at = now + (max(SURE, pause) if self._socket else pause)
        try:
            self._told(seen.read(self.api.ask("DeploymentNow", id=self.id)))
        except Limited as limited:
            self._once(str(limited))
            self._ask_at = self._now() + limited.seconds
        except (CannotTell, ValueError) as unknown:
            self._once(str(unknown))

    def _told(self, one: Seen) -> None:
        if one.id != self.id:
            return
        if self.last is None or self.last.status != one.status:
            self.say(f"Railway: {statuses.said(one.status)}")
        self.last = one

    def _once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.say(text)

    def _close(self) -> None:
        if self._socket:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def _now(self) -> float:
        return self.clock.now().timestamp()


def _phase(told: Mapping[str, Any]) -> str:
    payload = told.get("payload") or {}
    name = str(told.get("step", "")).lower().replace("_", " ")
    end = "is over" if told.get("completedAt") else "begins"
    why = payload.get("error") or payload.get("reason") or payload.get("detail") or ""
    tries = f" (try {payload['attempt']})" if payload.get("attempt") else ""
    return f"Railway: {name} {end}{tries}{f': {why}' if why else ''}"

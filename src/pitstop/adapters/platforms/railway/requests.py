"""Users' requests as Railway's edge writes them down, second by second, for each deployment.

They are heard from a socket as they come. What was before it, and what it may have missed, is asked
for; so half a minute of a silent socket is known to be the users' silence, and not its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pitstop.adapters.platforms.railway.api import AGENT, Api
from pitstop.adapters.platforms.railway.live import Dropped, Socket
from pitstop.adapters.platforms.railway.seen import Seen
from pitstop.adapters.platforms.railway.service import Service
from pitstop.gate import Interval
from pitstop.ports import Clock

PAGE, PAGES = 5000, 10  # rows of an answer at most, and answers for one stretch of time
SURE = 30.0  # seconds after which it is asked even though a socket is open
LAG = timedelta(seconds=5)  # by which a request may be written down late
_OWN = AGENT.partition("/")[0]  # who asks for health and is no user
_FAILED = 500
_RETRY = 8.0
_SEVERAL = 5  # deployments of one stretch of time, at most


@dataclass(frozen=True)
class Row:
    """One request of a user."""

    at: datetime
    status: int
    ms: float


@dataclass
class Log:
    """What is known of one deployment's requests: everything between ``start`` and ``end``."""

    api: Api
    clock: Clock
    id: str
    start: datetime
    end: datetime
    rows: dict[str, Row] = field(default_factory=dict)
    _socket: Socket | None = None
    _retry_at: datetime | None = None
    _asked_at: datetime | None = None

    def reach(self, since: datetime, until: datetime, *, live: bool) -> None:
        """Know everything of a stretch of time, as far as Railway tells. Raises CannotTell."""
        if since < self.start:
            self._ask(since, self.start)
            self.start = since
        if until > self.end:
            if live:
                self._listen()
            if self._socket is None or self._due():
                self._ask(max(self.end - LAG, self.start), until)
                self.end = max(self.end, until - LAG)

    def close(self) -> None:
        """Stop listening."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def latest(self) -> datetime | None:
        """Return when the last known request was."""
        return max((row.at for row in self.rows.values()), default=None)

    def _listen(self) -> None:
        now = self.clock.now()
        if self._socket is None and (self._retry_at is None or now >= self._retry_at):
            self._retry_at = now + timedelta(seconds=_RETRY)
            try:
                self._socket = Socket(self.api, self.clock)
                newest = stamp(now + timedelta(hours=1))
                asked = {"id": self.id, "anchor": stamp(self.end), "newest": newest, "limit": 500}
                self._socket.follow("requests", "FollowRequests", asked)
                self._asked_at = None  # what it may have missed is asked for
            except Dropped:
                self.close()
        while self._socket:
            try:
                heard = self._socket.receive(0)
            except Dropped:
                self.close()
                return
            if heard is None:
                return
            _, data = heard
            if data is None:
                self.close()
            else:
                self._take(data.get("httpLogs") or [])

    def _due(self) -> bool:
        now = self.clock.now()
        pause = max(SURE, self.api.budget.pause(now.timestamp(), 600.0))
        return self._asked_at is None or (now - self._asked_at).total_seconds() >= pause

    def _ask(self, since: datetime, until: datetime) -> None:
        """Ask for a stretch of time, its newest part first. Raises CannotTell."""
        anchor = until
        for _ in range(PAGES):
            asked = {"anchor": stamp(anchor), "oldest": stamp(since), "limit": PAGE}
            told = self.api.ask("RequestLog", id=self.id, **asked)
            self._asked_at = self.clock.now()
            found = self._take(told)
            oldest = min((row.at for row in found), default=since)
            if len(found) < PAGE or oldest >= anchor:
                return
            anchor = oldest

    def _take(self, told: Any) -> list[Row]:
        found = []
        for one in told if isinstance(told, list) else []:
            try:
                row = Row(
                    moment(one["timestamp"]), int(one["httpStatus"]), float(one["totalDuration"])
                )
                name = str(one["requestId"])
            except (KeyError, TypeError, ValueError):
                continue
            found.append(row)
            if row.status and not str(one.get("clientUa") or "").startswith(_OWN):
                self.rows[name] = row
        return found


class Requests:
    """The telemetry of a service on Railway."""

    def __init__(self, api: Api, clock: Clock, service: Service) -> None:
        self._api, self._clock, self._service = api, clock, service
        self._logs: dict[str, Log] = {}

    def intervals(
        self, since: datetime, until: datetime, deployment_id: str | None = None
    ) -> list[Interval]:
        """Return one-second intervals that hold requests, ``at`` in seconds after ``since``.

        Raises CannotTell, also where the stretch is older than what Railway keeps.
        """
        if until <= since:
            return []
        rows: list[Row] = []
        for name in [deployment_id] if deployment_id else self._of(since, until):
            log = self._log(name, since)
            log.reach(since, until, live=until > self._clock.now() - timedelta(minutes=1))
            rows += [row for row in log.rows.values() if since <= row.at < until]
        return counted(rows, since)

    def follow(self, since: datetime, deployment_id: str | None = None) -> RequestStream:
        """Return what is heard from a moment on."""
        return RequestStream(self, since, deployment_id)

    def logs(self, since: datetime, until: datetime, deployment_id: str | None) -> list[Log]:
        """Return the logs of a stretch of time, brought up to date. Raises CannotTell."""
        names = [deployment_id] if deployment_id else self._of(since, until)
        found = [self._log(name, since) for name in names]
        for log in found:
            log.reach(since, until, live=True)
        return found

    def close(self) -> None:
        """Stop listening."""
        for log in self._logs.values():
            log.close()

    def _log(self, deployment_id: str, since: datetime) -> Log:
        if deployment_id not in self._logs:
            self._service.scope()
            log = Log(self._api, self._clock, deployment_id, since, since)
            self._logs[deployment_id] = log
        return self._logs[deployment_id]

    def _of(self, since: datetime, until: datetime) -> list[str]:
        """Return the deployments that may have answered users in a stretch of time."""
        history = self._service.history()
        return [one.id for one in history if _answered(one, since, until)][:_SEVERAL]


class RequestStream:
    """Requests from one moment on, each told once, in its own second, however late it comes."""

    def __init__(self, requests: Requests, since: datetime, deployment_id: str | None) -> None:
        self._requests, self._since, self._deployment = requests, since, deployment_id
        self._told: set[str] = set()
        self._fresh: datetime | None = None

    def read(self, until: datetime) -> list[Interval]:
        """Return what was heard since the last read. Raises CannotTell."""
        rows = []
        for log in self._requests.logs(self._since, until, self._deployment):
            latest = log.latest()
            known = max(log.end, latest) if latest else log.end
            if known > self._since:
                self._fresh = max(self._fresh or known, known)
            for name, row in list(log.rows.items()):
                if name not in self._told and self._since <= row.at < until:
                    self._told.add(name)
                    rows.append(row)
        return counted(rows, self._since)

    def fresh(self) -> datetime | None:
        """Return until when the source is known to have told everything."""
        return self._fresh


class MemoryMeter:
    """What the service holds of memory, as Railway measures it: all its deployments together."""

    name = "memory"
    EVERY = timedelta(seconds=30)  # Railway itself looks no more often

    def __init__(self, api: Api, clock: Clock, service: Service) -> None:
        self._api, self._clock, self._service = api, clock, service
        self._last: tuple[datetime, Mapping[str, float]] | None = None

    def read(self, deployment_id: str | None = None) -> Mapping[str, float]:
        """Return ``memory`` in bytes; empty while nothing was measured. Raises CannotTell."""
        now = self._clock.now()
        if self._last and now - self._last[0] < self.EVERY:
            return self._last[1]
        since = stamp(now - timedelta(minutes=5))
        ids = self._service.scope().ids
        told = self._api.ask("ResourceUsage", **ids, since=since, measurements=["MEMORY_USAGE_GB"])
        values = [each for one in told for each in one["values"]]
        newest = max(values, key=lambda each: float(each["ts"]), default=None)
        held = {"memory": float(newest["value"]) * 1e9} if newest else {}
        self._last = now, held
        return held


def counted(rows: Iterable[Row], since: datetime) -> list[Interval]:
    """Return requests as one-second intervals, ``at`` in seconds after a moment."""
    seconds: dict[int, list[Row]] = {}
    for row in rows:
        seconds.setdefault(int((row.at - since).total_seconds()), []).append(row)
    return [_interval(at, held) for at, held in sorted(seconds.items())]


def _interval(at: int, rows: list[Row]) -> Interval:
    statuses: dict[int, int] = {}
    for row in rows:
        statuses[row.status] = statuses.get(row.status, 0) + 1
    errors = sum(row.status >= _FAILED for row in rows)
    return Interval(float(at), len(rows), errors, tuple(row.ms for row in rows), statuses=statuses)


def _answered(one: Seen, since: datetime, until: datetime) -> bool:
    """Return whether a deployment may have been in service in a stretch of time."""
    over = one.status in ("REMOVED", "CRASHED") and one.since and moment(one.since) < since
    never = one.status in ("FAILED", "SKIPPED")
    return one.created < until and not over and not never


def stamp(at: datetime) -> str:
    """Return a moment as Railway takes it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """Read a moment, whatever its number of digits."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)

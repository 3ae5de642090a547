"""What a Railway knows: one project, its environment and service, and every deployment there was.

Everything moves by the world's clock, and only when somebody looks: ``settle`` takes each
deployment through the statuses that were due meanwhile, in order.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pitstop.testing.railway.apps import App, Served

ENDED = ("FAILED", "CRASHED", "SKIPPED", "REMOVED")
SERVING = ("SUCCESS", "SLEEPING")
ROUTE = ("INITIALIZING", "BUILDING", "DEPLOYING", "SUCCESS")
PHASES = {
    "BUILDING": ("SNAPSHOT_CODE", "BUILD_IMAGE"),
    "DEPLOYING": ("PUBLISH_IMAGE", "CREATE_CONTAINER"),
    "SUCCESS": ("HEALTHCHECK",),
}


@dataclass
class Step:
    """One status that a deployment will have, from a moment on."""

    at: datetime
    status: str


@dataclass
class Deployment:
    """One deployment, as the double knows it; ``files`` is what was uploaded, by path."""

    id: str
    created: datetime
    files: dict[str, bytes]
    meta: dict[str, Any]
    variables: dict[str, str]
    status: str = "QUEUED"
    since: datetime | None = None
    ahead: list[Step] = field(default_factory=list)
    has_image: bool = True  # kept by Railway for a while after a deployment's removal
    has_source: bool = True
    stopped: bool = False
    removed: datetime | None = None
    history: list[str] = field(default_factory=list)  # every status that it had
    phases: list[dict[str, Any]] = field(default_factory=list)
    build_log: list[dict[str, Any]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    app: Served | None = None

    @property
    def moving(self) -> bool:
        """Return whether more is to come of it."""
        return self.status not in (*ENDED, *SERVING)


class World:
    """The state behind the double, behind one lock. ``changed`` wakes whoever waits for news."""

    def __init__(self, app: App, now: Callable[[], datetime] | None = None) -> None:
        self.now = now or (lambda: datetime.now(UTC))
        self.app = app
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.version = 0
        self.project = {"id": "p-0001", "name": "shop"}
        self.environment = {"id": "e-0001", "name": "production"}
        self.service = {"id": "s-0001", "name": "web"}
        self.settings: dict[str, Any] = {
            "healthcheckPath": "/health",
            "healthcheckTimeout": None,
            "overlapSeconds": 20,
            "drainingSeconds": 30,
            "numReplicas": 1,
            "sleepApplication": False,
            "watchPatterns": [],
            "source": None,
        }
        self.variables: dict[str, str] = {"DATABASE_URL": "postgres://db", "REGION": "eu"}
        self.volumes: list[str] = []
        self.domain = ""
        self.memory: list[tuple[datetime, float]] = []  # gigabytes
        self.pace = 0.0  # seconds between two statuses
        self.route: Sequence[str] = ROUTE
        self.ends_in: list[str] = []  # what the next deployments end in instead of SUCCESS
        self.deployments: list[Deployment] = []  # oldest first
        self.acts: list[str] = []  # what was asked for and done, in order
        self._numbers = itertools.count(1)
        self._ticks = itertools.count(1)

    # Looking

    def find(self, deployment_id: str) -> Deployment | None:
        """Return a deployment by its id."""
        return next((one for one in self.deployments if one.id == deployment_id), None)

    def serving(self) -> Deployment | None:
        """Return what users get."""
        self.settle()
        active = [one for one in self.deployments if one.status in SERVING and not one.stopped]
        return active[-1] if active else None

    def settle(self) -> None:
        """Let everything happen that is due by now."""
        with self.lock:
            now = self.now()
            while due := [one for one in self.deployments if one.ahead and one.ahead[0].at <= now]:
                one = min(due, key=lambda each: (each.ahead[0].at, each.created))
                step = one.ahead.pop(0)
                self.become(one, step.status, step.at)

    def next_due(self) -> datetime | None:
        """Return when the next status is due."""
        with self.lock:
            return min((one.ahead[0].at for one in self.deployments if one.ahead), default=None)

    # Changing

    def deploy(
        self,
        files: dict[str, bytes],
        meta: dict[str, Any],
        variables: dict[str, str] | None = None,
    ) -> Deployment:
        """Begin a deployment and send it on its way through the statuses."""
        with self.lock:
            # two of the same moment have an order, too
            now = self.now()
            created = now + timedelta(microseconds=next(self._ticks))
            number = next(self._numbers)
            name = f"{number:08x}-0000-4000-8000-{number:012x}"
            one = Deployment(name, created, files, {**meta}, {**(variables or self.variables)})
            one.meta.setdefault("imageDigest", _digest(files))
            one.since = created
            self.deployments.append(one)
            route = [*self.route]
            if self.ends_in:
                route[-1] = self.ends_in.pop(0)
            one.ahead = [
                Step(now + timedelta(seconds=self.pace * place), status)
                for place, status in enumerate(route)
            ]
            self.tell()
            return one

    def become(self, one: Deployment, status: str, at: datetime | None = None) -> None:
        """Give a deployment a status, with all that comes with it."""
        with self.lock:
            at = max(at or self.now(), one.since or one.created)
            one.since = at
            if status in SERVING and one.app is None:
                status = self._start(one, status, at)
            one.status = status
            one.history.append(status)
            for phase in PHASES.get(status, ()):
                self.phase(one, phase, at)
            if status == "BUILDING":
                for text in ("reading the files", "building the image"):
                    self.say(one.build_log, at, text)
            if status in SERVING:
                self._replace_others(one, at)
            if status in ENDED:
                self._end(one, at)
            self.tell()

    def remove(self, one: Deployment) -> None:
        """End a deployment by hand, or because another came."""
        one.ahead = []
        self.become(one, "REMOVED")

    def phase(self, one: Deployment, step: str, at: datetime, **payload: Any) -> None:
        """Note a phase that is over."""
        number = f"{one.id}/{len(one.phases)}"
        held = {"id": number, "step": step, "createdAt": stamp(at), "completedAt": stamp(at)}
        one.phases.append({**held, "payload": payload or None})
        self.tell()

    def say(
        self, log: list[dict[str, Any]], at: datetime, *texts: str, level: str = "info"
    ) -> None:
        """Write lines into a log; all of them bear one timestamp."""
        with self.lock:
            for text in texts:
                attributes = [{"key": "level", "value": level}]
                line = {"timestamp": stamp(at), "severity": level, "message": text}
                log.append({**line, "attributes": attributes})
            self.tell()

    def tell(self) -> None:
        """Wake whoever waits."""
        with self.lock:
            self.version += 1
            self.changed.notify_all()

    def end(self) -> None:
        """End every app."""
        with self.lock:
            for one in self.deployments:
                if one.app:
                    one.app.end()

    # How

    def _start(self, one: Deployment, status: str, at: datetime) -> str:
        """Start the app and ask for its health; return what status comes of it."""
        one.app = self.app(one.files, {**one.variables, "RAILWAY_DEPLOYMENT_ID": one.id})
        path = self.settings["healthcheckPath"]
        said = one.app.healthy(path)
        if said is None:
            return status
        self.phase(one, "HEALTHCHECK", at, error=said)
        self.say(one.log, at, said, level="error")
        return "FAILED" if path else "CRASHED"

    def _replace_others(self, one: Deployment, at: datetime) -> None:
        for other in self.deployments:
            if other is not one and other.created < one.created and other.status != "REMOVED":
                if other.status in (*SERVING, "CRASHED") or other.moving:
                    other.ahead = []
                    self.become(other, "REMOVED", at)

    def _end(self, one: Deployment, at: datetime) -> None:
        one.stopped, one.removed, one.ahead = True, at, []
        if one.app:
            one.app.end()
            one.app = None


def stamp(at: datetime) -> str:
    """Return a moment as Railway writes it in logs, with nanoseconds."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"


def moment(text: str) -> datetime:
    """Read a moment, whatever its number of digits."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _digest(files: dict[str, bytes]) -> str:
    """Return what tells images apart: the same files make the same image."""
    hashed = hashlib.sha256()
    for name in sorted(files):
        hashed.update(name.encode() + b"\0" + files[name] + b"\0")
    return f"sha256:{hashed.hexdigest()}"

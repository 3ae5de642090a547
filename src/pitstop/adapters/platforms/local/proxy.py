"""Envoy before the releases: who is served by which, switched by renaming one file."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pitstop.adapters.platforms.local import envoy, files, unix_http
from pitstop.adapters.platforms.local.settings import LocalSettings
from pitstop.ports import CannotTell, Clock

_WITHIN = 10.0
_LOOK = 0.002
_RDS, _CDS = f"rds.{envoy.ROUTES}.version_text", "cds.version_text"


@dataclass(frozen=True)
class Route:
    """What the routes file says: the number of the switch, who is live, and since when.

    ``beside`` has a share of the users meanwhile, in percent; ``since`` is then when it got them.
    """

    number: int
    live: str | None
    since: str
    beside: str | None = None
    percent: int = 0

    @property
    def version(self) -> str:
        """Return the route's name, as the proxy reports it too."""
        name = f"{self.number} {self.live or '-'} {self.since}"
        return f"{name} {self.beside} {self.percent}" if self.beside else name


class Proxy:
    """Envoy's files and its admin socket. The routes file is the record of what is live."""

    def __init__(self, home: Path, settings: LocalSettings, clock: Clock) -> None:
        self._home, self._settings, self._clock = home, settings, clock
        self._boot = home / envoy.BOOT_FILE
        self._routes = home / envoy.ROUTES_FILE
        self._clusters = home / envoy.CLUSTERS_FILE
        self._admin = home / envoy.ADMIN
        self.access_log = home / envoy.ACCESS_LOG

    def prepare(self, probe_port: int) -> bool:
        """Write what the proxy starts with; return whether it must start anew to see it."""
        for folder in (self._routes.parent, self._clusters.parent):
            folder.mkdir(parents=True, exist_ok=True)
        if not self._clusters.exists():
            self.write_down({})
        if not self._routes.exists():
            self._write(Route(0, None, ""))
        wanted = envoy.boot(self._settings, probe_port)
        if files.read_json(self._boot) == wanted:
            return False
        files.write_json(self._boot, wanted)
        return True

    def probe_port(self) -> int | None:
        """Return the port of the listener that counts nobody as a user."""
        return envoy.probe_port(files.read_json(self._boot))

    def route(self) -> Route:
        """Return what the routes file says."""
        held = files.read_json(self._routes)
        if not held:
            return Route(0, None, "")
        number, live, since, *more = str(held["version_info"]).split(" ")
        beside, percent = (more[0], int(more[1])) if more else (None, 0)
        return Route(int(number), None if live == "-" else live, since, beside, percent)

    def switch(self, live: str) -> Route:
        """Serve users from this deployment; returns when the proxy does so."""
        self._write(Route(self.route().number + 1, live, self._clock.now().isoformat()))
        return self.settled()

    def split(self, beside: str, percent: int) -> Route:
        """Give a share of the users to a deployment beside the live one."""
        route, now = self.route(), self._clock.now().isoformat()
        self._write(Route(route.number + 1, route.live, now, beside, percent))
        return self.settled()

    def settled(self) -> Route:
        """Return what users are served by, once the proxy says so itself. Raises CannotTell."""
        self._await(_RDS, lambda: self.route().version)
        return self.route()

    def know(self, ports: Mapping[str, int]) -> None:
        """Tell the proxy which deployments run; returns when it knows."""
        version = self.write_down(ports)
        self._await(_CDS, lambda: version)

    def write_down(self, ports: Mapping[str, int]) -> str:
        """Write the deployments that run into the proxy's file; return its version."""
        version = hashlib.sha256(json.dumps(sorted(ports.items())).encode()).hexdigest()[:16]
        wanted = envoy.clusters(version, ports)
        if files.read_json(self._clusters) != wanted:
            files.write_json(self._clusters, wanted)
        return version

    def answers(self) -> bool:
        """Return whether the proxy is there and ready."""
        try:
            return unix_http.ask(self._admin, "/ready")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def active(self, deployment_id: str) -> int:
        """Return how many requests of a deployment are not answered yet."""
        counted = self._stats(rf"^cluster\.{deployment_id}\.upstream_rq_(pending_)?active$")
        return sum(int(value) for value in counted.values())

    def counters(self) -> dict[str, dict[str, int]]:
        """Return the requests of each deployment since the proxy started, by kind of answer."""
        found: dict[str, dict[str, int]] = {}
        for name, value in self._stats(
            r"^cluster\.[^.]+\.upstream_rq_(completed|[2345]xx|active)$"
        ).items():
            _, deployment, kind = name.split(".")
            found.setdefault(deployment, {})[kind.removeprefix("upstream_rq_")] = int(value)
        return found

    def reopen_logs(self) -> None:
        """Make the proxy write to the file that now has the log's name."""
        unix_http.ask(self._admin, "/reopen_logs", "POST")

    def _write(self, route: Route) -> None:
        files.write_json(self._routes, envoy.routes(route.version, _shares(route), self._settings))

    def _await(self, name: str, wanted: Callable[[], str]) -> None:
        waited = 0.0
        while True:
            heard = [value for key, value in self._texts().items() if key.endswith(name)]
            if wanted() in heard:
                return
            if waited > _WITHIN:
                raise CannotTell(
                    "The proxy has not taken over its new file within 10 s. What users get is not "
                    f"known. See {self._home / 'log' / 'proxy.log'}"
                )
            self._clock.pause(_LOOK)
            waited += _LOOK

    def _texts(self) -> dict[str, str]:
        found = self._stats(r"version_text$", "&type=TextReadouts")
        return {name: str(value) for name, value in found.items()}

    def _stats(self, pattern: str, more: str = "") -> dict[str, Any]:
        target = f"/stats?format=json{more}&filter={_quoted(pattern)}"
        try:
            status, body = unix_http.ask(self._admin, target)
            if status != 200:
                raise OSError(f"the proxy answered {status}")
            held = json.loads(body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise CannotTell(
                f"The proxy did not answer: {error}. What users get is not known. "
                "Bring the service up: pitstop local up"
            ) from None
        return {stat["name"]: stat.get("value", 0) for stat in held["stats"] if "name" in stat}


def _shares(route: Route) -> dict[str, int]:
    """Return how many of a hundred users each deployment serves."""
    if not route.live:
        return {}
    beside = {route.beside: route.percent} if route.beside else {}
    return {route.live: 100 - route.percent} | beside


def _quoted(pattern: str) -> str:
    from urllib.parse import quote

    return quote(pattern)

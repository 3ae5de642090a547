"""What is there to be told about the service: findings before an act, status as plain data."""

from __future__ import annotations

import shutil
from pathlib import Path

from pitstop.adapters.platforms.local import listeners
from pitstop.adapters.platforms.local.ground import PROXY, Ground
from pitstop.adapters.platforms.local.proxy import Route
from pitstop.adapters.platforms.local.releases import RUNNING, Kept, Releases
from pitstop.adapters.platforms.local.settings import LocalSettings
from pitstop.domain.change import Finding
from pitstop.ports import CannotTell

_LITTLE_ROOM = 200_000_000


def of_address(settings: LocalSettings, ground: Ground) -> Finding:
    """Say whether users can reach the service where the settings say."""
    if ground.supervisor.process(PROXY) or listeners.can_listen(settings.host, settings.port):
        return Finding("address", "ok", f"{settings.listen} is ours to listen on")
    said = f"{settings.listen} is taken by {listeners.who(settings.port)}"
    return Finding("address", "failed", said, "End that program, or change platform.listen")


def of_room(folder: Path) -> Finding:
    """Say whether the disk has room for another release."""
    folder = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(folder).free
    said = f"{free / 1e9:.1f} GB are free for releases and logs"
    if free > _LITTLE_ROOM:
        return Finding("disk", "ok", said)
    return Finding("disk", "failed", said, "Make room: a release needs 0.2 GB at least")


def status(
    service: str, settings: LocalSettings, ground: Ground, releases: Releases
) -> dict[str, object]:
    """Return what runs and what is kept, as plain data."""
    route = ground.proxy.route()
    try:
        counted = ground.proxy.counters()
    except CannotTell:
        counted = {}
    return {
        "service": service,
        "listen": settings.listen,
        "proxy": ground.proxy.answers(),
        "supervisor": ground.supervisor.answers(),
        "live": route.live,
        "since": route.since or None,
        "deployments": [
            _deployment(each, route, ground.supervisor.process(each.id))
            | {"requests": counted.get(each.id, {})}
            for each in releases.all()
        ],
    }


def _deployment(kept: Kept, route: Route, pid: int | None) -> dict[str, object]:
    return {
        "id": kept.id,
        "commit": kept.commit,
        "tree": kept.tree,
        "state": _state(kept, route),
        "port": kept.port,
        "pid": pid,
        "at": kept.at,
        "created_at": kept.created_at,
        "kept": kept.pinned,
        "reason": kept.reason,
    }


def _state(kept: Kept, route: Route) -> str:
    if kept.id == route.live:
        return "live"
    if kept.id == route.beside:
        return f"canary {route.percent} %"
    if kept.state == RUNNING:
        return "parked" if kept.at else "candidate"
    return kept.state

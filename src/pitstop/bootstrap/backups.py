"""The configured backups of the service's data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pitstop.adapters._run import Runner
from pitstop.bootstrap.tables import backup_kind, own
from pitstop.engine.place import Place
from pitstop.ports import Backup, Clock


def backup(
    place: Place,
    tables: dict[str, Any],
    runner: Runner,
    clock: Clock,
    progress: Callable[[int], None] = lambda _: None,
) -> Backup | None:
    """Return the configured backups; ``progress`` hears how many bytes are written."""
    given = tables.get("backup")
    kind = backup_kind(given["use"]) if given else None
    if not (given and kind):
        return None
    settings: Any = kind.model_validate(own(given))
    service = tables["service"]["name"]
    if given["use"] == "simulated":
        from pitstop.adapters import simulated

        kept = place.service(service) / "simulated-backups.json"
        world = simulated.World.kept(kept, service, lambda: ("", ""), clock.now())
        return simulated.SimulatedBackup(world, clock)
    from pitstop.adapters.backups._store import Store

    folder = place.repository / (settings.folder or place.service(service) / "backups")
    store = Store(folder, settings, given["use"], runner=runner, clock=clock)
    if given["use"] == "postgres":
        from pitstop.adapters.backups.postgres import PostgresBackup

        return PostgresBackup(settings, store, progress)
    if given["use"] == "sqlite":
        from pitstop.adapters.backups.sqlite import SqliteBackup

        return SqliteBackup(settings, store, progress, repository=place.repository)
    from pitstop.adapters.backups.command import CommandBackup

    return CommandBackup(settings, store, progress, repository=place.repository)

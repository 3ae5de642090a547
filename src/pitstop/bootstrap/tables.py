"""What stands in pitstop.toml, checked: the adapters' own tables by the adapters' own settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from pitstop import config
from pitstop.adapters import plugins
from pitstop.adapters.platforms.local import LocalSettings

BUILT_IN = ("local", "railway", "shell", "simulated")


def load(path: Path) -> tuple[config.Settings, dict[str, Any]]:
    """Read and check a configuration; return the settings and the tables as they stand.

    Raises ConfigurationError with every mistake at once, the provider's tables included.
    """
    tables = config.read(path)
    return check(tables, path.read_text(encoding="utf-8")), tables


def check(tables: dict[str, Any], source: str = "") -> config.Settings:
    """Check the tables of a configuration, from a file or from a run's record."""
    settings, problems = config.parse(tables, source)
    problems += _problems_of_adapters(tables, source)
    problems += _backup_problems(tables, source)
    problems += _telemetry_problems(tables, source)
    problems += config.unknown_audiences(settings, source) if settings else []
    if settings is None or problems:
        raise config.ConfigurationError(config.in_order(problems))
    return settings


def providers() -> dict[str, dict[str, type[config.Part]]]:
    """Return the tables whose keys depend on their ``use``: what may stand there, and its keys."""
    platforms = {use: built_in(use) for use in BUILT_IN}
    platforms |= {use: _keys_of(use) for use in plugins.names(plugins.PLATFORMS)}
    kinds = get_args(config.Backup.model_fields["use"].annotation)
    sources = get_args(config.Telemetry.model_fields["use"].annotation)
    known = {
        "platform": platforms,
        "backup": {use: backup_kind(use) for use in kinds},
        "telemetry": {use: telemetry_kind(use) for use in sources},
    }
    return {
        table: {use: part for use, part in kinds.items() if part} for table, kinds in known.items()
    }


def _keys_of(use: str) -> type[config.Part] | None:
    """Return what a plug-in's keys are checked against; None where it cannot be loaded."""
    try:
        factory = plugins.find(plugins.PLATFORMS, use)
    except plugins.Unusable:
        return None
    return factory.Settings if factory else None


def _problems_of_adapters(tables: dict[str, Any], source: str) -> list[str]:
    """Return what is wrong with the tables of adapters, each by the adapter's own settings."""
    found, given = [], _table(tables, "platform")
    provider = built_in(given.get("use"))
    if provider:
        try:
            provider.model_validate(own(given))
        except ValidationError as error:
            found += config.problems(provider, error, source, ("platform",))
    else:
        found += plugins.checked(plugins.PLATFORMS, given, ("platform",), source, BUILT_IN)
    for name in (audiences := _table(tables, "audiences")):
        path, brought = ("audiences", name, "plugin"), _table(_table(audiences, name), "plugin")
        found += plugins.checked(plugins.NOTIFIERS, brought, path, source, ())
    return found


def _table(tables: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a table; an empty one where something else stands, which is somebody else's finding."""
    found = tables.get(name)
    return found if isinstance(found, dict) else {}


def own(table: dict[str, Any]) -> dict[str, Any]:
    """Return the keys that belong to the adapter itself."""
    return {k: v for k, v in table.items() if k != "use"}


def built_in(use: object) -> type[config.Part] | None:
    """Return what the other keys of ``[platform]`` are checked against, if it is one of ours."""
    if use == "simulated":
        from pitstop.adapters.simulated import SimulatedSettings

        return SimulatedSettings
    if use == "shell":
        from pitstop.adapters.platforms.shell import ShellSettings

        return ShellSettings
    if use == "railway":
        from pitstop.adapters.platforms.railway.settings import RailwaySettings

        return RailwaySettings
    return LocalSettings if use == "local" else None


def _backup_problems(tables: dict[str, Any], source: str) -> list[str]:
    """Return the mistakes in the keys of ``[backup]`` that belong to its adapter."""
    given = tables.get("backup")
    kind = backup_kind(given.get("use")) if isinstance(given, dict) else None
    if not (kind and given):
        return []
    try:
        kind.model_validate(own(given))
    except ValidationError as error:
        return config.problems(kind, error, source, ("backup",))
    return []


def _telemetry_problems(tables: dict[str, Any], source: str) -> list[str]:
    """Return the mistakes in the keys of ``[telemetry]`` that belong to its adapter."""
    given = tables.get("telemetry")
    if not isinstance(given, dict):
        return []
    kind = telemetry_kind(given.get("use", "platform"))
    if kind is None:
        return []  # whoever checks the table says so
    try:
        kind.model_validate(own(given))
    except ValidationError as error:
        return config.problems(kind, error, source, ("telemetry",))
    return []


def telemetry_kind(use: object) -> type[config.Part] | None:
    """Return what the other keys of ``[telemetry]`` are checked against."""
    from pitstop.bootstrap.telemetry_kinds import KINDS

    return KINDS.get(use) if isinstance(use, str) else None


def backup_kind(use: object) -> type[config.Part] | None:
    """Return what the other keys of ``[backup]`` are checked against."""
    if use == "postgres":
        from pitstop.adapters.backups.postgres import PostgresSettings

        return PostgresSettings
    if use == "sqlite":
        from pitstop.adapters.backups.sqlite import SqliteSettings

        return SqliteSettings
    if use == "command":
        from pitstop.adapters.backups.command import CommandSettings

        return CommandSettings
    if use == "simulated":
        from pitstop.adapters.simulated import SimulatedSettings

        return SimulatedSettings
    return None


def secrets(settings: config.Settings) -> list[str]:
    """Return the values that no output may show."""
    webhooks = [audience.webhook for audience in settings.audiences.values()]
    named = [webhook.env for webhook in webhooks if isinstance(webhook, config.Secret)]
    named += _named(settings.platform.model_extra)
    named += _named(settings.backup.model_extra) if settings.backup else []
    named += _named(settings.telemetry.model_extra)
    for audience in settings.audiences.values():
        named += _named(audience.plugin.model_extra) if audience.plugin else []
    return [os.environ[name] for name in named if os.environ.get(name)]


def _named(value: object) -> list[str]:
    """Return the variables that ``{ env = "NAME" }`` names anywhere in an adapter's own tables."""
    if not isinstance(value, dict):
        return []
    name = value.get("env")
    if set(value) == {"env"} and isinstance(name, str):
        return [name]
    return [found for each in value.values() for found in _named(each)]

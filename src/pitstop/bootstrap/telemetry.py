"""Who counts users' requests, and which meters are read beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pitstop.adapters._run import Runner
from pitstop.adapters.telemetry.access_log import AccessLog, AccessLogSettings, access_log
from pitstop.adapters.telemetry.command import CommandSettings, CommandTelemetry
from pitstop.adapters.telemetry.log_lines import LogLinesSettings, log_lines
from pitstop.adapters.telemetry.memory import (
    CgroupMemory,
    MemorySettings,
    PlatformMemory,
    ProcessMemory,
)
from pitstop.adapters.telemetry.postgres import DatabaseSettings, PostgresMeter
from pitstop.adapters.telemetry.unheard import Unheard
from pitstop.bootstrap.tables import check
from pitstop.engine.place import Place
from pitstop.ports import (
    MeasuresMemory,
    Meter,
    Platform,
    Telemetry,
    WritesAccessLog,
)

if TYPE_CHECKING:
    from pitstop.adapters.telemetry.probe import ProbeSettings


def requests(place: Place, tables: dict[str, Any], platform: Platform, runner: Runner) -> Telemetry:
    """Return who counts users' requests."""
    given = dict(tables.get("telemetry", {}))
    use, own = given.pop("use", "platform"), {k: v for k, v in given.items() if k not in BESIDE}
    if use == "access-log":
        return access_log(AccessLogSettings.model_validate(own), place.repository)
    if use == "log-lines":
        return log_lines(LogLinesSettings.model_validate(own), place.repository)
    if use == "command":
        return CommandTelemetry(CommandSettings.model_validate(own), place.repository, runner)
    if use == "prometheus":
        from pitstop.adapters.telemetry.prometheus import Prometheus, PrometheusSettings

        return Prometheus(PrometheusSettings.model_validate(own))
    return _of_platform(platform, place, tables)


BESIDE = ("memory", "database", "probe")
"""The tables of ``[telemetry]`` that are read beside the requests."""


def _of_platform(platform: Platform, place: Place, tables: dict[str, Any]) -> Telemetry:
    """Return what the platform itself counts, its access log, or nobody."""
    if isinstance(platform, Telemetry):
        return platform
    if isinstance(platform, WritesAccessLog):
        return AccessLog(platform.access_logs)
    log = tables["platform"].get("access_log")
    if isinstance(log, str):
        return AccessLog(lambda: [place.repository / log], absent=f"{log} is not there.")
    return Unheard("Say who counts them in [telemetry], or decide by hand.")


def meters(tables: dict[str, Any], platform: Platform, place: Place, runner: Runner) -> list[Meter]:
    """Return the meters that are configured; the platform's own view of memory needs no word."""
    given = tables.get("telemetry", {})
    found: list[Meter] = []
    if memory := given.get("memory"):
        settings = MemorySettings.model_validate(memory)
        found.append(
            ProcessMemory(place.repository / settings.pid_file)
            if settings.pid_file
            else CgroupMemory(Path(settings.cgroup or ""))
        )
    elif isinstance(platform, MeasuresMemory):
        found.append(PlatformMemory(platform))
    if database := given.get("database"):
        found.append(PostgresMeter(DatabaseSettings.model_validate(database), runner))
    return found


def whole(
    requests: Telemetry,
    tables: dict[str, Any],
    platform: Platform,
    place: Place,
    folder: Path,
    *,
    alive: bool,
) -> Telemetry:
    """Return requests, meters and probes of a run; ``alive``: begin to read them, and to probe."""
    from pitstop.adapters.telemetry.readings import EVERY, Combined, Recorder

    runner = Runner()  # of its own: a thread must not beat another's heart
    found, probe = meters(tables, platform, place, runner), _probe_settings(tables)
    if not found and probe is None:
        return requests
    file = folder / "readings.jsonl"
    block = check(tables).gate.memory_block.total_seconds()
    recorder = Recorder(found, file, min(EVERY, max(1.0, block / 4)))  # several in each block
    trouble: Callable[[], str] = str
    if alive:
        recorder.start()
    if alive and probe:
        from pitstop.adapters.telemetry.probe import Prober

        prober = Prober(probe, platform.address, recorder.probed)
        prober.start()
        trouble = lambda: prober.trouble  # noqa: E731 - asked for anew each time
    return Combined(requests, recorder, file, trouble)


def _probe_settings(tables: dict[str, Any]) -> ProbeSettings | None:
    given = tables.get("telemetry", {}).get("probe")
    if not given:
        return None
    from pitstop.adapters.telemetry.probe import ProbeSettings

    return ProbeSettings.model_validate(given)

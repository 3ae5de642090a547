"""pitstop.toml → crew and engine: the only room that names concrete classes."""

from pitstop.bootstrap.backups import backup
from pitstop.bootstrap.platforms import local_platform, missing_abilities, platform
from pitstop.bootstrap.repository import (
    answers,
    calendar,
    claims,
    forge,
    known_bad,
    machine,
    proposals,
)
from pitstop.bootstrap.runs import execute, incident_of, try_out
from pitstop.bootstrap.tables import BUILT_IN, check, load, providers

__all__ = [
    "BUILT_IN",
    "answers",
    "backup",
    "calendar",
    "check",
    "claims",
    "execute",
    "forge",
    "incident_of",
    "known_bad",
    "load",
    "local_platform",
    "machine",
    "missing_abilities",
    "platform",
    "proposals",
    "providers",
    "try_out",
]

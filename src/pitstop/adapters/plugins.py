"""What other packages bring: an adapter behind an entry point, made by its factory.

An entry point names a class, or any callable that has a ``Settings``:

- ``Settings``: a ``pitstop.config.Part``; the other keys of the table are checked against it.
- ``factory(settings, tools)``: returns what the port in ``ports.py`` asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from pitstop.adapters._run import Runner
from pitstop.config import Part
from pitstop.ports import Clock, Commands, Fence

PLATFORMS, BACKUPS, NOTIFIERS = "pitstop.platforms", "pitstop.backups", "pitstop.notifiers"


class Unusable(Exception):
    """A plug-in that is installed and cannot be used. One sentence."""


class Factory(Protocol):
    """What an entry point names."""

    @property
    def Settings(self) -> type[Part]:  # noqa: N802 - a class, by its name
        """Return what the table's other keys are checked against."""

    def __call__(self, settings: Any, tools: Tools) -> Any:
        """Return the adapter. Nothing is done yet: no process started, nothing asked."""


@dataclass(frozen=True)
class Tools:
    """What an adapter gets from pitstop. All that waits ticks the run: an abort is heard at once."""

    service: str
    repository: Path  # the main worktree
    home: Path  # a folder of the adapter's own in the service's state; perhaps not there yet
    checkouts: Path  # where trees are written out: outside any .git
    export: Callable[[str, Path], str]  # a commit's files into an empty folder; returns the tree
    commit: Callable[[str], tuple[str, str] | None]  # commit and tree of a (short) commit id
    runner: Runner
    commands: Commands
    secrets: tuple[str, ...]  # values that no sentence may show
    fence: Fence
    clock: Clock


def names(group: str) -> list[str]:
    """Return the names that installed packages bring."""
    return sorted({found.name for found in metadata.entry_points(group=group)})


def find(group: str, name: str) -> Factory | None:
    """Return the factory of a name, or None if no package brings it. Raises Unusable."""
    for found in metadata.entry_points(group=group, name=name):
        try:
            factory = found.load()
        except Exception as error:
            raise Unusable(
                f"{name} is installed ({found.value}) and cannot be loaded: "
                f"{type(error).__name__}: {error}"
            ) from error
        shape = getattr(factory, "Settings", None)
        if not (callable(factory) and isinstance(shape, type) and issubclass(shape, Part)):
            raise Unusable(
                f"{name} is installed ({found.value}) and has no Settings, a pitstop.config.Part"
            )
        made: Factory = factory
        return made
    return None

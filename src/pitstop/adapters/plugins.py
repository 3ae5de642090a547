"""What other packages bring: an adapter behind an entry point, made by its factory.

An entry point names a class, or any callable that has a ``Settings``:

- ``Settings``: a ``pitstop.config.Part``; the other keys of the table are checked against it.
- ``factory(settings, tools)``: returns what the port in ``ports.py`` asks for; ``tools`` are
  ``Tools`` for what acts on the service, ``NotifierTools`` for an audience.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from pitstop.adapters._run import Runner
from pitstop.config import Part, problem, problems
from pitstop.ports import Clock, Commands, Fence

PLATFORMS, NOTIFIERS = "pitstop.platforms", "pitstop.notifiers"


class Unusable(Exception):
    """A plug-in that is installed and cannot be used. One sentence."""


def _nobody_listens(line: str) -> None:
    """Take a line and do nothing."""


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
    say: Callable[[str], None] = _nobody_listens  # a line for whoever follows; kept with the run


@dataclass(frozen=True)
class NotifierTools:
    """What a notifier gets from pitstop. It has a ``name``, and says no with a sentence."""

    name: str  # as the audience is called in the configuration
    home: Path  # the run's folder for marks of what was said; perhaps not there yet
    clock: Clock


def names(group: str) -> list[str]:
    """Return the names that installed packages bring."""
    return sorted({found.name for found in metadata.entry_points(group=group)})


def checked(
    group: str, table: dict[str, Any], path: tuple[str, ...], source: str, built_in: Sequence[str]
) -> list[str]:
    """Return what is wrong with a table that names an adapter in ``use``: every mistake at once."""
    use = table.get("use")
    if not isinstance(use, str) or use in built_in:
        return []
    try:
        factory = find(group, use)
    except Unusable as unusable:
        return [problem((*path, "use"), str(unusable), source)]
    if not factory:
        known = ", ".join(map(repr, sorted({*built_in, *names(group)}))) or "nothing is installed"
        return [problem((*path, "use"), f"is {use!r}. Use one of: {known}", source)]
    try:
        settings_of(factory, table)
    except ValidationError as error:
        return problems(factory.Settings, error, source, path)
    return []


def settings_of(factory: Factory, table: dict[str, Any]) -> Part:
    """Return the settings in a table. Raises pydantic's ValidationError."""
    return factory.Settings.model_validate({k: v for k, v in table.items() if k != "use"})


def made(group: str, table: dict[str, Any], tools: Any) -> Any:
    """Return the adapter that a checked table names. Raises Unusable if it is gone meanwhile."""
    factory = find(group, table["use"])
    if not factory:
        raise Unusable(f"{table['use']} is not installed any more")
    return factory(settings_of(factory, table), tools)


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
        whole: Factory = factory
        return whole
    return None

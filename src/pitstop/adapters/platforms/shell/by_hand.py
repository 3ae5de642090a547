"""The same acts as a person types them, when pitstop is not there. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from pitstop.adapters.platforms.shell.settings import ShellSettings


def in_repository(
    command: str, facts: Mapping[str, str], settings: ShellSettings, repository: Path
) -> list[str]:
    """Return one line that runs a command in the repository."""
    return [_within(shlex.quote(str(repository)), command, facts, settings)]


def in_tree(
    command: str, facts: Mapping[str, str], settings: ShellSettings, repository: Path
) -> list[str]:
    """Return lines that write a commit's files into a fresh folder and run a command there."""
    git = f'GIT_INDEX_FILE="$pitstop_tree/index" git -C {shlex.quote(str(repository))}'
    return [
        "pitstop_tree=$(mktemp -d)",
        f"{git} read-tree {facts['PITSTOP_COMMIT']}",
        f'{git} checkout-index --all --prefix="$pitstop_tree/files/"',
        _within('"$pitstop_tree/files"', command, facts, settings),
    ]


def _within(folder: str, command: str, facts: Mapping[str, str], settings: ShellSettings) -> str:
    plain = {k: v for k, v in settings.env.items() if isinstance(v, str)} | dict(facts)
    given = [f"{name}={shlex.quote(value)}" for name, value in plain.items()]
    given += [f'{name}="${theirs}"' for name, theirs in settings.secrets.items()]
    return f"(cd {folder} && {' '.join(given)} sh -c {shlex.quote(command)})"

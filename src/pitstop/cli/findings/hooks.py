"""The team's own hooks: executables that are called before and after each stage."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from pitstop.adapters.hooks import FOLDER
from pitstop.cli.detect.facts import printable
from pitstop.domain.change import Finding
from pitstop.steps.hook import HOOKS

NAMES = tuple(HOOKS)


def findings(top: Path) -> Iterator[Finding]:
    """Yield each hook that would not be called, and how many would be."""
    folder = top / FOLDER
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        said = f"{FOLDER} cannot be read: {error.strerror}"
        yield Finding("hooks", "warning", said, f"ls -ld {FOLDER}")
        return
    wrong = {name: found for name in names if (found := _wrong(folder / name))}
    yield from wrong.values()
    called = [name for name in names if name in NAMES and name not in wrong]
    if called:
        yield Finding("hooks", "ok", f"{FOLDER} has {', '.join(called)}")


def _wrong(path: Path) -> Finding | None:
    """Return what is wrong with a file in the folder of the hooks; None where nothing is."""
    shown = printable(f"{FOLDER}/{path.name}")
    runs = path.is_file() and os.access(path, os.X_OK)
    if path.name in NAMES:
        if runs:
            return None
        said = f"{shown} is not executable, so it would not be called"
        return Finding("hooks", "warning", said, f"chmod +x {shlex.quote(shown)}")
    if not runs and not path.name.startswith(("pre-", "post-")):
        return None  # a note, or what a hook reads
    near = difflib.get_close_matches(path.name, NAMES, 1)
    remedy = f"call it {near[0]}" if near else f"call it one of: {', '.join(NAMES)}"
    return Finding("hooks", "warning", f"{shown} is called at no stage", remedy)

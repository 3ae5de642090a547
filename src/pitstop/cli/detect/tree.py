"""A repository's files, looked at within bounds: nothing in them can stop or slow the look."""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from pitstop.adapters._run import Runner
from pitstop.cli.detect.facts import printable

SKIPPED = frozenset(
    {".git", "node_modules", "bower_components", "vendor", "third_party", "site-packages"}
    | {".venv", "venv", "env", ".tox", "__pycache__", "dist", "build", "target", ".next"}
)
_LARGEST = 300_000  # bytes of a file that is read
_MOST_FILES = 200_000
_MOST_LINES = 20_000  # that one search looks at
_WITHIN = 10.0  # seconds that git may take for a list or a search
_LONGEST = 400  # signs of a line that is looked at
_CALM = ("-c", "core.quotePath=false", "-c", "core.fsmonitor=false", "-c", "color.ui=false")


class Tree:
    """The files that git knows or would add; ``odd`` collects what could not be read, in words."""

    def __init__(self, top: Path, runner: Runner) -> None:
        self.top, self._runner = top, runner
        self.odd: list[str] = []
        self._texts: dict[str, str] = {}
        self._searched: dict[str, list[tuple[str, int, str]]] = {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return every file's path in the repository, nearest to the top first."""
        listed = self.git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        found = listed.split("\0") if listed is not None else _walk(self.top)
        kept = {name for name in found if name and SKIPPED.isdisjoint(name.split("/")[:-1])}
        return tuple(sorted(kept, key=lambda name: (name.count("/"), name))[:_MOST_FILES])

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.names)

    def has(self, name: str) -> bool:
        """Return whether there is a file of that path, and it is one that can be read."""
        return name in self._known and self._is_plain(name)

    def first(self, *names: str) -> str | None:
        """Return the first of these files that is there."""
        return next((name for name in names if self.has(name)), None)

    def matching(self, pattern: str) -> list[str]:
        """Return the files whose whole path matches a pattern."""
        wanted = re.compile(pattern)
        return [name for name in self.names if wanted.fullmatch(name)]

    def text(self, name: str) -> str:
        """Return a file's text; empty where it is missing, binary, too large or not a plain file."""
        if name not in self._texts:
            self._texts[name] = self._read(name) if self.has(name) else ""
        return self._texts[name]

    def lines(self, name: str, pattern: str) -> Iterator[tuple[int, re.Match[str]]]:
        """Yield the number and the match of each line in which a pattern is found."""
        wanted = re.compile(pattern)
        for number, line in enumerate(self.text(name).splitlines(), 1):
            if match := wanted.search(line[:_LONGEST]):
                yield number, match

    def at(self, name: str, pattern: str) -> str:
        """Return ``file:line`` of the first line in which a pattern is found, else the file."""
        number = next((number for number, _ in self.lines(name, pattern)), None)
        return f"{name}:{number}" if number else name

    def toml(self, name: str) -> dict[str, Any]:
        """Return a TOML file's tables; empty, and a word in ``odd``, where it cannot be read."""
        return self._parsed(name, "TOML", tomllib.loads)

    def json(self, name: str) -> dict[str, Any]:
        """Return a JSON file's object; empty, and a word in ``odd``, where it cannot be read."""
        return self._parsed(name, "JSON", json.loads)

    def yaml(self, name: str) -> dict[str, Any]:
        """Return a YAML file's mapping; empty, and a word in ``odd``, where it cannot be read."""
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return self._parsed(name, "YAML", lambda text: yaml.load(text, loader))  # noqa: S506 - safe

    def search(self, pattern: str, paths: tuple[str, ...]) -> list[tuple[str, int, str]]:
        """Return file, number and text of the lines that match; searched once for each pattern."""
        if pattern not in self._searched:
            asked = ("grep", "--untracked", "-z", "-n", "-I", "-E", "--no-column", "--max-count=20")
            apart = [f":(exclude,glob)**/{folder}/**" for folder in sorted(SKIPPED)]
            said = self.git(*asked, "-e", pattern, "--", *paths, *apart) or ""
            self._searched[pattern] = list(self._hits(said))
        return self._searched[pattern]

    def _hits(self, said: str) -> Iterator[tuple[str, int, str]]:
        for line in said.split("\n", _MOST_LINES)[:_MOST_LINES]:
            name, _, rest = line.partition("\0")
            number, _, text = rest.partition("\0")
            if number.isdecimal() and name in self._known:
                yield name, int(number), text[:_LONGEST].rstrip("\r")

    def git(self, *words: str) -> str | None:
        """Return what git prints, names as the disk has them; None where it said no."""
        try:
            done = self._runner.run(
                ["git", "-C", self.top, *_CALM, *words],
                within=_WITHIN,
                env={"LC_ALL": "C"},  # in another locale git searches several times slower
                without=("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"),
            )
        except OSError:
            return None
        if done.timed_out:
            self._say(f"What git {words[0]} finds takes longer than {_WITHIN:.0f} s")
        return None if done.exit_code or done.timed_out else os.fsdecode(done.out)

    def _is_plain(self, name: str) -> bool:
        """Return whether a path is a file of this repository, wherever links lead."""
        path = os.path.realpath(self.top / name)
        try:
            inside = path.startswith(f"{os.path.realpath(self.top)}{os.sep}")
            return inside and stat.S_ISREG(os.stat(path).st_mode)
        except (OSError, ValueError):
            return False

    def _read(self, name: str) -> str:
        try:
            with open(self.top / name, "rb") as file:
                data = file.read(_LARGEST + 1)
        except OSError as error:
            self._say(f"{name} cannot be read: {error.strerror}")
            return ""
        if len(data) > _LARGEST:
            self._say(f"{name} is larger than {_LARGEST // 1000} kB")
            return ""
        return "" if b"\0" in data else data.decode(errors="replace").removeprefix("\ufeff")

    def _parsed(self, name: str, kind: str, parse: Callable[[str], Any]) -> dict[str, Any]:
        text = self.text(name)
        if not text.strip():
            return {}
        try:
            found = parse(text)
        except (ValueError, TypeError, yaml.YAMLError, RecursionError, ArithmeticError) as error:
            self._say(f"{name} cannot be read as {kind} ({_said(error)})")
            return {}
        return found if isinstance(found, dict) else {}

    def _say(self, what: str) -> None:
        sentence = f"{printable(what)}; it was left out."
        if sentence not in self.odd:
            self.odd.append(sentence)


def _said(error: Exception) -> str:
    """Return what a parser says, without the text that it quotes: a password may stand there."""
    mark = getattr(error, "problem_mark", None)
    if mark:
        return f"{getattr(error, 'problem', None) or 'mistake'}, line {mark.line + 1}"
    return " ".join(str(error).split())[:120]


def _walk(top: Path) -> Iterator[str]:
    """Yield the files below a folder, for where git cannot list them."""
    count = 0
    for folder, below, files in os.walk(top):
        below[:] = sorted(set(below) - SKIPPED)
        for file in files:
            yield os.path.relpath(os.path.join(folder, file), top)
        count += len(files)
        if count > _MOST_FILES:
            return


def table(found: object, *keys: str) -> dict[str, Any]:
    """Return the table below some keys; empty where there is none, or something else."""
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def word(found: object, *keys: str) -> str:
    """Return the text below some keys, stripped; empty where there is none, or something else."""
    *above, last = keys
    value = table(found, *above).get(last)
    return value.strip() if isinstance(value, str) else ""

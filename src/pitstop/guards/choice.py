"""Which tests a change affects: pure; names and imports are looked up by whoever asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pitstop.guards.kinds import is_code, matches, runs_as_test

_SCRIPTS = ("js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts")


def stems(changed: Iterable[str]) -> set[str]:
    """Return the names by which other files import the changed ones."""
    found = set()
    for path in changed:
        *folders, name = path.split("/")
        stem, _, end = name.rpartition(".")
        if end in ("py", *_SCRIPTS) and not runs_as_test(path):
            package = stem in ("__init__", "index")
            found.add(folders[-1] if package and folders else stem)
    return {stem for stem in found if len(stem) > 1}


def affected(
    changed: Iterable[str],
    everything: Iterable[str],
    importing: Iterable[str],
    mapping: Mapping[str, Iterable[str]],
) -> list[str]:
    """Return the test files to run, sorted.

    ``changed`` are the change's files, ``everything`` all files of its commit, ``importing`` those
    that import a changed one, ``mapping`` the team's own: pattern of changed files -> tests.
    """
    changed, there = list(changed), set(everything)
    found = {path for path in (*changed, *importing) if path in there and runs_as_test(path)}
    wanted = {name for path in changed for name in _names(path)}
    if wanted:
        found |= {path for path in there if path.rpartition("/")[2] in wanted}
    for pattern, tests in mapping.items():
        if any(matches(path, (pattern,)) for path in changed):
            found.update(tests)
    return sorted(found)


def changed_tests(changed: Iterable[str], everything: Iterable[str]) -> list[str]:
    """Return the tests that the change brings or changes."""
    there = set(everything)
    return sorted(path for path in changed if path in there and runs_as_test(path))


def sources(changed: Iterable[str], everything: Iterable[str]) -> list[str]:
    """Return the changed files that are code and still there: what related tests are looked up for."""
    there = set(everything)
    return sorted(path for path in changed if path in there and is_code(path))


def _names(path: str) -> list[str]:
    """Return what a test of this file is called by custom."""
    stem, _, end = path.rpartition("/")[2].rpartition(".")
    if end == "py":
        return [f"test_{stem}.py", f"{stem}_test.py"]
    if end in _SCRIPTS:
        return [f"{stem}.{word}.{one}" for word in ("test", "spec") for one in _SCRIPTS]
    return []

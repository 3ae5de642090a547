"""What kind of file a name stands for."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from pitstop.domain.change import FileChange

_GENERATED = (
    *("*.min.js", "*.min.css", "*.map", "*_pb2.py", "*_pb2_grpc.py", "*.pb.go", "*.g.dart"),
    *("*.snap", "*.lock", "package-lock.json", "pnpm-lock.yaml", "npm-shrinkwrap.json", "go.sum"),
)
_TEXT = (
    *("*.md", "*.rst", "*.txt", "*.adoc", "LICENSE*", "NOTICE*", "CHANGELOG*", "VERSION"),
    *("docs/**", "doc/**", ".gitignore", ".gitattributes", ".editorconfig", "CODEOWNERS"),
)
_TEST_FOLDERS = {"test", "tests", "__tests__", "spec", "specs", "testing", "e2e", "cypress"}


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Return whether a path is meant: a pattern without a slash names a file in any folder.

    ``**/`` at the beginning, or ``/**`` at the end, stands for any folders.
    """
    return any(_match(path, pattern) for pattern in patterns)


def _match(path: str, pattern: str) -> bool:
    if "/" not in pattern:
        return fnmatchcase(path.rpartition("/")[2], pattern)
    if pattern.startswith("**/"):
        rest = pattern[3:]
        return _match_rooted(path, rest) or fnmatchcase(path, f"*/{_open(rest)}")
    return _match_rooted(path, pattern)


def _match_rooted(path: str, pattern: str) -> bool:
    return fnmatchcase(path, _open(pattern))


def _open(pattern: str) -> str:
    return f"{pattern[:-2]}*" if pattern.endswith("/**") else pattern


def is_test(path: str) -> bool:
    """Return whether a file is a test, or belongs to tests only."""
    *folders, name = path.split("/")
    stem, _, end = name.rpartition(".")
    python = end == "py" and (
        stem.startswith("test_") or stem.endswith("_test") or stem == "conftest"
    )
    others = any(f".{word}." in name for word in ("test", "spec")) or name.endswith("_test.go")
    return python or others or any(folder in _TEST_FOLDERS for folder in folders)


def runs_as_test(path: str) -> bool:
    """Return whether a test runner takes this file by its name."""
    name = path.rpartition("/")[2]
    stem, _, end = name.rpartition(".")
    python = end == "py" and (stem.startswith("test_") or stem.endswith("_test"))
    return python or any(f".{word}." in name for word in ("test", "spec"))


def is_generated(file: FileChange, more: Iterable[str] = ()) -> bool:
    """Return whether a program wrote a file: nobody reads it line by line."""
    return file.generated or matches(file.path, (*_GENERATED, *more))


def is_code(path: str) -> bool:
    """Return whether a file can change what users get, rather than what developers read."""
    return not (is_test(path) or matches(path, _TEXT))

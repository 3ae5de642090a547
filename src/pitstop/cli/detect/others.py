"""Make, Go and other builds: the targets and the usual words that run their tests."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pitstop.cli.detect import signs
from pitstop.cli.detect.facts import Fact
from pitstop.cli.detect.tree import Tree

SOURCES = r".*\.(?:go|rs|java|kt|rb|php|ex)"
_MAKEFILES = ("Makefile", "makefile", "GNUmakefile")
# Seen file: what prepares, what runs everything.
_BUILDS = {
    "go.mod": ("go mod download", "go test ./..."),
    "Cargo.toml": ("", "cargo test --quiet"),
    "mvnw": ("", "./mvnw -q test"),
    "pom.xml": ("", "mvn -q test"),
    "gradlew": ("", "./gradlew test"),
    ".rspec": ("bundle install --quiet", "bundle exec rspec"),
    "bin/rails": ("bundle install --quiet", "bin/rails test"),
    "phpunit.xml.dist": ("composer install --quiet", "vendor/bin/phpunit"),
    "phpunit.xml": ("composer install --quiet", "vendor/bin/phpunit"),
    "mix.exs": ("mix deps.get", "mix test"),
}


def strength(tree: Tree) -> int:
    """Return 2 where one of these builds is seen, else 0."""
    return 2 * any(tree.has(name) for name in _BUILDS)


def targets(tree: Tree) -> dict[str, str]:
    """Return the targets of the makefile, each with its place."""
    makefile = tree.first(*_MAKEFILES)
    if not makefile:
        return {}
    found: dict[str, str] = {}
    for number, match in tree.lines(makefile, r"^([A-Za-z0-9][\w./ -]*?)\s*::?(?![=:])"):
        for name in match[1].split():
            found.setdefault(name, f"{makefile}:{number}")
    return found


def made(tree: Tree, *names: str) -> Iterator[Fact]:
    """Yield ``make NAME`` for each of these targets that is there."""
    known = targets(tree)
    for name in names:
        if name in known:
            yield Fact(f"make {name}", known[name], f"target {name}")


def setup(tree: Tree) -> Iterator[Fact]:
    """Yield what fetches the dependencies."""
    for name, (command, _) in _BUILDS.items():
        if command and tree.has(name):
            yield Fact(command, name)


def targeted(tree: Tree) -> Iterator[Fact]:
    """Yield nothing: what these builds run for single files depends on where those stand."""
    return iter(())


def smoke(tree: Tree) -> Iterator[Fact]:
    """Yield what runs all tests."""
    for name, (_, command) in _BUILDS.items():
        if tree.has(name):
            yield Fact(command, name, "all tests; a smaller suite would be quicker")


def start(tree: Tree) -> Iterator[Fact]:
    """Yield the usual start of Rails and Go services that are really there."""
    if tree.has("bin/rails") and tree.has("config/application.rb"):
        yield Fact("bin/rails server -p $PORT", "bin/rails")
    mains = [name for name, _, _ in signs.lines(tree, r"^package main\b", "go")]
    serving = [name for name in mains if not name.endswith("_test.go") and _serves(tree, name)]
    for name in serving[:1]:
        folder = name.rpartition("/")[0]
        note = () if "PORT" in tree.text(name) else (f"{name} does not seem to read PORT",)
        yield Fact(f"go run ./{folder}".removesuffix("/"), name, *note)


def _serves(tree: Tree, name: str) -> bool:
    return bool(re.search(r"ListenAndServe|\.Run\(|\.Listen\(|\.Start\(", tree.text(name)))

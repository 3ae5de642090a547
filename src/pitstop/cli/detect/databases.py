"""Databases: which kind, and the variable that holds the address. An address is never copied."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator

from pitstop.cli.detect import signs
from pitstop.cli.detect.containers import COMPOSE, services
from pitstop.cli.detect.facts import Database, may_hold_secret
from pitstop.cli.detect.tree import Tree

_EXAMPLES = (".env.example", ".env.sample", ".env.template", ".env.dist", "env.example", ".env")
_ADDRESS = r"\b((?:[A-Z][A-Z0-9]*_)*(?:DATABASE|POSTGRES|POSTGRESQL|DB|PG)_(?:URL|URI|DSN))\b"
_PARTS = r"^\s*(?:export\s+)?((?:POSTGRES|PG)_?[A-Z]+)\s*[=:]"
_ASSIGNED = rf"^\s*(?:export\s+|-\s+)?{_ADDRESS}\s*[=:]\s*[\"']?(\w+)?"
_IN_CODE = rf"(?:environ|getenv|env|ENV|Env)\b.*{_ADDRESS}"
_SQLITE = r"sqlite(?:\+\w+)?:///([^\"'\s?#;]+)"
_PARTED = "the address stands there in parts: put the whole of it into a variable"


def databases(tree: Tree) -> tuple[Database, ...]:
    """Return what is seen, each once; an address in a file is only named by its place."""
    seen = (*_in_settings(tree), *_in_examples(tree), *_in_compose(tree), *_in_code(tree))
    found: dict[tuple[str, str], Database] = {}
    for one in sorted(seen, key=lambda one: not (one.env or one.file)):
        if not may_hold_secret(one.file) and not one.env.startswith("TEST_"):
            found.setdefault((one.kind, one.file), one)
    return tuple(found.values())


def _in_examples(tree: Tree) -> Iterator[Database]:
    for name in _EXAMPLES:
        for number, found in tree.lines(name, _ASSIGNED):
            if kind := _kind(found[2] or "postgres"):
                yield from _named(tree, name, number, kind, found[1])
        for number, _ in tree.lines(name, _PARTS):
            yield Database("postgres", f"{name}:{number}", note=_PARTED)
            break


def _named(tree: Tree, name: str, number: int, kind: str, env: str) -> Iterator[Database]:
    if kind == "postgres":
        yield Database(kind, f"{name}:{number}", env=env)
        return
    for at, found in tree.lines(name, _SQLITE):
        if at == number:
            yield Database(kind, f"{name}:{number}", file=found[1])


def _in_compose(tree: Tree) -> Iterator[Database]:
    file = tree.first(*COMPOSE)
    if not file:
        return
    for number, found in tree.lines(file, _ASSIGNED):
        if _kind(found[2] or "postgres") == "postgres":
            yield Database("postgres", f"{file}:{number}", env=found[1])
    for name, service in services(tree):
        if re.search(r"\b(?:postgres|postgis|timescale)", str(service.get("image", ""))):
            where = f"{tree.at(file, r'image:.*(?:postgres|postgis|timescale)')}, {name}"
            yield Database("postgres", where, note=_PARTED)


def _in_settings(tree: Tree) -> Iterator[Database]:
    yield from _prisma(tree)
    yield from _rails(tree)
    yield from _django(tree)
    for number, found in tree.lines("alembic.ini", r"^\s*sqlalchemy\.url\s*=\s*(\S+)"):
        sqlite = re.match(_SQLITE, found[1])
        if sqlite:
            yield Database("sqlite", f"alembic.ini:{number}", file=sqlite[1])
        elif found[1].startswith("postgres"):
            note = "its address stands there in full: put it into a variable instead"
            yield Database("postgres", f"alembic.ini:{number}", note=note)


def _prisma(tree: Tree) -> Iterator[Database]:
    name = tree.first("prisma/schema.prisma", "schema.prisma")
    text = tree.text(name) if name else ""
    kind = re.search(r'(?m)^[ \t]*provider\s*=\s*"(postgresql|postgres|sqlite)"', text)
    if not (name and kind):
        return
    where = tree.at(name, rf'"{kind[1]}"')
    env = re.search(r"(?m)^[ \t]*url\s*=\s*env\(\"(\w+)\"\)", text)
    file = re.search(r"(?m)^[ \t]*url\s*=\s*\"file:([^\"?]+)", text)
    if kind[1].startswith("postgres"):
        yield Database("postgres", where, env=env[1] if env else "")
    elif file:
        yield Database("sqlite", where, file=_beside(name, file[1]))


def _rails(tree: Tree) -> Iterator[Database]:
    name = "config/database.yml"
    text = tree.text(name)
    production = text[text.find("production:") :] if "production:" in text else text
    kind = re.search(r"adapter:\s*[\"']?(postgresql|sqlite3)", production + text)
    if not kind:
        return
    where = tree.at(name, rf"adapter:\s*[\"']?{kind[1]}")
    if kind[1] == "postgresql":
        env = re.search(rf"ENV(?:\.fetch)?[\[(]\s*[\"']{_ADDRESS}", text)
        yield Database("postgres", where, env=env[1] if env else "")
    elif file := re.search(r"(?m)^[ \t]*database:\s*[\"']?([\w./-]+)", production):
        yield Database("sqlite", where, file=file[1])


def _django(tree: Tree) -> Iterator[Database]:
    for name in tree.matching(r"(?:[^/]+/){0,3}settings(?:/(?:base|prod|production))?\.py"):
        for number, _ in tree.lines(name, r"django\.db\.backends\.postgresql|django\.contrib\.gis"):
            env = next((found[1] for _, found in tree.lines(name, _IN_CODE)), "")
            yield Database("postgres", f"{name}:{number}", env=env)
        if not next(tree.lines(name, r"django\.db\.backends\.sqlite3"), None):
            continue
        for number, found in tree.lines(name, r"[\"']NAME[\"']\s*:.*[\"']([\w./-]+\.\w+)[\"']"):
            yield Database("sqlite", f"{name}:{number}", file=found[1])


def _in_code(tree: Tree) -> Iterator[Database]:
    for name, number, text in signs.lines(tree, _IN_CODE, *signs.SOURCES):
        if found := re.search(_IN_CODE, text):
            note = "" if "postgres" in text.lower() else "it is not said there which kind it is"
            yield Database("postgres", f"{name}:{number}", env=found[1], note=note)
    opened = r"sqlite3?\.(?:connect|Database)\(\s*[\"']([\w./-]+\.\w+)[\"']"
    for name, number, text in signs.lines(tree, f"{_SQLITE}|{opened}", *signs.SOURCES):
        found = re.search(_SQLITE, text) or re.search(opened, text)
        if found and not re.search(r"(?:^|/)(?:tests?/|test_|conftest)", name):
            yield Database("sqlite", f"{name}:{number}", file=found[1])


def _kind(scheme: str) -> str:
    """Return the kind that an address begins with; the address itself is not looked at."""
    if scheme.startswith(("postgres", "psql")):
        return "postgres"
    return "sqlite" if scheme.startswith("sqlite") else ""


def _beside(name: str, file: str) -> str:
    return os.path.normpath(os.path.join(os.path.dirname(name), file))

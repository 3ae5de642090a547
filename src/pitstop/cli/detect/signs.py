"""One search for all that is looked for inside files: to read 50,000 of them twice takes too long."""

from __future__ import annotations

import re

from pitstop.cli.detect.tree import Tree

Line = tuple[str, int, str]  # file, number, text

ROUTE_WORDS = "healthz?|health[-_]?check|livez?|readyz?|up|status|ping"  # the best first
SOURCES = (
    *("py", "js", "cjs", "mjs", "ts", "jsx", "tsx", "go", "rb", "java", "kt", "rs", "php", "cs"),
    *("ex", "scala", "prisma"),
)
DEPLOYMENTS = ("yaml", "yml", "toml", "json")
_SIGNS = (
    r"(FastAPI|Starlette|Quart|Flask)\(",
    r"^package main",
    r"(DATABASE|POSTGRES|POSTGRESQL|DB|PG)_(URL|URI|DSN)",
    r"sqlite(\+[a-z]+)?:///|sqlite3?\.(connect|Database)\(",
    rf"/({ROUTE_WORDS})/?([\"'`,}}[:space:]]|$)",
    rf"(path|url|Get|get|Controller)[ (]*[\"']({ROUTE_WORDS})/?[\"']",
)


def lines(tree: Tree, pattern: str, *kinds: str) -> list[Line]:
    """Return the lines of such files in which a pattern is found, nearest to the top first."""
    wanted = re.compile(pattern)
    every = tree.search("|".join(_SIGNS), tuple(f"*.{kind}" for kind in (*SOURCES, *DEPLOYMENTS)))
    ends = tuple(f".{kind}" for kind in kinds)
    found = [line for line in every if line[0].endswith(ends) and wanted.search(line[2])]
    return sorted(found, key=lambda line: (line[0].count("/"), line[0], line[1]))

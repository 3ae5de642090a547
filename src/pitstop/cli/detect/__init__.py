"""What a repository shows of itself, for ``init``: looked at once, within bounds, nothing run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from pitstop import config
from pitstop.adapters._run import Runner
from pitstop.cli.detect import containers, elsewhere, node, others, python, routes
from pitstop.cli.detect.databases import databases
from pitstop.cli.detect.facts import Fact, Found, careful, printable
from pitstop.cli.detect.tree import Tree

Look = Callable[[Tree], Iterable[Fact]]
_SHOWN = 3  # of each key: the best, and what else it may be


class Language(Protocol):
    """A file of this folder that knows one language's tools."""

    SOURCES: str

    def strength(self, tree: Tree) -> int: ...  # noqa: D102 - said in each
    def setup(self, tree: Tree) -> Iterator[Fact]: ...  # noqa: D102 - the same
    def targeted(self, tree: Tree) -> Iterator[Fact]: ...  # noqa: D102 - the same
    def smoke(self, tree: Tree) -> Iterator[Fact]: ...  # noqa: D102 - the same
    def start(self, tree: Tree) -> Iterator[Fact]: ...  # noqa: D102 - the same


_LANGUAGES: tuple[Language, ...] = (python, node, others)


def look(top: Path) -> Found:
    """Look at the repository whose worktree begins at ``top``."""
    return look_through(Tree(top, Runner()))


def look_through(tree: Tree) -> Found:
    """Ask each file of this folder what it sees."""
    said: list[str] = []

    def seen(key: str, *looks: Look) -> tuple[Fact, ...]:
        facts = itertools.chain.from_iterable(each(tree) for each in looks)
        kept, left_out = careful(facts, key)
        said.extend(left_out)
        return kept[:_SHOWN]

    spoken = _spoken(tree)
    remote = _usable("remote", elsewhere.remote(tree))
    return Found(
        name=config.service_name(tree.top.name),
        main=_usable("main", elsewhere.main(tree, remote.value)),
        remote=remote,
        start=seen(
            "platform.start",
            containers.procfile,
            containers.dockerfile,
            *(language.start for language in spoken),
            containers.compose,
            lambda tree: others.made(tree, "run", "serve", "start"),
        ),
        build=seen("platform.build", node.build),
        health=seen("platform.health", containers.health, routes.health),
        listen=seen("platform.listen", containers.listen),
        setup=seen("checks.setup", *(language.setup for language in spoken)),
        targeted=seen("checks.targeted", *(language.targeted for language in spoken)),
        smoke=seen(
            "checks.smoke",
            lambda tree: others.made(tree, "smoke", "test-smoke", "smoke-test"),
            *(language.smoke for language in spoken),
            lambda tree: others.made(tree, "test", "check"),
        ),
        databases=databases(tree),
        elsewhere=tuple(elsewhere.services(tree)),
        said=(*said, *filter(None, [containers.release_phase(tree)]), *tree.odd),
    )


def _spoken(tree: Tree) -> list[Language]:
    """Return the languages, first the one whose tests are surest, then the one used most."""
    return sorted(
        _LANGUAGES,
        key=lambda one: (one.strength(tree), len(tree.matching(one.SOURCES))),
        reverse=True,
    )


def _usable(key: str, fact: Fact) -> Fact:
    """Return a fact that can be written as the service's ``key``; else the usual name."""
    try:
        config.Service.model_validate({"name": "any", key: fact.value})
    except ValidationError:
        usual = str(config.Service.model_fields[key].default)
        return Fact(usual, note=f"{printable(fact.value)} cannot be used as a name here")
    return fact

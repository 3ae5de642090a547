"""What earlier hotfixes left: one that is still open, a merge or a revert that is owed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pitstop.adapters._run import Runner
from pitstop.cli import common
from pitstop.domain.change import Finding
from pitstop.engine.place import Place
from pitstop.journal.status import to_revert


def findings(here: Place) -> Iterator[Finding]:
    """Yield each debt under the name of its hotfix."""
    known = [(run.id, state) for run, state in common.states(here, quiet=True)]
    return left(known, here.repository)


def left(known: Iterable[tuple[str, dict[str, Any]]], repository: Path) -> Iterator[Finding]:
    """Yield what these hotfixes, by name and state, wait for or owe."""
    paid = True
    for name, state in known:
        if to_revert(state) and _taken_out(repository, state):
            continue
        for found in of(name, state):
            paid = paid and found.status == "ok"
            yield found
    if paid:
        yield Finding("debts", "ok", "no hotfix waits for anybody, and none owes anything")


def of(name: str, state: dict[str, Any]) -> Iterator[Finding]:
    """Yield what one hotfix waits for or owes, as its record says."""
    look = f"pitstop status {name}"
    if state["broke"] and not state["closed_at"]:
        yield Finding(name, "warning", f"it cannot go on: {state['broke']}", look)
    elif state["outcome"] == "fixed" and not state["closed_at"]:
        yield Finding(name, "ok", "its fix serves users, and production is watched")
    elif not state["closed_at"]:
        where = f"it waits for {state['waiting_for']}" if state["waiting_for"] else state["phase"]
        said = f"it is open ({where}); another hotfix of {state['service']} has to wait for it"
        end = f"to end it: pitstop abort {name} --reason TEXT"
        yield Finding(name, "warning", said, f"{look}; {end}")
    if state["outcome"] == "fixed":
        for one in state["owed"]:
            yield Finding(name, "warning", f"its merge is owed: {one}", look)
    for one in to_revert(state):
        yield Finding(name, "warning", one, look)


def _taken_out(repository: Path, state: dict[str, Any]) -> bool:
    """Return whether main, as far as it was fetched, holds a commit that takes the fix out."""
    commit = state["merged"]["main"]
    signs = (f"Reverts-hotfix: {state['commit']}", f"This reverts commit {state['commit']}")
    asked = ["git", "-C", str(repository), "log", "-1", "--format=%H", "--fixed-strings"]
    asked += [f"--grep={sign}" for sign in signs]
    return bool(Runner().run([*asked, f"{commit}..{state['main_ref']}", "--"], within=20).text)

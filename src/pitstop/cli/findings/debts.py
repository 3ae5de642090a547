"""What earlier hotfixes left: one that is still open, a merge or a revert that is owed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pitstop.cli import common
from pitstop.domain.change import Finding
from pitstop.engine.place import Place
from pitstop.journal.status import to_revert


def findings(here: Place) -> Iterator[Finding]:
    """Yield each debt under the name of its hotfix."""
    count = 0
    for run, state in common.states(here, quiet=True):
        for found in _of(run.id, state):
            count += 1
            yield found
    if not count:
        yield Finding("debts", "ok", "no hotfix is open, no merge is owed")


def _of(name: str, state: dict[str, Any]) -> Iterator[Finding]:
    if state["broke"] and not state["closed_at"]:
        yield Finding(
            name, "warning", f"it cannot go on: {state['broke']}", f"pitstop status {name}"
        )
    elif not state["closed_at"]:
        where = f"it waits for {state['waiting_for']}" if state["waiting_for"] else state["phase"]
        said = f"it is open ({where}); another hotfix of {state['service']} has to wait for it"
        remedy = f"pitstop status {name}; to end it: pitstop abort {name} --reason TEXT"
        yield Finding(name, "warning", said, remedy)
    if state["outcome"] == "fixed":
        for one in state["owed"]:
            yield Finding(name, "warning", f"its merge is owed: {one}", f"pitstop status {name}")
    for one in to_revert(state):
        yield Finding(name, "warning", one, f"pitstop status {name}")

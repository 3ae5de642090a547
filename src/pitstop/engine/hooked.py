"""A pit that calls the team's hooks around the stages of what is done in it.

Nothing of the team's stands between users and the way back: from the switch until the verdict no
hook is called. Those of that time are called once production is judged good, or, where it was
returned, when all is over.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, ParamSpec, TypeVar

from pitstop.domain.verdict import Outcome
from pitstop.engine.recorded import Recorded
from pitstop.flow import Answer, Errored, Step
from pitstop.steps.hook import HOOKS, STAGES

P = ParamSpec("P")
R = TypeVar("R")


class Hooked:
    """A pit (see flow.Pit) around another: the same steps, and hooks where the stage changes."""

    def __init__(self, pit: Recorded) -> None:
        self._pit = pit
        self._stage = ""
        self._held = False  # users are on the new release without a verdict, or it has ended badly
        self._due: list[str] = []

    def do(self, step: Step[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do a step; before the first of a stage, call what ends the last stage and begins this."""
        self._enter(step.phase)
        return self._pit.do(step, *args, **kwargs)

    def together(
        self, steps: Sequence[Step[P, Any]], *args: P.args, **kwargs: P.kwargs
    ) -> list[Any]:
        """Do steps side by side."""
        self._enter(steps[0].phase)
        return self._pit.together(steps, *args, **kwargs)

    def ask(self, question: str, **how: Any) -> Answer:
        """Wait for a person."""
        return self._pit.ask(question, **how)

    @contextlib.contextmanager
    def way_back(self, undo: Step[P, Any], *args: P.args, **kwargs: P.kwargs) -> Iterator[None]:
        """Undo when the block fails; hooks wait until it has ended well, or until the run has."""
        self._held = True
        with self._pit.way_back(undo, *args, **kwargs):
            yield
        self._held = False

    @contextlib.contextmanager
    def alone_on(self, service: str) -> Iterator[None]:
        """Be the only one who acts on a service."""
        with self._pit.alone_on(service):
            yield

    def decided(self, outcome: Outcome) -> None:
        """Record how it ended; unless it is fixed, everybody hears it before a hook is called."""
        self._pit.decided(outcome)
        self._held = self._held or outcome.status != "fixed"

    def ended(self, outcome: Outcome) -> None:
        """Call the hooks that are still due, and after a rollback those of it."""
        if outcome.status in ("rolled_back", "stranded") and not self._returned_by_another():
            self._leave()
            self._due += ["pre-rolling_back", "post-rolling_back"]
        self._held = False
        self._call()

    def _enter(self, phase: str) -> None:
        if phase != self._stage and phase != "rolling_back":
            self._leave()
            self._stage = phase
            if phase in STAGES:
                self._due.append(f"pre-{phase}")
        if not self._held:
            self._call()

    def _leave(self) -> None:
        if self._stage in STAGES:
            self._due.append(f"post-{self._stage}")
        self._stage = ""

    def _call(self) -> None:
        due, self._due = self._due, []
        for name in due:
            if self._is_called(name):
                with contextlib.suppress(Errored):  # a fault in it is recorded, and stops nothing
                    self._pit.do(HOOKS[name])

    def _is_called(self, name: str) -> bool:
        """Say whether it was called, or is to be: one that came later is not slipped in."""
        if self._pit.knows(HOOKS[name]):
            return True
        hooks = self._pit.crew.hooks
        return bool(hooks and not self._pit.replays() and hooks.find(name))

    def _returned_by_another(self) -> bool:
        """Say whether a rollback run did it: that one calls the hooks."""
        return any(line["event"] == "rollback" for line in self._pit.lines())

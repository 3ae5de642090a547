"""The little language that procedures are written in: steps, and a pit to do them in."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from pitstop.domain.verdict import GateResult, Outcome
from pitstop.ports import CannotTell, Crew

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class No:
    """A step's expected *no*: data, not an exception, so that a replay takes the same branch."""

    reason: str
    declined: bool = False  # a gate or a person said no, rather than the attempt failing
    gate: GateResult | None = None  # the evidence, where a gate measured something


class Failed(Exception):
    """The run cannot go on as planned. Carries one sentence, nothing else."""

    outcome = "failed"


class Declined(Failed):
    """Triage, a guard or a reviewer said no."""

    outcome = "declined"


class Aborted(Failed):
    """A person stopped the run."""

    outcome = "aborted"


class Errored(Failed):
    """Something broke that is nobody's decision."""

    outcome = "errored"


class RolledBack(Failed):
    """Production was changed and is back where it was."""

    outcome = "rolled_back"


class Stranded(Failed):
    """Production was changed and could not be brought back."""

    outcome = "stranded"


def outcome_of(failure: Failed) -> Outcome:
    """Return how a run ended that ended like this."""
    return Outcome(failure.outcome, str(failure))


@dataclass(frozen=True)
class Step(Generic[P, R]):
    """One durable unit of work. ``name`` is its key in the journal: file, dot, function."""

    name: str
    title: str
    phase: str
    attempts: int
    function: Callable[Concatenate[Crew, P], R | No]

    def of(self, *args: P.args, **kwargs: P.kwargs) -> Step[[], R]:
        """Return this step with what it is given: for where the engine says when."""

        @functools.wraps(self.function)
        def given(crew: Crew) -> R | No:
            return self.function(crew, *args, **kwargs)

        return replace(self, function=given)  # type: ignore[return-value, arg-type] # its parameters are given


STEPS: dict[str, Step[Any, Any]] = {}
"""Every step that this version has, by its key."""


def step(
    title: str, *, phase: str, attempts: int = 1
) -> Callable[[Callable[Concatenate[Crew, P], R | No]], Step[P, R]]:
    """Make a function a durable step. It must look before it acts: it may run again."""

    def made(function: Callable[Concatenate[Crew, P], R | No]) -> Step[P, R]:
        name = f"{function.__module__.rsplit('.', 1)[-1]}.{function.__name__}"
        found = Step(name, title, phase, attempts, function)
        STEPS[name] = found
        return found

    return made


def patiently(crew: Crew, act: Callable[[], R], times: int) -> R:
    """Do what must not fail a run; while there is no answer, wait 1, 2, 4 ... seconds and ask again.

    Raises what the last try raised. For what may fail a run, a step's ``attempts`` do this.
    """
    for number in range(times - 1):
        try:
            return act()
        except CannotTell:
            crew.clock.pause(2.0**number)
    return act()


def override_of(crew: Crew, gate: str, tree: str | None) -> Mapping[str, Any] | None:
    """Return the last override of a gate that somebody gave for this very tree."""
    given = crew.record.status()["overrides"]
    known = [one for one in given if one["gate"] == gate and one["tree"] in (None, tree)]
    return known[-1] if known else None


@dataclass(frozen=True)
class Answer:
    """What a person said to a question; ``kind`` is answer, override or silence."""

    kind: str
    by: str = ""
    said: str = ""
    data: dict[str, Any] | None = None


class Pit(Protocol):
    """Where a procedure does its steps. One engine, two memories: a file, or none (rehearsal)."""

    def do(self, step: Step[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do a step once, or return what it returned when it was done. Raises Failed."""

    def together(
        self, steps: Sequence[Step[P, Any]], *args: P.args, **kwargs: P.kwargs
    ) -> list[Any]:
        """Do steps side by side; all of them end before the first failure is raised."""

    def ask(
        self,
        question: str,
        *,
        about: str = "",
        within: timedelta | None = None,
        meanwhile: Step[[], None] | None = None,
        every: timedelta = timedelta(0),
        reminders: Sequence[tuple[timedelta, Step[[], Any]]] = (),
    ) -> Answer:
        """Wait for a person, durably; silence is no answer.

        ``about`` binds the answer, to a tree for instance. After ``within`` the run rests; without
        it, it rests at once. ``meanwhile`` is looked at while the process waits, one look in
        ``every``: its *no* ends the wait, and without ``within`` it keeps the process alive.
        ``reminders`` are done once, each so long after asking, while there is no answer.
        """

    def way_back(
        self, undo: Step[P, Any], *args: P.args, **kwargs: P.kwargs
    ) -> AbstractContextManager[None]:
        """Undo when the block fails or breaks; it then ends *rolled back* or *stranded*."""

    def alone_on(self, service: str) -> AbstractContextManager[None]:
        """Be the only one who acts on a service; wait for whoever does so now."""

    def decided(self, outcome: Outcome) -> None:
        """Record how it ended, as soon as that is known."""

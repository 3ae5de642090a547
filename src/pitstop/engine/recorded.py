"""Run a procedure from its journal: what is finished there is not done again.

One engine, two memories: a journal in a file when it counts, one in memory to rehearse.
"""

from __future__ import annotations

import contextlib
import errno
import inspect
import threading
import traceback
import typing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Any, ParamSpec, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from pitstop import messages as say
from pitstop.domain.verdict import Outcome
from pitstop.flow import (
    STEPS,
    Aborted,
    Answer,
    Declined,
    Errored,
    Failed,
    No,
    RolledBack,
    Step,
    Stranded,
)
from pitstop.journal.store import Journal, JournalError, stamp
from pitstop.ports import CannotTell, Crew, Fenced, Refused

if typing.TYPE_CHECKING:
    from pitstop.journal.store import Line

P = ParamSpec("P")
R = TypeVar("R")

POLL = 0.05
SAID_BY_PEOPLE = ("answered", "override", "note", "evidence")  # what outlives a new attempt
LONGEST_PAUSE = 10.0  # seconds between two attempts; the first retry comes after one


class Waiting(BaseException):
    """The run rests until a person answers; no process is needed meanwhile."""

    def __init__(self, question: str) -> None:
        super().__init__(question)
        self.question = question


class Stopped(BaseException):
    """The run cannot be continued by this program, and says so; nothing was done."""


class _Awaitable(TypeError):
    """A step was written as if it could be awaited: a mistake in the program, not a fault."""


class Numbered(Protocol):
    """The service's fence, as the engine uses it."""

    number: int | None

    def acting(self) -> str:
        """Return which run holds the service, as far as it is known."""

    def alone(
        self, recorded: int | None, tick: Callable[[], None]
    ) -> contextlib.AbstractContextManager[int]:
        """Hold the service with the recorded number, or with the next one."""

    def regain(self) -> int:
        """Take the next number, to return production; whoever acts is fenced off."""


class _Look:
    """When it is time to look at something again: at once, then once in a while, and at the end."""

    def __init__(self, every: timedelta) -> None:
        self._every = every
        self._next: datetime | None = None

    def due(self, now: datetime, *, last: bool) -> bool:
        """Return whether to look now."""
        if not last and self._next and now < self._next:
            return False
        self._next = now + self._every
        return True


class Recorded:
    """A pit (see flow.Pit) whose memory is a journal."""

    def __init__(
        self,
        journal: Journal,
        owner: str,
        *,
        fence: Numbered,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self.crew: Crew  # set right after: the crew's clock and commands tick this pit
        self.journal = journal
        self.owner = owner
        self._fence, self._beat = fence, beat
        journal.waiting = beat
        self._lines: list[Line] = []
        self._finished: dict[str, dict[str, Any]] = {}
        self._asked_for: set[str] = set()
        self._attempt = 1
        self._last_write = (-1, -1)
        self._lock = threading.RLock()
        self._heard: set[str] = set()
        self._cut_short = False
        self._deaf = False  # nothing is left that an abort could stop
        self._interrupted: Failed | None = None  # what was raised into the step under way
        self._main = threading.get_ident()
        self._read()

    # -- steps -----------------------------------------------------------------------------

    def do(self, step: Step[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do a step once, or return what it returned when it was done."""
        if step.name not in self._finished:
            self.hear()  # first: an abort that was heard here before led to other steps
            self._enough_room()
            self._only_known_steps(step.name)
        return self._once(step, *args, **kwargs)

    def together(
        self, steps: Sequence[Step[P, Any]], *args: P.args, **kwargs: P.kwargs
    ) -> list[Any]:
        """Do steps side by side; all of them end before the first failure is raised."""
        self._asked_for.update(one.name for one in steps)
        if any(one.name not in self._finished for one in steps):
            self.hear()
            self._only_known_steps(*(one.name for one in steps))
        with ThreadPoolExecutor(max_workers=len(steps)) as pool:
            one_step: Callable[..., Any] = self._once
            branches = [pool.submit(one_step, one, *args, **kwargs) for one in steps]
            pending = set(branches)
            while pending:  # the heart of the process beats here, not in a branch
                pending = wait(pending, timeout=POLL).not_done
                self._beat()
        try:
            return [branch.result() for branch in branches]
        except Aborted:
            self._heard.add("abort")
            raise

    def knows(self, step: Step[..., Any]) -> bool:
        """Return whether the journal holds what a step came to."""
        return step.name in self._finished

    def replays(self) -> bool:
        """Return whether steps that were finished before are still to be asked for."""
        return bool(set(self._finished) - self._asked_for)

    def _enough_room(self) -> None:
        """End the run, in order, as soon as the disk turns out to be full."""
        if self._deaf or not (self.journal.cramped or self._line("cramped", None)):
            return
        self._write("cramped", {}, once="cramped")  # a replay ends at the same place
        raise Errored(say.DISK_FULL)

    def _once(self, step: Step[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        self._asked_for.add(step.name)
        data = self._finished.get(step.name)
        if data is None:
            data = self._perform(step, *args, **kwargs)
        if no := data.get("no"):
            raise (Declined if no["declined"] else Failed)(no["reason"])
        if "error" in data:
            raise Errored(data["error"])
        try:
            result: R = _shape(step).validate_python(data["value"])
        except ValidationError as error:
            raise Stopped(say.other_shape(self.journal.run, step.name, str(error))) from None
        return result

    def _perform(self, step: Step[P, R], *args: P.args, **kwargs: P.kwargs) -> dict[str, Any]:
        errors = 0
        while True:
            self._started(step)
            try:
                result = self._acted(step, *args, **kwargs)
            except Refused as refused:
                return self._finish(step, {"no": _no(No(str(refused)))})
            except Aborted:
                self._write("stopped", {"reason": say.STOPPED_BY_ABORT}, step=step.name)
                raise
            except Failed:
                raise
            except (JournalError, _Awaitable):
                raise
            except Exception as error:  # noqa: BLE001 - every fault is recorded as one
                errors += 1
                if errors >= step.attempts:
                    return self._finish(step, {"error": _fault(step, error)})
                self._write("failed", {"reason": _fault(step, error)}, step=step.name)
                self.crew.clock.pause(min(2.0 ** (errors - 1), LONGEST_PAUSE))
                continue
            if isinstance(result, No):
                return self._finish(step, {"no": _no(result)})
            value = _shape(step).dump_python(result, mode="json")
            return self._finish(step, {"value": value})

    def _acted(self, step: Step[P, R], *args: P.args, **kwargs: P.kwargs) -> R | No:
        """Act; what was raised into the step counts, also where the step caught it with much else."""
        self._interrupted = None
        result = step.function(self.crew, *args, **kwargs)
        if self._interrupted:
            raise self._interrupted
        if inspect.isawaitable(result):
            raise _Awaitable(say.awaitable(step.name))
        return result

    def _started(self, step: Step[P, R]) -> None:
        before = [ln for ln in self._lines if ln["event"] == "started" and ln["step"] == step.name]
        attempt = len(before) + 1
        data = {"title": step.title, "phase": step.phase, "attempt": attempt}
        self._write("started", data, step=step.name, once=f"started:{step.name}:{attempt}")

    def _finish(self, step: Step[P, R], data: dict[str, Any]) -> dict[str, Any]:
        line = self._write("finished", data, step=step.name, once=f"finished:{step.name}")
        return typing.cast("dict[str, Any]", line["data"])

    def _only_known_steps(self, *about_to_be_done: str) -> None:
        """Refuse to go on where a run of another version does not fit this version's procedure.

        Before the run holds the service, a step that is new in this version is simply done; the
        finished ones are asked for after it. From there on nothing may be slipped in: what says no
        behind a switch that was made would end the run without the way back.
        """
        passed_over = set(self._finished) - self._asked_for - set(about_to_be_done)
        if not passed_over or self._cut_short:
            return
        if self._held_the_service() or not passed_over <= set(STEPS):
            raise Stopped(say.unknown_steps(self.journal.run, sorted(passed_over)))

    def _held_the_service(self) -> bool:
        return any(line["event"] == "fence" for line in self._lines)

    # -- people ----------------------------------------------------------------------------

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
        """Wait for a person, durably: silence is no answer, and never a yes."""
        self._asked_for.update(reminder.name for _, reminder in reminders)
        for line in self._lines:
            if line["event"] == "heard" and line["data"]["question"] == question:
                return _answer(line["data"])
        if meanwhile and (ill := self._no_meanwhile(meanwhile)):
            raise Failed(ill)
        self.hear()
        self._only_known_steps()
        asked = self._asked(question, about, within)
        look = _Look(every)
        while True:
            self.hear()
            if answer := self._answered(question, about, asked["seq"]):
                self._write(
                    "heard", {"question": question, **vars(answer)}, once=f"heard:{question}"
                )
                return answer
            over = self._over(asked, meanwhile)
            if meanwhile and look.due(self.crew.clock.now(), last=over):
                self._look_meanwhile(meanwhile)
                if self._answered(question, about, asked["seq"]):
                    continue
            if over:
                if asked["data"]["deadline"]:
                    self._write("expired", {"question": question}, once=f"expired:{question}")
                raise Waiting(question)
            self._remind(asked, reminders)
            self.crew.clock.pause(POLL)

    def _over(self, asked: Line, meanwhile: Step[[], None] | None) -> bool:
        """Return whether a question is not waited for any longer; its answer is heard later."""
        deadline = asked["data"]["deadline"]
        if deadline is None:
            return meanwhile is None
        return bool(stamp(self.crew.clock.now()) >= deadline)

    def _remind(self, asked: Line, reminders: Sequence[tuple[timedelta, Step[[], Any]]]) -> None:
        """Do the last reminder that is due, once; no trouble with it ends a run."""
        waited = self.crew.clock.now() - datetime.fromisoformat(asked["at"])
        due = [step for after, step in reminders if waited >= after]
        if due and due[-1].name not in self._finished:
            self._perform(due[-1])

    def _asked(self, question: str, about: str, within: timedelta | None) -> Line:
        now = self.crew.clock.now()
        deadline = stamp(now + within) if within else None
        data = {"question": question, "about": about, "deadline": deadline}
        return self._write("asked", data, once=f"asked:{question}")

    def _answered(self, question: str, about: str, asked: int) -> Answer | None:
        for line in sorted(self._lines, key=_rejections_first):
            said = line["data"]
            if line["event"] == "answered" and said["question"] == question:
                if not about or said.get("about") == about:
                    return Answer("answer", line["by"], said["said"], said)
            if line["event"] == "evidence" == question and said.get("tree") in _same(about):
                return Answer("answer", line["by"], said["text"], said)
            if line["event"] == "override" and said["gate"] == question:
                # nobody can accept in advance what has not been seen yet, nor another tree
                seen = (
                    line["seq"] > asked
                    if question == "verdict"
                    else said.get("tree") in _same(about)
                )
                if seen:
                    return Answer("override", line["by"], said["because"], said)
        return None

    def _no_meanwhile(self, step: Step[[], None]) -> str | None:
        self._asked_for.add(step.name)
        data = self._finished.get(step.name)
        return str(data["no"]["reason"]) if data else None

    def _look_meanwhile(self, step: Step[[], None]) -> None:
        result = step.function(self.crew)
        self.hear()
        if isinstance(result, No):
            self._finish(step, {"no": _no(result)})
            raise Failed(result.reason)

    # -- the way back ----------------------------------------------------------------------

    @contextlib.contextmanager
    def way_back(self, undo: Step[P, Any], *args: P.args, **kwargs: P.kwargs) -> Iterator[None]:
        """Undo when the block fails or breaks; it then ends *rolled back* or *stranded*."""
        was_deaf, self._deaf = self._deaf, False
        try:
            yield
        except (RolledBack, Stranded):
            raise  # somebody's `pitstop rollback` has already returned production
        except (Failed, Exception) as failure:
            reason = str(failure) if isinstance(failure, Failed) else say.fault(failure)
            self._deaf = True  # an abort asks for exactly this
            self._regain()
            try:
                self.do(undo, *args, **kwargs)
            except Failed as stuck:
                raise Stranded(say.stranded(reason, str(stuck))) from failure
            raise RolledBack(reason) from failure
        else:
            was_deaf = True  # production is good: an abort waits for the watch to guard it
        finally:
            self._deaf = was_deaf

    def _regain(self) -> None:
        """Once the service was left, somebody else may prepare to act: the way back goes first."""
        if any(line["event"] == "left" for line in self._lines):
            if regained := self._line("fence", "way_back"):
                self._fence.number = regained["data"]["number"]
            else:
                number = self._fence.regain()
                self._write("fence", {"number": number}, step="way_back", once="fence:way_back")

    @contextlib.contextmanager
    def alone_on(self, service: str) -> Iterator[None]:
        """Be the only one who acts on a service; wait for whoever does so now.

        A block that was left is not entered again: its number is kept, and compared by the
        platform before every later act.
        """
        name = f"alone_on/{service}"
        recorded = self._line("fence", name)
        if recorded and self._line("left", name):
            self._fence.number = recorded["data"]["number"]
            yield
            return
        before = recorded["data"]["number"] if recorded else None

        def wait() -> None:
            if not self._line("waits", name):
                behind = {"service": service, "behind": self._fence.acting()}
                with contextlib.suppress(JournalError):  # a word too many on a full disk
                    self._write("waits", behind, step=name, once=f"waits:{name}")
            self.tick()

        try:
            with self._fence.alone(before, wait) as number:
                if not recorded:
                    self._write("fence", {"number": number}, step=name, once=f"fence:{name}")
                yield
                self._write("left", {}, step=name, once=f"left:{name}")
        except Fenced:
            self._cut_short = True  # what is finished inside is not asked for any more
            self.hear()  # a rollback says so itself
            if self._line("outcome", None):
                raise
            self._fence.number = None
            raise Errored(say.superseded(service)) from None

    def _line(self, event: str, step: str | None) -> Line | None:
        return next((ln for ln in self._lines if ln["event"] == event and ln["step"] == step), None)

    # -- the record ------------------------------------------------------------------------

    def decided(self, outcome: Outcome) -> None:
        """Record how it ended, as soon as that is known."""
        self._deaf = True
        data: dict[str, object] = {"status": outcome.status, "reason": outcome.reason}
        self._write("outcome", data, once=f"outcome:{outcome.status}")

    def close(self) -> None:
        """Record that nothing is left to do."""
        self._write("closed", {}, once="closed")

    def head(self) -> str:
        """Return the hash of the journal's last line."""
        with self._lock:
            self._read()
            return str(self._lines[-1]["hash"])

    def lines(self) -> list[Line]:
        """Return the journal so far."""
        with self._lock:
            self._read()
            return list(self._lines)

    def tick(self) -> None:
        """Beat the heart and hear what people want; called at least every 50 ms of any wait."""
        self._beat()
        self.hear()

    def hear(self) -> None:
        """Raise what somebody asked of this run since the last look: an abort, a rollback."""
        with self._lock:
            writes = self.journal.writes()
            if writes != self._last_write:
                self._last_write = writes
                self._read()
        self._obey()

    def _obey(self) -> None:
        rollback = next((ln for ln in self._lines if ln["event"] == "rollback"), None)
        returned = next((ln for ln in self._lines if ln["event"] == "returned"), None)
        if rollback and not returned:
            raise Fenced(say.rollback_under_way(rollback["by"]))
        if self._deaf:
            return
        if returned and "returned" not in self._heard:
            self._heard.add("returned")
            # from here on this run only tidies up after itself, which no fence forbids: the
            # platform refuses to stop what serves users
            self._fence.number = None
            reason = returned["data"]["reason"]
            self._interrupted = (RolledBack if returned["data"]["ok"] else Stranded)(reason)
            raise self._interrupted
        abort = next((ln for ln in self._lines if ln["event"] == "abort"), None)
        if abort and not returned and "abort" not in self._heard:
            if threading.get_ident() == self._main:
                self._heard.add("abort")  # a branch leaves it for its siblings to hear too
            # what another version finished does not stand in the way of leaving nothing behind
            self._cut_short = self._cut_short or not self._held_the_service()
            self._interrupted = Aborted(say.aborted(abort["by"], abort["data"]["reason"]))
            raise self._interrupted

    def _read(self) -> None:
        with self._lock:
            for line in self.journal.lines(self._lines[-1]["seq"] if self._lines else 0):
                if line["event"] == "again":
                    self._begin_again()
                self._lines.append(line)
                if line["event"] == "finished":
                    self._finished[line["step"]] = line["data"]

    def _begin_again(self) -> None:
        """Forget what was done for an attempt that ended before production was changed.

        What people said stays: it is bound to a tree, and counts again for the same one.
        """
        self._attempt += 1
        self._finished.clear()
        still = (*SAID_BY_PEOPLE, "again")  # attempts are counted from their lines
        kept = [line for line in self._lines[1:] if line["event"] in still]
        kept = [line for line in kept if line["data"].get("question") != "fix"]
        self._lines[1:] = kept

    def _write(
        self, event: str, data: dict[str, Any], *, step: str | None = None, once: str | None = None
    ) -> Line:
        now: datetime = self.crew.clock.now()
        if once and self._attempt > 1:
            once = f"{self._attempt}:{once}"
        line, _ = self.journal.append(event, data, by=self.owner, step=step, once=once, at=now)
        self._read()
        return line


def _same(about: str) -> tuple[str | None, str]:
    """Return what an override may be bound to: this tree, or what a version before did not say."""
    return None, about


def _rejections_first(line: Line) -> bool:
    """Sort rejections before everything else: a standing no outweighs every yes."""
    return not (line["event"] == "answered" and line["data"].get("said") == "reject")


def _shape(step: Step[P, R]) -> TypeAdapter[R]:
    """Return what checks and writes a step's result, from its annotation less ``No``."""
    if step.name not in _SHAPES:
        hint: Any = typing.get_type_hints(step.function)["return"]
        kinds = [kind for kind in typing.get_args(hint) if kind is not No]
        if No in typing.get_args(hint):
            hint = typing.Union[tuple(kinds)]  # noqa: UP007 - made at run time
        _SHAPES[step.name] = TypeAdapter(hint)
    return _SHAPES[step.name]


_SHAPES: dict[str, TypeAdapter[Any]] = {}


def _no(no: No) -> dict[str, Any]:
    return {
        "reason": no.reason,
        "declined": no.declined,
        "gate": vars(no.gate) if no.gate else None,
    }


def _answer(data: dict[str, Any]) -> Answer:
    return Answer(data["kind"], data["by"], data["said"], data["data"])


def _fault(step: Step[P, R], error: Exception) -> str:
    if isinstance(error, CannotTell):
        return str(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return say.DISK_FULL
    where = traceback.extract_tb(error.__traceback__)[-1]
    return say.broke(step.title, say.fault(error), f"{where.filename}:{where.lineno}")

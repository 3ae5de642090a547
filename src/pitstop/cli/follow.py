"""Follow a run's journal from outside: a follower may come and go, the run does not notice."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator

from pitstop.cli import common
from pitstop.cli.standing import budget_runs_out, summary
from pitstop.engine import ownership
from pitstop.engine.ownership import RunFolder
from pitstop.engine.place import Place
from pitstop.journal.status import exit_code, past_deploy, status
from pitstop.journal.timeline import Timeline

TYPE_CHECKING = False  # importing typing costs more than all that is read here
if TYPE_CHECKING:
    from typing import Any

POLL = 0.05
_PROGRESS = ("finished", "heard", "outcome", "closed")
TRIES = 8  # times a process may die without writing anything before a person has to look


def shipped(state: dict[str, Any]) -> bool:
    """Return whether ``ship`` has nothing left to show: the watch goes on by itself."""
    if state["outcome"] == "fixed" and state["watch"]["until"]:
        return True
    return state["closed_at"] is not None or state["waiting_for"] == "verdict"


def closed(state: dict[str, Any]) -> bool:
    """Return whether nothing at all is left to happen."""
    return state["closed_at"] is not None


def follow(
    here: Place,
    run: RunFolder,
    until: Callable[[dict[str, Any]], bool],
    *,
    quiet: bool = False,
    after: int = 0,
    insist: bool = False,
) -> dict[str, Any]:
    """Show the journal as it grows, see that somebody executes it, return its state at the end.

    Lines up to ``after`` are not shown again. A process that does not respond is said loudly; who
    ``insist``s ends it, and the run goes on in a new one.
    """
    with _view(run, quiet) as show:
        return _follow(here, run, until, after, show, insist, Budget(quiet))


def _follow(
    here: Place,
    run: RunFolder,
    until: Callable[[dict[str, Any]], bool],
    after: int,
    show: Callable[[dict[str, Any], bool], None],
    insist: bool,
    budget: Budget,
) -> dict[str, Any]:
    lines, shown = run.lines(), 0
    deaths, hung = 0, Hung(run, insist)
    while True:
        state = status(lines)
        over = until(state) or (state["rests"] and not ownership.executing(run))
        if not over and _nobody_acts(here, run, lines, state):
            deaths += 1
            if deaths > TRIES:
                raise common.CannotDo(_keeps_dying(run, state), 6 if past_deploy(state) else 1)
            ownership.start_process(run, here.repository)
            common.wait_until_executing(run)
        for line in lines[shown:]:  # after the start: whoever cannot be shown anything did start it
            show(line, line["seq"] > after)
        shown = len(lines)
        if over:
            return state
        hung.look()
        budget.look(state)
        time.sleep(POLL)
        fresh = run.lines(shown)
        if any(line["event"] in _PROGRESS for line in fresh):
            deaths = 0  # counted anew: it got somewhere before it died
        lines += fresh


class Hung:
    """Looks, every other second, whether the run's process still responds."""

    def __init__(self, run: RunFolder, insist: bool) -> None:
        self._run, self._insist = run, insist
        self._next, self._said = 0.0, False

    def look(self) -> None:
        """Say it once, or end the process."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 2.0
        if not ownership.stale(self._run):
            self._said = False
        elif self._insist:
            common.end_hung(self._run)
        elif not self._said:
            self._said = True
            print(common.unresponsive(self._run), file=sys.stderr, flush=True)


class Budget:
    """Says it once when a third of the time is left, and once when it is gone."""

    def __init__(self, quiet: bool = False) -> None:
        self._said = 0.0 if quiet else 1.0

    def look(self, state: dict[str, Any]) -> None:
        """Compare the time since the hotfix was declared with its budget, until it is verified."""
        ending = state["verified_at"] or state["outcome"] or state["ending"]
        if state["kind"] != "hotfix" or ending:
            return
        from datetime import UTC, datetime

        budget = state["slo"]["budget_seconds"]
        used = datetime.now(UTC) - datetime.fromisoformat(state["declared_at"])
        left = budget - used.total_seconds()
        for share in (0.0, 1 / 3):
            if left <= budget * share < budget * self._said:
                self._said = share
                print(budget_runs_out(left, budget), file=sys.stderr, flush=True)


def _nobody_acts(
    here: Place, run: RunFolder, lines: list[dict[str, Any]], state: dict[str, Any]
) -> bool:
    """Return whether the run has work to do and nobody does it."""
    if ownership.executing(run) or _grew(run, lines):
        return False
    return not common.being_rolled_back(here, state)


def _grew(run: RunFolder, lines: list[dict[str, Any]]) -> bool:
    """Return whether the process wrote and ended between two looks."""
    return bool(run.lines(len(lines)))


def _keeps_dying(run: RunFolder, state: dict[str, Any]) -> str:
    import shutil

    from pitstop.messages import DISK_FULL

    if shutil.disk_usage(run.path).free < 1_000_000:
        return f"{DISK_FULL} The disk of {run.path}. Then: pitstop resume {run.id}"
    now = "Production may be changed" if past_deploy(state) else "Production is unchanged"
    return (
        f"The process of {run.id} died {TRIES} times and got nowhere. {now}. Its last words: "
        f"{run.log}. Then: pitstop resume {run.id}"
    )


@contextlib.contextmanager
def _view(run: RunFolder, quiet: bool) -> Iterator[Callable[[dict[str, Any], bool], None]]:
    """Give what shows a line: a live view in a terminal, plain lines elsewhere."""
    if quiet:
        yield lambda *_: None
    elif sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        from pitstop.cli.live import LiveView

        with LiveView(run) as show:
            yield show
    else:
        timeline = Timeline()

        def plain(line: dict[str, Any], new: bool) -> None:
            if (text := timeline.say(line)) and new:
                print(text, flush=True)

        yield plain


def result(run: RunFolder, state: dict[str, Any]) -> int:
    """Say how it stands in one or two lines, and return the exit code."""
    code = exit_code(state)
    said = summary(common.state_of(run))
    print(said, file=sys.stderr if code not in (0, 7) else sys.stdout)
    return code

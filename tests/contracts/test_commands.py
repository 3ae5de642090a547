"""What everything that runs the team's commands promises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pitstop.adapters._run import Runner
from pitstop.adapters.commands import ShellCommands
from pitstop.adapters.simulated import SimulatedCommands, World
from pitstop.ports import Commands, Ran

RUNNER = Runner()
SIMULATED = World(failing=("fails",), hanging=("hangs",))
KINDS: dict[str, Callable[[Path], Commands]] = {
    "shell": lambda folder: ShellCommands(RUNNER, folder),
    "simulated": lambda folder: SimulatedCommands(SIMULATED),
}
WORDS = {"passes": "true", "fails": "echo two tests failed; exit 3", "hangs": "sleep 60"}


@pytest.fixture(params=sorted(KINDS))
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Ran]:
    """Run the command of a name."""
    commands = KINDS[request.param](tmp_path)
    return lambda name: commands.run(
        WORDS[name], name=name, folder=tmp_path, within=timedelta(seconds=0.5), env={}
    )


def test_a_command_that_passes_exits_0(run: Callable[[str], Ran]) -> None:
    """It did not run into its time limit."""
    ran = run("passes")
    assert (ran.exit_code, ran.timed_out) == (0, False)
    assert ran.seconds >= 0


def test_a_command_that_fails_says_why(run: Callable[[str], Ran]) -> None:
    """The end of its output comes back with it."""
    ran = run("fails")
    assert ran.exit_code != 0
    assert ran.tail
    assert not ran.timed_out


def test_a_command_that_never_ends_is_ended(run: Callable[[str], Ran]) -> None:
    """A time limit is neither a pass nor somebody's *no*: it is said as what it is."""
    ran = run("hangs")
    assert ran.timed_out
    assert ran.exit_code != 0

"""A procedure of N steps that each run ``true``, from a journal in a file: what steps.py times."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from pitstop.adapters._run import Runner
from pitstop.adapters.simulated import World
from pitstop.engine.clock import SystemClock
from pitstop.engine.recorded import Recorded
from pitstop.flow import Step
from pitstop.journal.store import Journal


class Crew:
    """No more of a crew than the steps need."""

    def __init__(self, pit: Recorded) -> None:
        self.clock = SystemClock(pit.tick)
        self.runner = Runner(pit.tick)


def act(crew: Crew) -> int:
    """Do next to nothing, for real."""
    return crew.runner.run(["true"]).exit_code


def main(count: int) -> None:
    """Run the steps durably."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(str(Path(folder) / "run.db"), "bench", create=True)
        pit = Recorded(journal, "a <a@x>", fence=World())
        pit.crew = Crew(pit)
        for number in range(count):
            pit.do(Step(f"bench.step{number}", "true", "checking", 1, act))
        assert len(journal.lines()) == 2 * count
        journal.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))

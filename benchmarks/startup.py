"""``pitstop --help`` and ``pitstop status`` against the same interpreter's ``-c pass``: at most 3x."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import medians

LIMIT = 3.0


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _runs(folder)
        pitstop = str(Path(sys.executable).with_name("pitstop"))
        found = medians(
            {
                "python -c pass": [sys.executable, "-c", "pass"],
                "pitstop --help": [pitstop, "--help"],
                "pitstop status": [pitstop, "status"],
            },
            rounds=25,
            folder=folder,
        )
    base = found["python -c pass"]
    worst = max(found.values()) / base
    for what, seconds in found.items():
        print(
            f"{what:<16} {seconds * 1000:6.1f} ms  {seconds / base:4.1f} x  (held to {LIMIT:g} x)"
        )
    return int(worst > LIMIT)


def _runs(folder: Path, count: int = 10) -> None:
    """Lay down a few runs, one of them open."""
    from pitstop.engine.ownership import RunFolder

    subprocess.run(["git", "init", "-q", folder], check=True)
    os.environ.pop("PITSTOP_STATE", None)
    for index in range(count):
        run = RunFolder.create(folder / ".git/pitstop/runs", "bench")
        journal = run.journal(create=True)
        incident = {"id": run.id, "title": "t", "service": "s", "owner": "a <a@x>"}
        journal.append("declared", {"incident": incident}, by="a <a@x>")
        for number in range(35):
            data = {"title": "step", "phase": "checking", "attempt": 1}
            journal.append("started", data, by="a <a@x>", step=f"bench.step{number}")
            journal.append("finished", {"value": None}, by="a <a@x>", step=f"bench.step{number}")
        journal.append("closed" if index else "rests", {}, by="a <a@x>")
        journal.close()
        if index:
            run.note_over()

"""``make bench``: what pitstop is held to, as ratios within one run. Never a timed test.

Start with names of parts to run only these: startup, guards, steps, ship, rollback, traffic, gate. Options
after a single part are the part's own: ``python -m benchmarks gate --help``. Exits 1 if anything that
can be told in one run is not held.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks import gate, guards, rollback, ship, startup, steps, traffic

PARTS: dict[str, Callable[..., int]] = {
    "startup": startup.main,
    "guards": guards.main,
    "steps": steps.main,
    "ship": ship.main,
    "rollback": rollback.main,
    "traffic": traffic.main,
    "gate": gate.main,
}


def main() -> int:
    """Run the parts and print what each was held to."""
    worst = 0
    if len(sys.argv) > 2 and sys.argv[2].startswith("-"):
        return PARTS[sys.argv[1]](sys.argv[2:])
    for name in sys.argv[1:] or PARTS:
        print(f"\n== {name}", flush=True)
        worst = max(worst, PARTS[name]())
    return worst


if __name__ == "__main__":
    sys.exit(main())

"""``make bench``: what pitstop is held to, as ratios within one run. Never a timed test.

Start with names of parts to run only these: startup, steps, ship, traffic.
"""

from __future__ import annotations

import sys

from benchmarks import lost_requests_bench, ship, startup, steps

PARTS = {
    "startup": startup.main,
    "steps": steps.main,
    "ship": ship.main,
    "traffic": lost_requests_bench.main,
}


def main() -> int:
    """Run the parts and print what each was held to."""
    for name in sys.argv[1:] or PARTS:
        print(f"\n== {name}", flush=True)
        PARTS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Requests lost in 60 deploys and 60 rollbacks under load: held to none.

usage: python -m benchmarks.traffic [--rounds 60] [--connections 4]

Each round deploys a new release, returns to the one before, and retires what is not live any more,
while load.py asks from a process of its own. Loopback only; everything that was started is ended.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from contracts.platforms import LocalWorld


def main(rounds: int = 60, connections: int = 4) -> int:
    """Run the rounds and print what was measured; return 1 if a request was lost."""
    world = LocalWorld()
    load = _load(world.port, connections)
    try:
        took = _play(world, rounds)
    finally:
        heard: dict[str, Any] = json.loads(load.communicate()[0])
        world.end()
    for what, seconds in took.items():
        middle, most = (round(f(seconds) * 1000, 1) for f in (statistics.median, max))
        print(f"{rounds} x {what}: median {middle} ms, at most {most} ms")
    for kind, found in heard.items():
        print(f"{kind}: {json.dumps(found)}")
    lost = sum(found["lost"] for found in heard.values())
    print(f"requests lost: {lost} (held to 0)")
    return int(lost > 0)


def _load(port: int, connections: int) -> subprocess.Popen[str]:
    words = [sys.executable, str(Path(__file__).with_name("load.py")), str(port), str(connections)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _play(world: LocalWorld, rounds: int) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {"deploy": [], "rollback": []}
    for number in range(rounds):
        before = world.platform.running()
        assert before is not None
        began = time.perf_counter()
        after = world.platform.deploy(world.release(f"release{number}"))
        deployed = time.perf_counter()
        world.platform.return_to(before.id)
        took["deploy"].append(deployed - began)
        took["rollback"].append(time.perf_counter() - deployed)
        if number % 2:  # every other time the new release is what stays
            world.platform.return_to(after.id)
        world.platform.retire(before.id if number % 2 else after.id)
    return took


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--connections", type=int, default=4)
    given = parser.parse_args()
    sys.exit(main(given.rounds, given.connections))

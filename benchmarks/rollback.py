"""A rollback on ``local``: from the decision on record to the switch that the proxy acknowledged.

The whole command line on a service in use. Automatic: from the *finished* line of the gate that said
no. By hand: from the line with which the rollback's own run takes the service, and, apart, from the
moment a person pressed the key (a process of its own has to start for it).
"""

from __future__ import annotations

import statistics
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from durability.floor import Floor, Hotfix, until

LIMIT = 0.1  # seconds


def main(rounds: int = 5) -> int:
    """Measure and print; return 1 if a rollback took longer."""
    floor = Floor().opens()
    try:
        automatic = [_automatic(floor) for _ in range(rounds)]
        by_hand = [_by_hand(floor) for _ in range(rounds)]
    finally:
        floor.close()
    typed = [each[1] for each in by_hand]
    rows = {"automatic": automatic, "by hand": [each[0] for each in by_hand]}
    for what, seconds in rows.items():
        print(
            f"{what:<10} decision -> switch: median {statistics.median(seconds) * 1000:.0f} ms, at most "
            f"{max(seconds) * 1000:.0f} ms (held to {LIMIT * 1000:.0f} ms)"
        )
    print(f"by hand, from the key pressed: median {statistics.median(typed) * 1000:.0f} ms")
    return int(any(max(seconds) > LIMIT for seconds in rows.values()))


def _automatic(floor: Floor) -> float:
    """Let a bad fix be judged; return the seconds from the verdict to the switch."""
    hotfix = floor.start(good=False)
    client = floor.shipped_to(hotfix, "rollback.return_to")
    client.end()
    lines = floor.lines(hotfix.id)
    return _at(_line(lines, "finished", "rollback.return_to")) - _at(_verdict(lines))


def _by_hand(floor: Floor) -> tuple[float, float]:
    """Return a good fix; return the seconds from the decision, and from the key pressed."""
    slow = floor.other_config(soak="60s", deadline="90s")
    hotfix: Hotfix = floor.start("--config", str(slow))
    client = floor.shipped_to(hotfix, "validate.repro")
    pressed = time.time()
    said = floor.pitstop("rollback", hotfix.id, "--reason", "bench")
    assert said.code == 0, said
    client.end()
    until(lambda: floor.seen(hotfix, "closed"))
    lines = floor.lines(f"rollback-{hotfix.id}")
    switched = _at(_line(lines, "finished", "rollback.go_back"))
    return switched - _at(_line(lines, "fence", "alone_on/shop")), switched - pressed


def _verdict(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the line with the gate's no."""
    return next(ln for ln in lines if ln["event"] == "finished" and ln["data"].get("no"))


def _line(lines: list[dict[str, Any]], event: str, step: str) -> dict[str, Any]:
    return next(ln for ln in lines if (ln["event"], ln["step"]) == (event, step))


def _at(line: dict[str, Any]) -> float:
    return datetime.fromisoformat(line["at"]).timestamp()


if __name__ == "__main__":
    sys.exit(main())

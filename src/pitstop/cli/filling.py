"""The gate filling up, below the journal: how users fare, and how near either verdict is."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from pitstop.cli.drawing import bar, percent, sparkline, squeezed

FILE = "traffic.jsonl"
"""In a run's output folder: a line for each look that its process took at the traffic."""
_END = 65536  # bytes of it that are looked at: some minutes
_STALE = timedelta(seconds=10)  # an older look says nothing about now
_SPARKS, _BAR = 24, 10
_LOUD = 0.02  # an error rate that fills a block when nothing is higher


def rows(output: Path, now: datetime) -> list[str]:
    """Return two rows of at most 80 columns; none while nobody looks."""
    looks = _looks(output / FILE)
    fresh = looks and now - _moment(looks[-1]) <= _STALE
    return drawn(looks) if fresh else []


def drawn(looks: Sequence[dict[str, Any]]) -> list[str]:
    """Return the rows of these looks, the newest last."""
    last = looks[-1]
    sparks = sparkline(squeezed(_between(looks), _SPARKS), _SPARKS, _LOUD)
    requests = last.get("requests") or 0
    said = f"{percent(last.get('rate'))} of {requests:,}" if requests else "nothing heard yet"
    errors = f"errors {sparks:<{_SPARKS}} {said}"
    if last.get("baseline_rate") is not None:
        errors += f", before {percent(last['baseline_rate'])}"
    return [errors[:80], _bounds(last)[:80]]


def _bounds(last: dict[str, Any]) -> str:
    """Return how far it is to either verdict, with words beside the bars."""
    shares = {"pass": last.get("to_pass"), "roll back": last.get("to_fail")}
    if last.get("verdict") != "pending":
        del shares["pass"]  # there is one already: the watch goes on
    known = {name: share for name, share in shares.items() if isinstance(share, float | int)}
    said = [f"{name} {bar(share, _BAR)} {_arrived(share)}" for name, share in known.items()]
    if known.get("roll back", 0) > 0 and last.get("blame"):
        said[-1] += f" ({last['blame']})"
    return "   ".join(said)


def _arrived(share: float) -> str:
    """Return how much of the evidence is there; not all of it before it is all."""
    return "100 %" if share >= 1 else f"{min(99, int(100 * max(share, 0.0)))} %"


def _between(looks: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
    """Return what was new at each look; a count that went back was begun anew."""
    counts = [(int(look.get("requests") or 0), int(look.get("errors") or 0)) for look in looks]
    found = []
    for before, after in pairwise(counts):
        new = (after[0] - before[0], after[1] - before[1])
        found.append(after if min(new) < 0 else new)
    return found


def _looks(file: Path) -> list[dict[str, Any]]:
    """Return the whole lines at the end of the file; a torn one is none."""
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, os.fstat(opened.fileno()).st_size - _END))
            lines = opened.read().splitlines(keepends=True)
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            look = json.loads(line) if line.endswith(b"\n") else None
            if isinstance(look, dict) and _moment(look):
                found.append(look)
        except (ValueError, KeyError, TypeError):
            continue
    return found


def _moment(look: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(look["at"])

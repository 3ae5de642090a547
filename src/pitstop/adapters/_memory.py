"""How much memory processes hold."""

from __future__ import annotations

import psutil

from pitstop.ports import CannotTell


def resident(pid: int) -> int:
    """Return the resident bytes of a process and its children. Raises CannotTell: it is gone."""
    try:
        first = psutil.Process(pid)
        family = [first, *first.children(recursive=True)]
    except psutil.Error:
        raise CannotTell(f"Process {pid} is gone.") from None
    total = 0
    for one in family:
        try:
            total += one.memory_info().rss
        except psutil.Error:
            continue  # it ended meanwhile
    return total

"""Who a process is, so that a reused pid is never mistaken for it. Linux: /proc."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def identity(pid: int) -> str | None:
    """Return boot id, pid and start time in ticks as one word; None if there is no such process."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else f"{boot}/{pid}/{fields[19]}"


def alive(who: str) -> bool:
    """Return whether the process with this identity still runs."""
    return identity(int(who.split("/")[1])) == who


def kill(who: str, number: int = signal.SIGKILL) -> bool:
    """Send a signal to exactly this process; False if it is gone."""
    if not alive(who):
        return False
    try:
        os.kill(int(who.split("/")[1]), number)
    except ProcessLookupError:
        return False
    return True

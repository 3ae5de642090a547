"""Who a process is, so that a reused pid is never mistaken for it. Linux: /proc."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def facts(pid: int) -> list[str]:
    """Return what /proc says of a process after its name: state, parent, group ... Raises OSError.

    The name may hold any bytes, brackets and spaces among them.
    """
    stat = Path(f"/proc/{pid}/stat").read_bytes()
    return stat.rpartition(b")")[2].decode().split()


def identity(pid: int) -> str | None:
    """Return boot id, pid and start time in ticks as one word; None if there is no such process."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        found = facts(pid)
    except OSError:
        return None
    return None if found[0] == "Z" else f"{boot}/{pid}/{found[19]}"


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

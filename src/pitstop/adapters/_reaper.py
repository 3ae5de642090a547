"""Ends the process groups of a pitstop process that died: its commands must not outlive it.

Reads ``+PGID`` and ``-PGID`` lines from standard input; at its end, the death of the parent however
it came, every group still listed is asked to end, and killed if it does not: git that is killed at
once leaves its lock behind, in a remote on this machine too. Runs with ``python -I -S``: standard
library only.
"""

import contextlib
import os
import signal
import sys
import time

GRACE = 1.0  # seconds


def main() -> None:
    """Follow the list until the parent is gone, then end what it left."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    deadline = time.monotonic() + GRACE
    number: int = signal.SIGTERM
    while groups and time.monotonic() < deadline:
        groups = {group for group in groups if told(group, number)}
        number = 0  # only whether it is still there
        time.sleep(0.005)
    for group in groups:
        told(group, signal.SIGKILL)


def told(group: int, number: int) -> bool:
    """Send a signal to a process group; return whether there was one."""
    with contextlib.suppress(OSError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    main()

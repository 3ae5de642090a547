"""Kills the process groups of a pitstop process that died: its commands must not outlive it.

Reads ``+PGID`` and ``-PGID`` lines from standard input; at its end, the death of the parent however
it came, every group still listed is killed. Runs with ``python -I -S``: standard library only.
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    """Follow the list until the parent is gone, then end what it left."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()

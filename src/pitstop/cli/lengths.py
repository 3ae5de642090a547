"""Lengths of time as they are typed: as in the configuration, ``90s``, ``10m``, ``2h``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import timedelta

LONGEST = timedelta(days=366)


def length(shortest: timedelta) -> Callable[[str], timedelta]:
    """Return what reads a length of time for argparse, which then names the option."""

    def read(text: str) -> timedelta:
        from pitstop.config import duration, written

        try:
            found = duration(text)
        except ValueError as wrong:
            raise argparse.ArgumentTypeError(f"{text!r}: {wrong}") from None
        if not shortest <= found <= LONGEST:
            bounds = f"from {written(shortest)} to {written(LONGEST)}"
            raise argparse.ArgumentTypeError(f"{text!r}: write a length {bounds}")
        return found

    return read

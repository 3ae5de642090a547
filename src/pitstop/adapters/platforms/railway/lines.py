"""Lines of a log that is told again from some earlier point: each is said once, none is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


class Lines:
    """Knows what was said. Lines may share a timestamp, and even their words."""

    def __init__(self) -> None:
        self._said: Counter[tuple[str, str]] = Counter()
        self._told: Counter[tuple[str, str]] = Counter()

    def begin_again(self) -> None:
        """Note that the source tells from an earlier point again: a new connection."""
        self._told.clear()

    def fresh(self, told: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        """Yield the messages that were not said yet.

        The n-th line of one moment and one text is the n-th again when it is told again.
        """
        for line in told:
            message = str(line.get("message", ""))
            key = (str(line.get("timestamp", "")), message)
            self._told[key] += 1
            if self._told[key] > self._said[key]:
                self._said[key] += 1
                yield message

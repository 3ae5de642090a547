"""Pictures made of letters: the way of a number over time, and how far something has come."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from textwrap import wrap

from pitstop.gate import words

_STEPS = "▁▂▃▄▅▆▇█"
_SILENCE = "·"
_FULL, _EMPTY = "█", "░"


def sparkline(values: Sequence[float | None], width: int, top: float = 0.0) -> str:
    """Return the last ``width`` values as a row of blocks; what is not known is a dot.

    The highest block stands for the highest value, or for ``top`` where that is more: a small
    number must not look like a disaster. Anything above nothing is seen.
    """
    shown = list(values)[-width:]
    highest = max([top, *(value for value in shown if value is not None)])
    return "".join(_SILENCE if value is None else _block(value, highest) for value in shown)


def _block(value: float, highest: float) -> str:
    if value <= 0 or highest <= 0:
        return _STEPS[0]
    return _STEPS[max(1, min(len(_STEPS), ceil(value / highest * len(_STEPS))) - 1)]


def bar(share: float | None, width: int) -> str:
    """Return a bar that is full at 1; only what has arrived fills it to the end."""
    share = min(max(share or 0.0, 0.0), 1.0)
    full = width if share >= 1 else min(width - 1, round(share * width))
    return _FULL * full + _EMPTY * (width - full)


def squeezed(values: Sequence[tuple[int, int]], width: int) -> list[float | None]:
    """Return at most ``width`` rates of (requests, errors), neighbours taken together."""
    size = max(1, ceil(len(values) / width))
    edges = range(0, len(values) + size, size)
    parts = [values[start:end] for start, end in pairwise(edges)]
    return [_rate(part) for part in parts if part]


def _rate(part: Sequence[tuple[int, int]]) -> float | None:
    requests = sum(one[0] for one in part)
    return sum(one[1] for one in part) / requests if requests else None


def percent(rate: float | None) -> str:
    """Return a rate from 0 to 1 as people say it; what is not known is a question mark."""
    return "?" if rate is None else words.percent(rate)


def wrapped(text: str) -> str:
    """Return a sentence in rows of at most 80 columns."""
    return "\n".join(wrap(text, 80, subsequent_indent="  ", break_on_hyphens=False))

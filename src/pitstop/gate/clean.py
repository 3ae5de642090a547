"""Measurements that make no sense are left out, and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

from pitstop.gate.measure import Interval

_LONGEST_MS = 86_400_000.0  # a day


def clean(interval: Interval) -> tuple[Interval, int]:
    """Return an interval of which everything makes sense, and how much was left out.

    Left out are latencies that are no number, negative or longer than a day, counts below zero,
    errors beyond the requests, and readings that are no number.
    """
    latencies, odd = _latencies(interval.latencies_ms)
    buckets = [(edge, count) for edge, count in interval.buckets if edge == edge and count >= 0]
    readings = {name: value for name, value in interval.readings.items() if isfinite(value)}
    odd += len(interval.buckets) - len(buckets) + len(interval.readings) - len(readings)
    requests, errors = interval.requests, interval.errors
    if not (isfinite(requests) and isfinite(errors) and requests >= 0 <= errors <= requests):
        requests, errors, odd = 0, 0, odd + 1
    if not isfinite(interval.at):
        return Interval(0.0, 0, 0), odd + 1
    if not odd:
        return interval, 0
    whole = replace(interval, requests=requests, errors=errors, latencies_ms=latencies)
    return replace(whole, buckets=buckets, readings=readings), odd


def _latencies(given: Sequence[float]) -> tuple[Sequence[float], int]:
    sound = [one for one in given if 0 <= one <= _LONGEST_MS]
    return (given, 0) if len(sound) == len(given) else (sound, len(given) - len(sound))

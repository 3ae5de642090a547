"""Clients in windows of ten seconds as the unit that is counted.

Did this one meet an error? One client that retries ten times is one client in trouble. Counting clients makes bursts of that
kind vanish, where dividing by phi would only make the gate slow.
"""

from __future__ import annotations

from collections.abc import Iterable

from pitstop.gate.measure import Interval

WINDOW = 10  # seconds
_KEPT = 6  # windows; what comes later than that is counted as new
_TOLD_APART = 0.9  # of the requests of a baseline, for clients to be the unit


class Clients:
    """Counts each client once in a window, and once more when it first meets an error there."""

    def __init__(self) -> None:
        self._met: dict[int, dict[str, bool]] = {}

    def count(self, interval: Interval) -> tuple[int, int]:
        """Return how many units, and how many of them with an error, are new by this interval."""
        window = int(interval.at // WINDOW)
        met = self._met.setdefault(window, {})
        errors = units = 0
        for client, (_, failed) in interval.clients.items():
            units += client not in met
            errors += bool(failed) and not met.get(client, False)
            met[client] = met.get(client, False) or bool(failed)
        for old in [one for one in self._met if one < max(self._met) - _KEPT]:
            del self._met[old]
        return errors, units


def units(baseline: Iterable[Interval]) -> list[tuple[float, float, float]]:
    """Return (second, units with an error, units) of a baseline."""
    clients = Clients()
    found = []
    for one in baseline:
        errors, counted = clients.count(one)
        found.append((one.at, float(errors), float(counted)))
    return found


def told_apart(baseline: Iterable[Interval]) -> bool:
    """Return whether a baseline says of nearly all requests which client sent them."""
    requests = told = 0
    for one in baseline:
        requests += one.requests
        told += sum(count for count, _ in one.clients.values())
    return requests > 0 and told >= _TOLD_APART * requests

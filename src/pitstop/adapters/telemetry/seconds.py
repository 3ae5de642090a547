"""Requests gathered into the seconds in which they were answered."""

from __future__ import annotations

from collections.abc import Iterable
from math import floor

from pitstop.adapters.telemetry.formats import Request
from pitstop.gate import Interval

_FAILED = 500


class Second:
    """What was answered in one second; latencies below zero are not known."""

    __slots__ = ("clients", "errors", "latencies_ms", "requests", "statuses")

    def __init__(self) -> None:
        self.requests = self.errors = 0
        self.latencies_ms: list[float] = []
        self.statuses: dict[int, int] = {}
        self.clients: dict[str, tuple[int, int]] = {}

    def count(self, one: Request) -> None:
        """Add a request; an error is what the server says of itself, 500 and above."""
        failed = one.status >= _FAILED
        self.requests += 1
        self.errors += failed
        if one.ms >= 0:
            self.latencies_ms.append(one.ms)
        self.statuses[one.status] = self.statuses.get(one.status, 0) + 1
        if one.client:
            sent, met = self.clients.get(one.client, (0, 0))
            self.clients[one.client] = (sent + 1, met + failed)


def seconds(requests: Iterable[Request], start: float) -> list[Interval]:
    """Return one interval for each second after ``start`` that holds requests, in order."""
    found: dict[int, Second] = {}
    for one in requests:
        at = floor(one.ended - start)
        second = found.get(at)
        if second is None:
            second = found[at] = Second()
        second.count(one)
    return [
        Interval(
            float(at),
            each.requests,
            each.errors,
            each.latencies_ms,
            clients=each.clients,
            statuses=each.statuses,
        )
        for at, each in sorted(found.items())
    ]

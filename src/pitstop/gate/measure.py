"""What is measured of a service: users' requests second by second, and readings of meters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MEMORY = "memory"
"""The meter whose readings are bytes held by the service; every other meter is the database's."""


@dataclass(frozen=True)
class Interval:
    """What was heard in one stretch of time, one second as a rule.

    ``at``: seconds since the deploy (or on any one clock for a baseline); ``requests=0`` without
    readings means "nothing was heard"; ``latencies_ms`` may be a sample. ``buckets`` hold a
    histogram instead: (upper edge in ms, requests between the edge before and this one), the last
    edge infinite. ``clients`` holds requests and errors of each client, where those are told
    apart; ``statuses`` the answers by HTTP status. ``readings`` are values of meters by name:
    ``memory`` in bytes, ``db.mean_ms``, ``db.lock_waits`` ... ``users`` is false for traffic that
    pitstop made itself.
    """

    at: float
    requests: int
    errors: int
    latencies_ms: Sequence[float] = ()
    buckets: Sequence[tuple[float, int]] = ()
    clients: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    statuses: Mapping[int, int] = field(default_factory=dict)
    readings: Mapping[str, float] = field(default_factory=dict)
    users: bool = True

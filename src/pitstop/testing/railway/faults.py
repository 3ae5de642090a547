"""What goes wrong with the real service, each to be switched on."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Faults:
    """Every fault of the double; a fresh one has none. Counts say how often it still happens."""

    errors: dict[str, list[str]] = field(default_factory=dict)
    """by root field: messages of errors that come with HTTP 200, one for each of the next requests"""
    falsehoods: dict[str, int] = field(default_factory=dict)
    """by root field: how often it answers ``false`` and does nothing"""
    unanswered: dict[str, int] = field(default_factory=dict)
    """by root field, or ``up``: how often it is done and the connection is cut before the answer"""
    lost: dict[str, int] = field(default_factory=dict)
    """by root field, or ``up``: how often the connection is cut and nothing is done"""
    limited: list[float] = field(default_factory=list)
    """Retry-After of the next requests, in seconds: they get a 429"""
    statuses: list[int] = field(default_factory=list)
    """HTTP status of the next requests, with a body that is no JSON"""
    silent: bool = False
    """whether every connection is cut"""
    no_sockets: bool = False
    """whether sockets are refused"""
    deaf_sockets: bool = False
    """whether sockets stay open and never say anything"""
    no_news: bool = False
    """whether sockets greet, and then say nothing of what they were asked for"""
    largest_upload: int | None = None
    """bytes of an upload above which it gets a 413"""
    bad_upload: str = ""
    """message of a 400 for every upload"""
    budget: int | None = None
    """requests left in this hour; then 429"""
    hourly: int = 10_000
    """requests in an hour, as the headers tell it"""
    odd_status: str = ""
    """a status that the schema does not know, told in place of every other"""
    without_digest: bool = False
    """whether a deployment's meta says nothing of its image"""

    def happens(self, held: dict[str, int], name: str) -> bool:
        """Return whether a counted fault happens now, and count it down."""
        if held.get(name, 0) <= 0:
            return False
        held[name] -= 1
        return True

"""What the gate says, with its evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """``name`` is pending, pass, fail or inconclusive; the rest is its evidence.

    Rates are errors per request, 0 to 1. ``evidence``: ``metrics`` by name, each with ``n``,
    ``events``, ``rate``, ``baseline_rate``, ``interval``, ``odds`` (the e-value against "still
    acceptable"), ``odds_better`` (against "unacceptable"), ``phi``; ``to_pass`` and ``to_fail``
    from 0 to 1; ``blame``: the metric that speaks loudest for a rollback; ``at``: seconds since the
    deploy; ``left_out``: measurements that made no sense; ``needs``: what would change the verdict.
    """

    name: str
    reason: str
    requests: int = 0
    errors: int = 0
    rate: float | None = None
    baseline_rate: float | None = None
    baseline_requests: int = 0
    evidence: dict[str, Any] = field(default_factory=dict)

"""What a rule says against a change."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Objection:
    """One reason not to ship. ``gate`` is None where nobody can override it."""

    gate: str | None
    reason: str

"""How a gate judged and how a run ended."""

from dataclasses import dataclass

EXIT_CODES = {
    "fixed": 0,
    "failed": 1,
    "errored": 1,
    "aborted": 1,
    "rolled_back": 3,
    "declined": 4,
    "stranded": 5,
}
"""Outcome -> exit code of ``ship`` and ``resume``."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended, in one word and one sentence."""

    status: str
    reason: str


@dataclass(frozen=True)
class GateResult:
    """One gate's verdict with its evidence."""

    name: str
    verdict: str  # pass | fail | inconclusive
    reason: str
    observed: float | None = None
    baseline: float | None = None
    n: int | None = None

"""How much worse is still acceptable, and what a pass has to rule out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerance:
    """Two limits for each metric, and between them nothing that would be wrong.

    A rollback has shown that things are worse than *acceptable*; a pass, that they are better than
    *unacceptable*. Between the two either verdict is right, so that the gate always ends (Wald).
    Ratios are against the baseline; rates are errors per request, 0 to 1; ``_ms`` adds to a latency.
    """

    acceptable_ratio: float = 1.25
    unacceptable_ratio: float = 2.0
    acceptable_rate: float = 0.001
    unacceptable_rate: float = 0.005
    acceptable_slower: float = 1.05
    unacceptable_slower: float = 1.2
    acceptable_ms: float = 0.0
    unacceptable_ms: float = 0.0

    def slow(self, latency_ms: float) -> float:
        """Return the latency above which an answer speaks for a rollback."""
        return max(latency_ms * self.acceptable_slower, latency_ms + self.acceptable_ms)

    def too_slow(self, latency_ms: float) -> float:
        """Return the latency whose absence speaks for a pass."""
        cut = max(latency_ms * self.unacceptable_slower, latency_ms + self.unacceptable_ms)
        return max(cut, self.slow(latency_ms))


TOLERANCES = {
    "strict": Tolerance(1.1, 1.5, acceptable_slower=1.02, unacceptable_slower=1.1),
    "normal": Tolerance(),
    "loose": Tolerance(1.5, 3.0, 0.002, 0.01, acceptable_slower=1.1, unacceptable_slower=1.3),
}
"""By name, as they stand in a configuration. Measured costs: docs/reference/gate.md."""

MARGIN = 0.10  # a hotfix's baseline is raised by the very bug: a ratio of it may be an outage
HALF = 0.5  # with every second request failing, nothing passes

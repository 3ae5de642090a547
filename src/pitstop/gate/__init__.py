"""Judge a deployment by its traffic: pure functions over counted requests, no I/O."""

from pitstop.gate.error_counts import Gate, Verdict
from pitstop.gate.measure import MEMORY, Interval

__all__ = ["MEMORY", "Gate", "Interval", "Verdict"]

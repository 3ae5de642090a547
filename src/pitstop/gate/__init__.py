"""Judge a deployment by its traffic: pure functions over counted requests, no I/O."""

from pitstop.gate.error_counts import Gate, Interval, Verdict

__all__ = ["Gate", "Interval", "Verdict"]

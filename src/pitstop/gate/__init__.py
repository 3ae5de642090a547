"""Judge a deployment by its traffic: pure functions over counted requests, no I/O."""

from pitstop.gate.evidence import confidence
from pitstop.gate.judge import Gate
from pitstop.gate.measure import MEMORY, Interval
from pitstop.gate.tolerance import TOLERANCES, Tolerance
from pitstop.gate.verdict import Verdict

__all__ = [
    "MEMORY",
    "TOLERANCES",
    "Gate",
    "Interval",
    "Tolerance",
    "Verdict",
    "confidence",
]

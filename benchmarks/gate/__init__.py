"""The gate beside its peers' rules and a test that knows the answer, on the same traffic and seeds."""

from benchmarks.gate.main import main

__all__ = ["main"]

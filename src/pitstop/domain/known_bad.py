"""A commit that production was returned from, and what became of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Released:
    """Who allowed a known-bad commit again, why and when."""

    by: str
    reason: str
    at: str


@dataclass(frozen=True)
class BadCommit:
    """A commit that must not go live again until somebody releases it."""

    commit: str
    tree: str
    reason: str
    by: str
    at: str
    run: str
    released: Released | None = None

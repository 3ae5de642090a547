"""A copy of the data, taken before it may be needed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BackupTaken:
    """One whole backup. ``verified`` says how it was read back; None: nobody has managed to yet."""

    id: str
    at: str  # the moment whose data it holds
    bytes: int  # of the file
    seconds: float  # how long it took
    digest: str  # SHA-256 of the file
    verified: str | None
    encrypted_to: str | None
    kind: str  # postgres | sqlite | command | simulated


@dataclass(frozen=True)
class Estimate:
    """What a backup will probably take: bytes at the source; seconds where an earlier one tells."""

    bytes: int
    seconds: float | None = None

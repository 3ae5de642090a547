"""The hash chain: each line holds the hash of the line before it (SHA-256 over RFC 8785 JSON)."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785


def link(line: dict[str, Any]) -> str:
    """Return the hash of a line: of every field but ``hash``."""
    rest = {name: value for name, value in line.items() if name != "hash"}
    return hashlib.sha256(rfc8785.dumps(rest)).hexdigest()


def broken_at(lines: list[dict[str, Any]]) -> tuple[int, str] | None:
    """Return the first ``seq`` at which the chain does not hold, and why; None if it holds."""
    previous = None
    for expected, line in enumerate(lines, 1):
        if line["seq"] != expected:
            return expected, f"line {expected} is missing"
        if line["prev"] != previous:
            return expected, f"line {expected} does not follow the line before it"
        if line["hash"] != link(line):
            return expected, f"line {expected} was changed after it was written"
        previous = line["hash"]
    return None

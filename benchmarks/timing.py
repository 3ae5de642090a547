"""Time whole commands: alternating, so that a busy moment hits all of them."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def medians(
    commands: Mapping[str, Sequence[str]], *, rounds: int = 15, folder: Path | None = None
) -> dict[str, float]:
    """Return each command's median wall time in seconds; the first round is not counted."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    seen: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, words in commands.items():
            began = time.perf_counter()
            subprocess.run(words, cwd=folder, env=env, capture_output=True, check=True)
            if number:
                seen[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in seen.items()}

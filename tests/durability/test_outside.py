"""The outside script itself: a few runs of it, as `make kill` runs many."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path


def test_seen_from_outside_nothing_is_lost_doubled_or_left() -> None:
    """Two hotfixes in random trouble, another two each day, judged by the contract alone."""
    script = Path(__file__).with_name("outside.py")
    seed = str(datetime.now(UTC).toordinal())

    done = subprocess.run(
        [sys.executable, str(script), "--runs", "2", "--seed", seed], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["violations"] == []

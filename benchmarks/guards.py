"""Guards and triage on a change of 5,000 lines in a repository of 50,000 files, and what start costs.

Git's own time is what a bare ``git worktree add`` of the same commit takes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GUARDS_WITHIN, START_WITHIN = 1.0, 2.0  # seconds
_CONFIG = """\
[service]
name = "big"
[platform]
use = "simulated"
[checks]
smoke = "true"
[guards]
max_lines = 100000
"""


def main() -> int:
    """Measure and print; 1 if one of the two is not held."""
    with tempfile.TemporaryDirectory() as name:
        repository = _repository(Path(name))
        alone = _took(repository, "git", "worktree", "add", "-q", "--detach", "../bare")
        words = ("start", "Big", "--impact", "i", "--symptom", "critical-bug", "--json")
        began = time.perf_counter()
        started = json.loads(_pitstop(repository, *words))
        start = time.perf_counter() - began
        fix = "".join(f"value_{n} = compute({n}, 'text {n}')\n" for n in range(5_000))
        (Path(started["worktree"]) / "src/d1/f1.py").write_text(fix)
        steps = json.loads(_pitstop(repository, "check", "--json"))["steps"]
        looked = time.perf_counter()
        _pitstop(repository, "check")
        check = time.perf_counter() - looked
    print(
        f"check in all: {check:.2f} s, {len(steps)} steps (guards and triage: below {GUARDS_WITHIN} s)"
    )
    print(f"start: {start:.2f} s, git alone: {alone:.2f} s (beside git: below {START_WITHIN} s)")
    return int(check > GUARDS_WITHIN + 0.5 or start - alone > START_WITHIN)


def _repository(folder: Path) -> Path:
    here = folder / "big"
    for number in range(500):
        (here / f"src/d{number}").mkdir(parents=True)
        for file in range(100):
            (here / f"src/d{number}/f{file}.py").write_text(f"x = {number}\n" * 5)
    (here / "pitstop.toml").write_text(_CONFIG)
    for words in (
        ("init", "-q", "-b", "main"),
        ("init", "-q", "--bare", "../remote.git"),
        ("remote", "add", "origin", "../remote.git"),
        ("config", "user.name", "Ada"),
        ("config", "user.email", "ada@example.com"),
        ("add", "-A"),
        ("commit", "-qm", "all"),
        ("push", "-q", "origin", "main"),
    ):
        _took(here, "git", *words)
    return here


def _took(folder: Path, *words: str) -> float:
    began = time.perf_counter()
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - began


def _pitstop(folder: Path, *words: str) -> str:
    env = {**os.environ, "NO_COLOR": "1"}
    argv = [sys.executable, "-m", "pitstop", *words]
    done = subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True, env=env)
    return done.stdout

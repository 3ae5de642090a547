"""Real repositories for tests: a bare remote, clones of it, hooks; no machine's settings matter."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pitstop.adapters._run import Completed, Runner
from pitstop.adapters.forges.claims import Claim, GitClaims
from pitstop.adapters.forges.git import GitForge
from pitstop.domain.change import Branch, Change

RUNNER = Runner()
NAME = "hotfix/checkout-500s"
MESSAGE = "hotfix: checkout\n\nIssue: checkout\nImpact: all\nFix: app\n"
_SETTINGS = """[user]
  name = Ada
  email = Ada@Example.com
[init]
  defaultBranch = main
"""


class Killed(BaseException):
    """What a kill looks like from inside: nothing after it runs."""


class KilledRunner(Runner):
    """Ends after the n-th git command that changes anything, counted from zero."""

    CHANGING = ("update-ref", "worktree", "push", "commit", "tag", "add", "fetch")

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left, self.done = after, False

    def run(self, argv: Sequence[str | Path], **options: Any) -> Completed:
        completed = RUNNER.run(argv, **options)
        if any(part in self.CHANGING for part in argv) and "list" not in argv:
            self.left -= 1
            if self.left < 0:
                raise Killed
        return completed


class MeanwhileRunner(Runner):
    """Lets something happen right before each of the first pushes."""

    def __init__(self, *happenings: Callable[[], object]) -> None:
        super().__init__()
        self.happenings = list(happenings)

    def run(self, argv: Sequence[str | Path], **options: Any) -> Completed:
        if "push" in argv and self.happenings:
            self.happenings.pop(0)()
        return RUNNER.run(argv, **options)


@dataclass
class Shop:
    """A bare remote and a clone of it with one deployed commit on main."""

    root: Path
    remote: Path
    here: Path
    deployed: str

    def forge(self, here: Path | None = None, runner: Runner = RUNNER, **changes: Any) -> GitForge:
        """Return the forge of a clone."""
        here = here or self.here
        names = {"remote": "origin", "main": "main", **changes}
        return GitForge(here, worktrees=self.worktrees(here), runner=runner, **names)

    def claims(self, here: Path | None = None) -> GitClaims:
        """Return the claims as a clone sees them."""
        return GitClaims(here or self.here, remote="origin", runner=RUNNER)

    def worktrees(self, here: Path | None = None) -> Path:
        """Return where a clone's worktrees are."""
        here = here or self.here
        return here.with_name(f"{here.name}.hotfix")

    def clone(self, name: str, *options: str) -> Path:
        """Make another clone of the remote."""
        git(self.root, "clone", "-q", *options, f"file://{self.remote}", name)
        return self.root / name

    def on_remote(self) -> dict[str, str]:
        """Return every ref of the remote."""
        lines = git(self.remote, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def at(self, ref: str) -> str | None:
        """Return what the remote has under a full ref name."""
        return self.on_remote().get(ref)

    def others_push(self, files: Mapping[str, str], branch: str = "main") -> str:
        """Let somebody else push a commit to the remote; return it."""
        other = self.root / "others"
        if not other.exists():
            self.clone("others")
        git(other, "fetch", "-q", "origin")
        start = f"origin/{branch}" if self.at(f"refs/heads/{branch}") else "origin/main"
        git(other, "checkout", "-q", "--detach", start)
        commit = save(other, files, "work of others")
        git(other, "push", "-q", "origin", f"HEAD:refs/heads/{branch}")
        return commit

    def cut(self, forge: GitForge | None = None) -> Branch:
        """Cut the usual branch."""
        return (forge or self.forge()).cut(NAME, self.deployed, None)

    def fixed(self, files: Mapping[str, str] | None = None) -> Change:
        """Cut, fix, commit and publish."""
        forge, branch = self.forge(), self.cut()
        write(Path(branch.worktree), files or {"app.py": "fixed\n"})
        change = forge.commit(branch, MESSAGE)
        forge.publish(change)
        return change


def a_shop(root: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Return a shop whose git knows only what stands here."""
    settings = root / "gitconfig"
    settings.write_text(_SETTINGS)
    for name in [name for name in os.environ if name.startswith(("GIT_", "SSH_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(root))
    remote, here = root / "remote.git", root / "shop"
    for folder in (remote, here):
        shutil.copytree(_template() / folder.name, folder, symlinks=True)
    git(here, "remote", "set-url", "origin", str(remote))
    return Shop(root, remote, here, git(here, "rev-parse", "HEAD"))


@functools.cache
def _template() -> Path:
    """Make the shop once; every test gets a copy."""
    root = Path(tempfile.mkdtemp(prefix="pitstop-shop-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    remote, here = root / "remote.git", root / "shop"
    git(root, "init", "-q", "--bare", "--template=", str(remote))
    git(root, "init", "-q", "--template=", str(here))
    git(here, "remote", "add", "origin", str(remote))
    files = {"app.py": "broken\n", "VERSION": "1.0\n", ".gitignore": "*.log\n", "docs/a.md": "a\n"}
    save(here, files, "first")
    git(here, "push", "-q", "-u", "origin", "main")
    return root


def git(folder: Path, *args: str, check: bool = True, give: str | None = None) -> str:
    """Run git as a person would."""
    done = subprocess.run(
        ["git", "-C", str(folder), *args], capture_output=True, text=True, input=give, check=False
    )
    assert not check or done.returncode == 0, f"git {args}: {done.stderr}"
    return done.stdout.rstrip("\n")


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def save(folder: Path, files: Mapping[str, str | bytes], message: str) -> str:
    """Write and commit files; return the commit."""
    write(folder, files)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def hook(repository: Path, name: str, script: str) -> None:
    """Put a hook into a repository, bare or not."""
    folder = repository / "hooks" if (repository / "HEAD").exists() else repository / ".git/hooks"
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def protect(remote: Path, ref: str = "refs/heads/main") -> None:
    """Let a remote refuse pushes to a ref."""
    refuse = f'[ "$ref" = {ref} ] && echo "GH006: Protected branch update failed" >&2 && exit 1'
    hook(remote, "pre-receive", f"while read old new ref; do\n{refuse}\ndone\nexit 0")


def a_claim(run: str = "r1", machine: str = "m1", **facts: str | None) -> Claim:
    """Return a claim that nobody has made yet."""
    said: dict[str, Any] = {
        "service": "shop",
        "sha": "",
        "owner": "Ada <ada@example.com>",
        "since": "2026-01-02T03:04:05Z",
        "reason": "checkout 500s",
        "run": run,
        "machine": machine,
        "rollback_point": None,
        "restore_command": None,
        "heartbeat": None,
        "taken_over_from": None,
    }
    return Claim(**(said | facts))

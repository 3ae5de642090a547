"""Forges under one harness: what the contract asks of each is said here once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from contracts.simulated import SimulatedHarness
from pitstop.ports import Forge
from repositories import NAME, Shop, a_shop, git, protect, write


class Harness(Protocol):
    """A forge and the world around it, as the contract's tests move it."""

    name: str

    def forge(self) -> Forge:
        """Return the forge; asked again, as a new process would see it."""

    def deployed(self) -> str:
        """Return the commit that production runs."""

    def fix(self, worktree: str, content: str) -> None:
        """Change a file in the worktree."""

    def main(self) -> str:
        """Return the remote's main."""

    def tags(self) -> dict[str, str]:
        """Return the remote's tags and the commits they name."""

    def branches(self) -> set[str]:
        """Return the remote's branches, main left out."""

    def silence(self) -> None:
        """Let the remote stop answering."""

    def protect_main(self) -> None:
        """Let the remote refuse pushes to main."""


class GitHarness:
    """Real git with a bare remote."""

    name = "git"

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop: Shop = a_shop(folder, monkeypatch)

    def forge(self) -> Forge:
        """Return a new forge on the same clone."""
        return self.shop.forge()

    def deployed(self) -> str:
        """Return the first commit."""
        return self.shop.deployed

    def fix(self, worktree: str, content: str) -> None:
        """Write app.py."""
        write(Path(worktree), {"app.py": content})

    def main(self) -> str:
        """Ask the bare repository."""
        return self.shop.on_remote()["refs/heads/main"]

    def tags(self) -> dict[str, str]:
        """Ask the bare repository."""
        names = [name for name in self.shop.on_remote() if name.startswith("refs/tags/")]
        remote = self.shop.remote
        return {
            name.removeprefix("refs/tags/"): git(remote, "rev-parse", f"{name}^{{commit}}")
            for name in names
        }

    def branches(self) -> set[str]:
        """Ask the bare repository."""
        heads = {n.removeprefix("refs/heads/") for n in self.shop.on_remote() if "/heads/" in n}
        return heads - {"main"}

    def silence(self) -> None:
        """Move the bare repository away."""
        self.shop.remote.rename(self.shop.remote.with_suffix(".away"))

    def protect_main(self) -> None:
        """Install a hook."""
        protect(self.shop.remote)


HARNESSES: list[Callable[[Path, pytest.MonkeyPatch], Harness]] = [GitHarness, SimulatedHarness]

__all__ = ["HARNESSES", "NAME", "Harness"]

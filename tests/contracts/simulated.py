"""The simulated adapters under the contracts' harnesses."""

from __future__ import annotations

from pathlib import Path

import pytest

from pitstop.adapters import simulated
from pitstop.adapters.simulated import BASE, SimulatedForge, SimulatedPlatform
from pitstop.domain.change import Deployment, Release
from pitstop.ports import Fenced, Forge


class _Fence:
    def __init__(self) -> None:
        self.lost = False

    def check(self) -> None:
        """Raise once somebody else acts."""
        if self.lost:
            raise Fenced("somebody else acts")


class SimulatedWorld:
    """A platform in memory."""

    def __init__(self) -> None:
        first = Deployment("d1", "first", "tree of first", "http://d1", "2026-01-02T03:00:00Z")
        self.world = simulated.World(deployments=[first], service="shop")
        self.fence = _Fence()
        clock = simulated.MakeBelieveClock(self.world, lambda: None)
        self.platform = SimulatedPlatform(self.world, self.fence, clock)

    def release(self, commit: str, key: str | None = None) -> Release:
        """Return a release."""
        return Release(key or f"run of {commit}", commit, f"tree of {commit}")

    def served(self) -> str:
        """Return what users get."""
        return self.world.find(self.world.live).commit

    def take_over(self) -> None:
        """Fence the platform off."""
        self.fence.lost = True

    def lose_files(self, deployment: Deployment) -> None:
        """Forget a deployment's files."""
        self.world.lost.append(deployment.id)

    def silence(self) -> None:
        """Stop answering."""
        self.world.platform_answers = False

    def end(self) -> None:
        """Nothing was started."""


class SimulatedHarness:
    """A forge in memory; its worktrees are folders that nobody looks into."""

    name = "simulated"

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = simulated.World()

    def forge(self) -> Forge:
        """Return a new forge on the same world."""
        return SimulatedForge(self.world)

    def deployed(self) -> str:
        """Return the first commit."""
        return BASE

    def fix(self, worktree: str, content: str) -> None:
        """Change app.py, or nothing."""
        self.world.files = () if content == "broken\n" else ("app.py",)

    def main(self) -> str:
        """Return main."""
        return self.world.main

    def tags(self) -> dict[str, str]:
        """Return the tags."""
        return self.world.tags

    def branches(self) -> set[str]:
        """Return the branches."""
        return set(self.world.branches)

    def silence(self) -> None:
        """Stop answering."""
        self.world.remote_answers = False

    def protect_main(self) -> None:
        """Refuse pushes to main."""
        self.world.main_protected = True

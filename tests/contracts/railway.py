"""A service on the double of Railway, and the adapter that drives it over the loopback."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from contracts.platforms import LoseableFence
from pitstop.adapters._run import Runner
from pitstop.adapters.commands import ShellCommands
from pitstop.adapters.platforms.railway.platform import RailwayPlatform
from pitstop.adapters.platforms.railway.settings import RailwaySettings
from pitstop.adapters.plugins import Tools
from pitstop.domain.change import Deployment, Release
from pitstop.ports import Refused
from pitstop.testing.railway import Railway

RUNNER = Runner()
START = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
STRIDE = 30.0  # seconds that a pause lasts at most where nothing is due


class RailwayClock:
    """Time that passes when somebody waits: to the next thing that is due at the double.

    Real sockets need real moments: each pause is also a short one, and the double's time is this.
    """

    def __init__(self) -> None:
        self.at = START
        self.railway: Railway | None = None
        self.pauses: list[float] = []

    def now(self) -> datetime:
        return self.at

    def pause(self, seconds: float) -> None:
        if seconds < 0.02:
            return  # only to hear an abort
        self.pauses.append(seconds)
        due = self.railway.world.next_due() if self.railway else None
        if due and due > self.at and seconds < STRIDE:
            self.at = due
        elif seconds > 0.1:
            self.at += timedelta(seconds=seconds)
        else:
            self.at += timedelta(seconds=STRIDE)  # a socket that is silent
        if self.railway:
            self.railway.world.tell()


class RailwayWorld:
    """One service on a Railway of its own."""

    def __init__(self, **settings: Any) -> None:
        os.environ["RAILWAY_TOKEN"] = "project-token"
        self.state = Path(tempfile.mkdtemp(prefix="pit stop 🔧 100% [x] ")).resolve()
        (self.state / "output").mkdir()
        self.repository = self.state
        self.fence, self.clock = LoseableFence(), RailwayClock()
        self.railway = Railway(now=self.clock.now)
        self.clock.railway = self.railway
        self.said: list[str] = []
        self.lost: list[str] = []  # commits that cannot be uploaded again
        self.made: list[RailwayPlatform] = []
        self.settings: dict[str, Any] = {
            "token": {"env": "RAILWAY_TOKEN"},
            "service": "web",
            "api": self.railway.api,
            "url": self.railway.url,
        } | settings
        self.platform: Any = self.new()
        self.first = self.railway.someone_deploys({"commit": b"first"}, commitHash="first")
        self.clock.at += timedelta(minutes=5)

    def new(self, say: Callable[[str], object] | None = None, **settings: Any) -> RailwayPlatform:
        """Return the platform as another process would see it."""
        wanted = {k: v for k, v in (self.settings | settings).items() if v is not None}
        made = RailwayPlatform(RailwaySettings.model_validate(wanted), self.tools(say))
        self.made.append(made)
        return made

    def tools(self, say: Callable[[str], object] | None = None) -> Tools:
        return Tools(
            service="shop",
            repository=self.repository,
            home=self.state / "home",
            checkouts=self.state / "checkouts",
            export=self.export,
            commit=self.commit,
            runner=RUNNER,
            commands=ShellCommands(RUNNER, self.state / "output"),
            secrets=("project-token",),
            fence=self.fence,
            clock=self.clock,
            say=say or self.said.append,
        )

    def export(self, commit: str, folder: Path) -> str:
        if commit in self.lost:
            raise Refused(f"{commit} is not in this repository any more.")
        folder.mkdir(parents=True)
        (folder / "commit").write_text(commit)
        return f"tree of {commit}"

    def commit(self, commit: str) -> tuple[str, str] | None:
        return None if commit.startswith("unknown") else (commit, f"tree of {commit}")

    def release(self, commit: str, key: str | None = None) -> Release:
        return Release(key or f"run of {commit}", commit, f"tree of {commit}")

    def served(self) -> str:
        return httpx.get(self.railway.url).text

    def take_over(self) -> None:
        self.fence.lost = True

    def lose_files(self, deployment: Deployment) -> None:
        self.railway.expire(deployment.id, source=True)
        self.lost.append(deployment.commit)

    def silence(self) -> None:
        self.railway.faults.silent = True

    def end(self) -> None:
        for each in self.made:
            each.close()
        self.railway.end()
        shutil.rmtree(self.state, ignore_errors=True)

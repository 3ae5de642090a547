"""A run's process is killed around what it asks of Railway; the hotfix ends as if nothing was.

Railway's double sends the signal itself: right before it does what was asked, or when that is done
and not answered yet.
"""

from __future__ import annotations

import io
import os
import signal
import tarfile
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from durability.floor import Floor, Hotfix, Users, until
from pitstop.testing.railway import Answer, Railway, in_process

CONFIG = """\
[service]
name = "shop"

[platform]
use = "railway"
token = {{ env = "RAILWAY_TOKEN" }}
service = "web"
api = "{api}"
url = "{url}"

[checks]
smoke = "true"

[approval]
required = false

[gate]
baseline = "2s"
warmup = "0s"
soak = "0.5s"
deadline = "60s"
min_requests = 10

[watch]
duration = "1s"
"""
# The way forward: what is asked right before the upload, the upload itself, and how it is followed.
FORWARD = [
    ("after", "variablesForServiceDeployment"),
    ("after", "up"),
    ("before", "deployment"),
]
BACK = [("before", "deploymentRollback"), ("after", "deploymentRollback"), ("after", "deployment")]
DEATHS = {"forward": (True, FORWARD), "back": (False, BACK)}


def answers(files: Mapping[str, bytes], method: str, path: str) -> Answer:
    """Answer as the shop's ``answers.py`` says."""
    said: dict[str, Any] = {}
    exec(files["answers.py"], said)
    return (200 if path == "/health" else said["status"](path)), said["VERSION"].encode()


class RailwayFloor(Floor):
    """The same repository, remote and command; the service is on Railway."""

    def __init__(self) -> None:
        self.railway = Railway(in_process(answers))
        self.deaths: list[tuple[str, str]] = []
        self.dying = threading.Lock()
        self.run = ""
        super().__init__()
        self.env["RAILWAY_TOKEN"] = "project-token"
        self.railway.hear(self._heard)

    def config(self, **given: str) -> str:
        return CONFIG.format(api=self.railway.api, url=self.railway.url)

    def opens(self) -> Floor:
        commit = self.git("rev-parse", "HEAD")
        self.railway.someone_deploys(self.tree(commit), commitHash=commit)
        self.users = Users(int(self.railway.url.rpartition(":")[2]))
        until(lambda: self.users and self.users.asked > 40)
        return self

    def tree(self, commit: str) -> dict[str, bytes]:
        """Return a commit's files."""
        path = self.folder / "tree.tar"
        self.git("archive", "-o", str(path), commit)
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
            return {m.name: archive.extractfile(m).read() for m in archive if m.isfile()}

    def world(self) -> dict[str, Any]:
        """Return what stands in the remote; what Railway did stands in its own acts."""
        return {"main": self.git("rev-parse", "main", folder=self.remote)}

    def close(self) -> list[str]:
        self.deaths.clear()
        left = super().close()
        self.railway.end()
        return left

    def _heard(self, when: str, what: str) -> None:
        """Kill the process that asked, if it is to die here."""
        with self.dying:
            if self.run and self.deaths and self.deaths[0] == (when, what):
                pid = self.pid(self.run)
                if pid:
                    self.deaths.pop(0)
                    if not self.deaths:
                        self.railway.hurry()
                    os.kill(pid, signal.SIGKILL)
                    raise ConnectionAbortedError("its client is dead") if when == "before" else Dead


class Dead(ConnectionAbortedError):
    """Nobody is there for the answer."""


@pytest.fixture
def floor() -> Iterator[RailwayFloor]:
    found = RailwayFloor()
    try:
        found.opens()
        yield found
    finally:
        found.close()


@pytest.mark.parametrize("case", DEATHS)
def test_killed_around_what_railway_is_asked_it_is_done_once(
    floor: RailwayFloor, case: str
) -> None:
    """One upload, one rollback at most; users end on the right commit, and nobody was sent away."""
    good, deaths = DEATHS[case]
    before = floor.railway.world.serving()
    hotfix: Hotfix = floor.start(good=good)
    floor.run, floor.deaths = hotfix.id, list(deaths)
    if good:
        floor.railway.world.pace = 3600.0  # it is under way until nobody dies of it any more

    said = floor.ship(hotfix, "--wait").end()

    assert floor.deaths == [], said
    assert said.code == (0 if good else 3), said
    state = floor.status(hotfix.id)
    assert state["outcome"] == ("fixed" if good else "rolled_back")
    done = [act.split()[0] for act in floor.railway.world.acts]
    assert done == (["up"] if good else ["up", "rollback"])
    serving = floor.railway.world.serving()
    assert serving.files == (floor.tree(state["commit"]) if good else before.files)
    assert floor.pitstop("log", hotfix.id, "--verify").code == 0
    assert floor.users.lost == []

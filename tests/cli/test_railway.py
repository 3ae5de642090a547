"""A hotfix on the double of Railway, through the real command line: shipped, killed, rolled back."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.platforms import until
from pitstop.demo.customers import Customers
from pitstop.demo.play import BAD, GOOD
from pitstop.testing.railway import Railway, started

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
baseline = "5s"
warmup = "0s"
soak = "1s"
deadline = "60s"
min_requests = 10

[watch]
duration = "1s"
"""


@pytest.fixture
def railway(tmp_path) -> Iterator[Railway]:
    """A Railway that starts what is uploaded to it, a real program for each deployment."""
    app = started([sys.executable, "app.py"])
    with Railway(app) as double:
        double.world.variables["SHOP_DATABASE"] = str(tmp_path / "orders.db")
        yield double


@pytest.fixture
def team(shop, railway):
    """A shop on Railway, its main in service, and customers who come all the time."""
    (shop.path / "pitstop.toml").write_text(CONFIG.format(api=railway.api, url=railway.url))
    shop.env["RAILWAY_TOKEN"] = "project-token"
    shop.git("add", "-A")
    shop.git("commit", "-q", "-m", "on railway")
    shop.git("push", "-q", "origin", "main")
    commit = shop.git("rev-parse", "HEAD")
    railway.someone_deploys(tree(shop.path, commit), commitHash=commit)
    crowd = Customers(int(railway.url.rpartition(":")[2]))
    crowd.start()
    until(lambda: crowd.requests > 60)
    yield shop
    crowd.stop()


def tree(repository: Path, commit: str) -> dict[str, bytes]:
    """Return a commit's files, as somebody would have deployed them."""
    packed = subprocess.run(
        ["git", "archive", commit], cwd=repository, capture_output=True, check=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        members = [each for each in archive if each.isfile()]
        return {each.name: archive.extractfile(each).read() for each in members}


def ship(team, text: str) -> subprocess.Popen:
    """Make a fix and begin to ship it."""
    assert team.start().returncode == 0
    (Path(team.status()["worktree"]) / "shipping.py").write_text(text)
    words = [sys.executable, "-m", "pitstop", "ship", "--fix", "mended", "--yes"]
    return subprocess.Popen(words, cwd=team.path, env=team.env, stdout=subprocess.DEVNULL)


def kill(team, client: subprocess.Popen) -> None:
    """Kill whoever follows and whoever acts."""
    client.kill()
    client.wait()
    os.kill(team.status()["process"]["pid"], signal.SIGKILL)


def done(railway: Railway, what: str) -> list[str]:
    """Return what Railway was told to do of one kind."""
    return [act for act in railway.world.acts if act.startswith(what)]


def test_killed_while_railway_builds_it_is_uploaded_once_and_goes_on(team, railway):
    """Client and process die after the upload; resume follows that deployment to the end."""
    railway.world.pace = 1.0
    client = ship(team, GOOD)
    until(lambda: done(railway, "up"))
    kill(team, client)

    resumed = team.pitstop("resume", "--wait")

    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    run = json.loads(team.pitstop("list", "--json").stdout)[0]
    state = team.status(run["id"])
    serving = railway.world.serving()
    assert railway.world.acts == [f"up {serving.id}"]
    assert state["deployment"]["id"] == serving.id
    assert serving.files == tree(team.path, state["commit"])
    assert serving.meta["cliMessage"] == f"pitstop {state['commit']} ({run['id']})"
    assert state["rollback_point"]["warnings"]
    log = Path(team.git("rev-parse", "--git-common-dir", cwd=team.path))
    output = (
        team.path / log / "pitstop" / "runs" / run["id"] / "output" / "platform.log"
    ).read_text()
    assert "uploading" in output
    everything = output + team.pitstop("log", run["id"]).stdout + json.dumps(state)
    assert "project-token" not in everything


def test_a_bad_fix_is_rolled_back_once_though_the_rollback_is_killed(team, railway):
    """Users' errors, as Railway counts them, end it; a second process finds what the first began."""
    before = railway.world.serving()
    client = ship(team, BAD)
    until(lambda: done(railway, "up"))
    railway.world.pace = 1.0
    until(lambda: done(railway, "rollback"))
    kill(team, client)

    resumed = team.pitstop("resume")

    assert resumed.returncode == 3, resumed.stdout + resumed.stderr
    serving = railway.world.serving()
    assert len(done(railway, "up")) == 1
    assert done(railway, "rollback") == [f"rollback {before.id}"]
    assert (serving.files, serving.meta["reason"]) == (before.files, "rollback")
    run = json.loads(team.pitstop("list", "--json").stdout)[0]
    assert team.status(run["id"])["outcome"] == "rolled_back"


def test_doctor_and_plan_know_railway(team, railway):
    """And every mistake in the table is said with its line."""
    railway.world.settings["overlapSeconds"] = None
    found = {f["name"]: f for f in json.loads(team.pitstop("doctor", "--json").stdout)}
    assert found["railway.token"]["said"] == "shop, production, web"
    assert found["railway.overlap"]["status"] == "warning"
    assert "it runs no release beside production" in team.pitstop("plan").stdout
    page = team.pitstop("runbook").stdout
    assert "deploymentRollback(id: $id)" in page
    assert "git -C" in page

    (team.path / "pitstop.toml").write_text(
        '[service]\nname = "shop"\n[platform]\nuse = "railway"\nhealth = "up"\napi = "x"\nhue = 1\n'
    )
    said = team.pitstop("plan")
    assert said.returncode == 2
    for row in (
        "pitstop.toml:3: platform.token: is missing.",
        "pitstop.toml:5: platform.health: ",
        "pitstop.toml:6: platform.api: ",
        "pitstop.toml:7: platform.hue: unknown key. Use one of: api, environment,",
    ):
        assert row in said.stderr, said.stderr

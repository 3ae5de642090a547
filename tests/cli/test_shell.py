"""A hotfix on a platform of the team's own commands, through the real command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from contracts.platforms import until
from contracts.shell import PAAS

CONFIG = """\
[service]
name = "shop"

[platform]
use = "shell"
deploy = "sh {home}/deploy"
current = "{home}/paas current"
list = "{home}/paas list"
rollback = "{home}/paas rollback"
health = "{home}/paas health"
access_log = "{home}/access.log"
env = {{ TOKEN = {{ env = "TEAM_TOKEN" }} }}

[checks]
smoke = "true"

[approval]
required = false

[gate]
baseline = "2s"
warmup = "0s"
soak = "1s"
deadline = "30s"
min_requests = 10
unacceptable_rate = 0.2

[watch]
duration = "1s"
"""
# Users are on it, and then the command hangs for as long as nobody lets it go.
HANGS = """\
echo deploy $PITSTOP_RUN $TOKEN >> "{home}/ran"
"{home}/paas" deploy
touch "{home}/hangs"
while [ -e "{home}/hangs" ]; do sleep 0.05; done
"""


@pytest.fixture
def team(shop, tmp_path):
    """A shop on the shell platform, and users who leave a line in its access log each time."""
    home = tmp_path / "paas"
    (home / "releases").mkdir(parents=True)
    (home / "paas").write_text(PAAS)
    (home / "paas").chmod(0o755)
    (home / "deploy").write_text(HANGS.format(home=home))
    (shop.path / "pitstop.toml").write_text(CONFIG.format(home=home))
    (shop.path / "check").write_text("true\n")
    shop.env["TEAM_TOKEN"] = "s3cr3t-t0ken"
    shop.git("add", "-A")
    shop.git("commit", "-q", "-m", "on shell")
    shop.git("push", "-q", "origin", "main")
    deployed = {"PITSTOP_COMMIT": shop.git("rev-parse", "HEAD")}
    first = [str(home / "paas"), "deploy"]
    subprocess.run(first, cwd=shop.path, env=shop.env | deployed, check=True)
    shop.home = home
    over = threading.Event()
    users = threading.Thread(target=visit, args=(home, over))
    users.start()
    yield shop
    over.set()
    users.join()
    (home / "hangs").unlink(missing_ok=True)


def visit(home, over):
    """Use the service fifty times a second."""
    with (home / "access.log").open("a", buffering=1) as log:
        while not over.wait(0.02):
            live = os.path.basename(os.readlink(home / "live"))
            line = {"at": f"{time.time():.6f}", "status": 200, "ms": 1, "deployment": live}
            log.write(json.dumps(line) + "\n")


def test_killed_in_the_middle_of_the_deploy_it_is_deployed_once(team):
    """Client and process die while the team's command runs; resume finds what it did, and goes on."""
    assert team.start().returncode == 0
    team.fix()
    words = [sys.executable, "-m", "pitstop", "ship", "--fix", "mended", "--yes"]
    client = subprocess.Popen(words, cwd=team.path, env=team.env, stdout=subprocess.DEVNULL)
    until((team.home / "hangs").exists)
    client.kill()
    client.wait()
    os.kill(team.status()["process"]["pid"], signal.SIGKILL)

    resumed = team.pitstop("resume")

    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    ran = (team.home / "ran").read_text()
    run = json.loads(team.pitstop("list", "--json").stdout)[0]
    assert ran == f"deploy {run['id']} s3cr3t-t0ken\n"
    state = team.status(run["id"])
    assert state["deployment"]["id"] == "d2"
    live = subprocess.run([str(team.home / "paas"), "current"], capture_output=True, text=True)
    assert json.loads(live.stdout)["commit"] == state["deployment"]["commit"]
    assert "s3cr3t" not in state["rollback_point"]["restore_command"]
    assert f"{team.home}/paas rollback" in state["rollback_point"]["restore_command"]


def test_doctor_and_plan_know_the_team_s_commands(team):
    """What looks is tried, what acts is found on PATH or said to be missing."""
    text = (team.path / "pitstop.toml").read_text()
    (team.path / "pitstop.toml").write_text(
        text.replace(f'rollback = "{team.home}/paas rollback"\n', "").replace(
            f'deploy = "sh {team.home}/deploy"', 'deploy = "no-such-tool deploy"'
        )
    )
    found = {f["name"]: f for f in json.loads(team.pitstop("doctor", "--json").stdout)}
    assert found["platform.current"]["status"] == found["platform.health"]["status"] == "ok"
    assert found["platform.rollback"]["status"] == "warning"
    assert found["platform.deploy"]["said"] == "no-such-tool is not installed"
    assert "a rollback is a deploy of the old commit" in team.pitstop("plan").stdout


def test_a_deployment_that_is_not_listed_is_usage_and_ends_nobody(team):
    """A slip of the finger in an emergency says what there is; the listed one is returned to."""
    wrong = team.pitstop("rollback", "--service", "shop", "--to", "d7", "--reason", "x")
    assert (wrong.returncode, "Use one of: d1." in wrong.stderr) == (2, True), wrong.stderr

    there = team.pitstop("rollback", "--service", "shop", "--to", "d1", "--reason", "x")
    assert there.returncode == 0, there.stderr


def test_every_mistake_in_the_table_is_said_with_its_line(team):
    """As for every other table."""
    (team.path / "pitstop.toml").write_text(
        '[service]\nname = "shop"\n[platform]\nuse = "shell"\ncurrent = " "\nwithin = 5\n'
        'health = "https://"\nurl = "shop"\nstage = "x"\nhue = 1\n[platform.env]\n"A-B" = "1"\n'
    )
    said = team.pitstop("plan")
    assert said.returncode == 2
    for row in (
        "pitstop.toml:3: platform.deploy: is missing.",
        "pitstop.toml:5: platform.current: is ' '",
        "pitstop.toml:6: platform.within: is 5: write a duration",
        "pitstop.toml:7: platform.health: is 'https://': write a command, or an address like",
        "pitstop.toml:8: platform.url: is 'shop': write an address like",
        "pitstop.toml:10: platform.hue: unknown key. Use one of: access_log,",
        "platform.env: ",
    ):
        assert row in said.stderr, said.stderr

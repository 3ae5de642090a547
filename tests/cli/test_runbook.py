"""``pitstop runbook``: what a person types when pitstop is down, and that it works."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys

import pytest

import given
from contracts.platforms import until
from contracts.shell import PAAS
from pitstop import rehearsal
from pitstop.cli import by_hand
from pitstop.engine.ownership import RunFolder
from pitstop.flow import STEPS

CONFIG = """\
[service]
name = "shop"

[platform]
use = "shell"
deploy = "{home}/paas deploy"
current = "{home}/paas current"
list = "{home}/paas list"
rollback = "{home}/paas rollback"
health = "{home}/paas health"
url = "http://127.0.0.1:9"

[checks]
targeted = "test -f shipping.py && echo {{tests}}"
smoke = "touch {home}/checking; while [ -e {home}/hold-checks ]; do sleep 0.05; done"

[approval]
required = false

[gate]
soak = "60s"
deadline = "90s"
unacceptable_rate = 0.2

[audiences.team]
file = "{home}/told"
"""


@pytest.fixture
def team(shop, tmp_path):
    """A shop on the shell platform, whose first release serves users."""
    home = tmp_path / "paas"
    (home / "releases").mkdir(parents=True)
    (home / "paas").write_text(PAAS)
    (home / "paas").chmod(0o755)
    (shop.path / "pitstop.toml").write_text(CONFIG.format(home=home))
    (shop.path / "check").write_text("true\n")
    shop.git("add", "-A")
    shop.git("commit", "-q", "-m", "on shell")
    shop.git("push", "-q", "origin", "main")
    deployed = {"PITSTOP_COMMIT": shop.git("rev-parse", "HEAD")}
    first = [str(home / "paas"), "deploy"]
    subprocess.run(first, cwd=shop.path, env=shop.env | deployed, check=True)
    shop.home = home
    return shop


def killed(team, reached) -> dict:
    """Ship, and kill client and process as soon as that is reached; return the state before."""
    assert team.start('It\'s 500, "$HOME" `id`').returncode == 0
    team.fix()
    run = team.status()["id"]
    words = [sys.executable, "-m", "pitstop", "ship", "--fix", "mended", "--yes"]
    client = subprocess.Popen(words, cwd=team.path, env=team.env, stdout=subprocess.DEVNULL)
    until(lambda: reached(run))
    state = team.status(run)
    client.kill()
    client.wait()
    os.kill(state["process"]["pid"], signal.SIGKILL)
    until(lambda: not os.path.exists(f"/proc/{state['process']['pid']}"))
    return state


def blocks(page: str) -> list[str]:
    """Return what stands in the page to be typed in order."""
    return re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def typed(team, text: str) -> None:
    """Type it into a plain shell, where no pitstop is."""
    env = {k: v for k, v in team.env.items() if k != "VIRTUAL_ENV"} | {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["sh", "-e"], input=text, cwd="/", env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"


def remote(team) -> dict[str, str]:
    """Return the refs of the remote."""
    rows = team.git("ls-remote", "origin").splitlines()
    return {ref: sha for sha, ref in (row.split("\t") for row in rows)}


@pytest.mark.parametrize("when", ["before the deploy", "before the merge"])
def test_a_killed_hotfix_is_finished_by_hand(team, when) -> None:
    """Each printed block is typed into a plain sh -e: users, main, tag, branch and claim are right."""
    early = when == "before the deploy"
    if early:
        (team.home / "hold-checks").touch()
    else:
        team.git("commit", "-q", "--allow-empty", "-m", "main went on")
        team.git("push", "-q", "origin", "main")

    def deployed(run: str) -> bool:
        log = team.pitstop("log", run, "--json").stdout
        steps = [json.loads(line) for line in log.splitlines()]
        return ("finished", "deploy.release") in [(s["event"], s["step"]) for s in steps]

    state = killed(team, lambda run: (team.home / "checking").exists() if early else deployed(run))
    (team.home / "hold-checks").unlink(missing_ok=True)

    page = team.pitstop("runbook", state["id"], "--remaining")
    assert page.returncode == 0, page.stderr
    for block in blocks(page.stdout):
        assert "pitstop " not in re.sub(r"refs/pitstop|/pitstop|pitstop_tree", "", block)
        typed(team, block)

    fix, there = state["commit"], remote(team)
    live = subprocess.run([str(team.home / "paas"), "current"], capture_output=True, text=True)
    assert json.loads(live.stdout)["commit"] == fix
    assert len(list((team.home / "releases").iterdir())) == 2
    team.git("merge-base", "--is-ancestor", fix, there["refs/heads/main"])
    assert [sha for ref, sha in there.items() if ref.endswith("^{}")] == [fix]
    assert [ref for ref in there if "hotfix/" in ref or "refs/pitstop/" in ref] == []
    assert not os.path.exists(state["worktree"])
    assert "it has ended" in (team.home / "told").read_text()
    if early:
        closing = re.search(r"`pitstop (abort .*?)`", page.stdout)[1]
        closed = team.pitstop(*shlex.split(closing))
        assert team.status(state["id"])["closed_at"], closed.stderr
        again = subprocess.run([team.home / "paas", "current"], capture_output=True, text=True)
        assert (again.stdout, remote(team)) == (live.stdout, there)


def test_every_step_of_the_procedure_is_said(team) -> None:
    """A step that is added is added here, too; what is printed is a shell's language."""
    planned = {row["step"] for row in rehearsal.rehearsed_steps(given.settings(), given.TABLES)}
    assert planned <= set(by_hand.TASKS) <= set(STEPS)

    page = team.pitstop("runbook")

    assert page.returncode == 0, page.stderr
    titles = re.findall(r"^- \[ \] \*\*(.*)\*\*$", page.stdout, re.MULTILINE)
    rows = json.loads(team.pitstop("plan", "--json").stdout)["steps"]
    assert sorted(titles) == sorted(row["title"] for row in rows)
    assert [row[3] for row in page.stdout.splitlines() if row.startswith("## ")] == list("123456")
    text = "\n".join(blocks(page.stdout))
    set_first = blocks(page.stdout)[0]
    for name in set(re.findall(r"\$\{([A-Z]+)\}", page.stdout)) - {"COMMIT"}:
        assert f"{name}=" in set_first, name
    assert "COMMIT=$(" in text
    checked = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_without_pitstop_from_the_first_to_the_last_line(team) -> None:
    """A whole hotfix by hand, in one shell, with nothing but the page and the fix."""
    page = blocks(team.pitstop("runbook").stdout)
    cut = next(number for number, block in enumerate(page) if "worktree add" in block)
    page[cut] += 'echo "# mended" >> "$WORKTREE/shipping.py"\n'
    page[0] = page[0].replace("DEPLOYMENT=what-users-get-now", "DEPLOYMENT=d1")

    typed(team, "\n".join(page))

    live = subprocess.run([str(team.home / "paas"), "current"], capture_output=True, text=True)
    there = remote(team)
    assert json.loads(live.stdout) == {"id": "d2", "commit": there["refs/heads/main"]}
    assert [sha for ref, sha in there.items() if ref.endswith("^{}")] == [there["refs/heads/main"]]
    assert [ref for ref in there if "hotfix/" in ref or "refs/pitstop/" in ref] == []
    assert team.git("log", "-1", "--format=%s", "origin/main") == "hotfix: what users see"


def test_of_a_hotfix_just_begun_the_way_back_is_known(team) -> None:
    """What is done is ticked; the deployment that users get now is where the way back leads."""
    assert team.start().returncode == 0
    run = team.status()["id"]
    page = team.pitstop("runbook", run).stdout
    assert "- [x] **Cut the hotfix branch" in page
    assert "- [ ] **Commit the fix**" in page
    back = re.search(r"\*\*The way back.*?```\n(.*?)```", page, re.DOTALL)[1]
    assert "PITSTOP_DEPLOYMENT=d1" in back
    assert "Cut the hotfix" not in team.pitstop("runbook", run, "--remaining").stdout


def test_a_closed_run_has_nothing_left(team) -> None:
    """It says so, and how it ended."""
    assert team.start().returncode == 0
    run = team.status()["id"]
    assert team.pitstop("abort", run, "--reason", "x").returncode in (0, 1)
    said = team.pitstop("runbook", run, "--remaining")
    assert (said.returncode, said.stdout) == (
        0,
        f"{run} is closed: aborted. Nothing remains to be done by hand.\n",
    )


def test_an_abort_that_was_cut_off_is_returned_first(team) -> None:
    """A run that does not end well is not deployed by hand: users are brought back, and told."""

    def deployed(run: str) -> bool:
        return bool(team.status(run)["deployment"])

    state = killed(team, deployed)
    with_abort = RunFolder(team.path / ".git/pitstop/runs" / state["id"])
    with_abort.journal().append("abort", {"reason": "x"}, by="Ada <ada@shop.example>")

    page = team.pitstop("runbook", state["id"], "--remaining").stdout
    for block in blocks(page):
        typed(team, block)

    live = subprocess.run([str(team.home / "paas"), "current"], capture_output=True, text=True)
    assert json.loads(live.stdout)["id"] == "d1"
    there = remote(team)
    assert [ref for ref in there if ref.startswith("refs/pitstop/s")] == []
    assert there["refs/heads/main"] == state["base_commit"]


def test_of_a_run_that_is_executed_it_warns(team) -> None:
    """Two must not act."""
    (team.home / "hold-checks").touch()
    assert team.start().returncode == 0
    team.fix()
    run = team.status()["id"]
    words = [sys.executable, "-m", "pitstop", "ship", "--fix", "mended", "--yes"]
    client = subprocess.Popen(words, cwd=team.path, env=team.env, stdout=subprocess.DEVNULL)
    until((team.home / "checking").exists)
    said = team.pitstop("runbook", run, "--remaining").stdout
    pid = team.status(run)["process"]["pid"]
    os.kill(pid, signal.SIGKILL)
    client.kill()
    client.wait()
    (team.home / "hold-checks").unlink()
    assert f"pitstop is executing this run now (process {pid})" in said


def test_the_embedded_platform_says_honestly_what_it_cannot(shop) -> None:
    """Without pitstop it deploys nothing, and the page does not claim it."""
    page = shop.pitstop("runbook")
    assert page.returncode == 0, page.stderr
    assert "driven by pitstop alone" in page.stdout
    assert "pitstop rollback --service shop --to" in page.stdout
    assert shop.pitstop("runbook", "nothing-like-it").returncode == 2
    assert "No hotfix is open" in shop.pitstop("runbook", "--remaining").stderr

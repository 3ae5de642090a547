"""The platform of the team's own commands: what goes wrong, and what is true afterwards."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
import time
import tracemalloc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from contracts.platforms import is_running, until
from contracts.shell import PAAS, ShellWorld, StagingShellWorld
from pitstop.adapters._run import Runner
from pitstop.domain.change import Release
from pitstop.ports import ActsByHand, CannotTell, Fenced, Refused, ShowsLogs
from repositories import Killed, a_shop, git, save


@pytest.fixture
def world() -> Iterator[ShellWorld]:
    """A service whose users are on commit ``first``."""
    found = ShellWorld()
    yield found
    found.end()


def deploys(world: ShellWorld, script: str, **settings: Any) -> None:
    """Let the team deploy with a script of its own; it begins by saying that it ran."""
    (world.home / "deploy.sh").write_text(f'echo deploy >> "{world.home}/ran"\n{script}\n')
    command = f'PAAS="{world.paas}" HOME_="{world.home}" sh "{world.home}/deploy.sh"'
    world.platform = world.new(deploy=command, **settings)


def ran(world: ShellWorld) -> int:
    """Return how often the script of ``deploys`` ran."""
    file = world.home / "ran"
    return len(file.read_text().splitlines()) if file.exists() else 0


# -- one deployment, whatever happens ---------------------------------------------------------


def test_a_commit_that_is_in_service_is_not_deployed_again(world: ShellWorld) -> None:
    """Look first: somebody's deployment of the same commit is as good as ours."""
    world.run("second", "deploy")
    before = world.asked("deploy")

    assert world.platform.deploy(world.release("second")).id == "d2"
    assert world.asked("deploy") == before


class KilledAtTick(Runner):
    """Dies as soon as a file is there: nothing after it runs."""

    def __init__(self, file: Path) -> None:
        def tick() -> None:
            if file.exists():
                raise Killed

        super().__init__(tick)


def cut_off(world: ShellWorld, script: str, **settings: Any) -> None:
    """Begin a deploy of ``second``, and be killed as soon as its script touches ``now``."""
    mark = world.home / "now"
    deploys(world, script, **settings)
    whole = world.tools

    def tools() -> Any:
        from dataclasses import replace

        from pitstop.adapters.commands import ShellCommands

        runner = KilledAtTick(mark)
        return replace(
            whole(), runner=runner, commands=ShellCommands(runner, world.state / "output")
        )

    command = world.platform._settings.deploy
    world.tools = tools  # type: ignore[method-assign]
    doomed = world.new(deploy=command, **settings)
    world.tools = whole  # type: ignore[method-assign]
    with pytest.raises(Killed):
        doomed.deploy(world.release("second"))
    mark.unlink()


HANGS = 'touch "$HOME_/now"; sleep 60'


def test_a_deploy_that_was_cut_off_is_not_begun_a_second_time(world: ShellWorld) -> None:
    """It is asked for as long as it may take, and then said not to be known."""
    cut_off(world, HANGS, within="2m")
    began = world.clock.now()

    with pytest.raises(CannotTell, match="not begun a second time; users are on first"):
        world.platform.deploy(world.release("second"))

    assert (ran(world), world.served()) == (1, "first")
    assert 115 < (world.clock.now() - began).total_seconds() < 130


def test_a_deploy_that_was_cut_off_and_comes_through_is_adopted(world: ShellWorld) -> None:
    """What the platform did behind our back is found, and its time is told."""
    cut_off(world, HANGS)
    asked = []

    def comes_through() -> None:
        asked.append(1)
        if len(asked) == 3:
            world.run("second", "deploy")

    world.clock.tick = comes_through

    deployment = world.platform.deploy(world.release("second"))

    assert (deployment.commit, ran(world), world.served()) == ("second", 1, "second")
    assert deployment.took is not None
    assert deployment.took >= 2


def test_a_repeatable_deploy_that_was_cut_off_is_run_again(world: ShellWorld) -> None:
    """The team says that twice is as good as once."""
    script = f'[ "$(wc -l < "$HOME_/ran")" -gt 1 ] || {{ {HANGS}; }}; "$PAAS" deploy'
    cut_off(world, script, repeatable=True)

    assert world.platform.deploy(world.release("second")).commit == "second"
    assert (ran(world), world.served()) == (2, "second")


def test_a_refused_deploy_is_not_run_again_and_says_its_last_lines(world: ShellWorld) -> None:
    """The same key gets the same answer; nothing was changed."""
    deploys(world, "echo compiling; echo 'no such module: shipping' >&2; exit 3")

    for _ in range(2):
        with pytest.raises(
            Refused, match=r"exit code 3\.\n    compiling\n    no such module"
        ) as no:
            world.platform.deploy(world.release("second"))
        assert "users are on first" in str(no.value)
    assert (ran(world), world.served()) == (1, "first")


@pytest.mark.parametrize("end", ["exit 75", "kill -9 $$", "exit 143"])
def test_a_deploy_that_cannot_tell_is_looked_at(world: ShellWorld, end: str) -> None:
    """If users are on it, it is done; if not, it is not known."""
    deploys(world, end)
    with pytest.raises(CannotTell, match="users are on first"):
        world.platform.deploy(world.release("second"))

    deploys(world, f'"$PAAS" deploy; {end}')
    assert world.platform.deploy(world.release("third")).commit == "third"


def test_a_shell_that_is_killed_cannot_tell_either(world: ShellWorld) -> None:
    """Out of memory is no *no*."""
    with pytest.raises(CannotTell, match="exit code -9"):
        world.new(deploy="kill -9 $$").deploy(world.release("second"))


def test_a_deploy_that_says_no_and_moved_users_all_the_same_is_refused(world: ShellWorld) -> None:
    """Then the procedure returns production; what users get stands in the reason."""
    deploys(world, '"$PAAS" deploy; exit 1')

    with pytest.raises(Refused, match="users are on second"):
        world.platform.deploy(world.release("second"))


def test_a_deploy_that_says_done_and_changes_nothing_is_not_believed(world: ShellWorld) -> None:
    """``current`` is the witness, and it is given half a minute."""
    deploys(world, "true")

    with pytest.raises(
        CannotTell, match=r"ended well\. second was to go into service; users are on"
    ):
        world.platform.deploy(world.release("second"))


def test_another_commit_than_the_wanted_one_is_refused(world: ShellWorld) -> None:
    """A deploy that brings main's head instead of the fix is no deploy of the fix."""
    deploys(world, 'PITSTOP_COMMIT=other "$PAAS" deploy')

    with pytest.raises(Refused, match="second was to go into service; users are on other"):
        world.platform.deploy(world.release("second"))
    assert world.clock.ahead == 0  # nobody waits for it to become another


def test_a_tree_that_is_not_the_approved_one_is_never_deployed(world: ShellWorld) -> None:
    """What the command would get is compared before it runs."""
    with pytest.raises(Refused, match="holds the files"):
        world.platform.deploy(Release("run", "second", "another tree"))
    assert world.asked("deploy") == 1


def test_what_had_users_and_was_left_is_not_deployed_again(world: ShellWorld) -> None:
    """A run that comes late does not undo somebody's rollback; the way is printed."""
    world.platform.deploy(world.release("second"))
    world.platform.return_to("d1")

    with pytest.raises(Refused, match=r"was in service already.* PITSTOP_DEPLOYMENT=d2 "):
        world.platform.deploy(world.release("second"))
    assert world.served() == "first"


# -- commands that behave badly ---------------------------------------------------------------


def test_a_hanging_deploy_is_ended_with_what_it_left(world: ShellWorld) -> None:
    """Its time is over: what it started in its group is gone, and it is not known how it ended."""
    deploys(world, f'sleep 98 & echo $! > "{world.home}/pid"; sleep 99', within="0.5s")

    with pytest.raises(CannotTell, match="did not end within 1 s"):
        world.platform.deploy(world.release("second"))

    pid = int((world.home / "pid").read_text())
    until(lambda: not is_running(pid))


def test_children_of_a_command_that_ended_do_not_stay(world: ShellWorld) -> None:
    """What goes on running belongs to the platform, not to its command."""
    deploys(world, f'"$PAAS" deploy; sleep 97 & echo $! > "{world.home}/pid"')

    assert world.platform.deploy(world.release("second")).commit == "second"
    for current in (None, f'sleep 97 & echo $! > "{world.home}/pid"; {world.settings["current"]}'):
        if current:
            assert world.new(current=current).running().commit == "second"
        pid = int((world.home / "pid").read_text())
        until(lambda pid=pid: not is_running(pid))


def test_an_abort_is_heard_while_a_command_runs(world: ShellWorld) -> None:
    """Nobody waits ten minutes for a deploy to end by itself."""
    began = time.monotonic()
    cut_off(world, HANGS)
    assert time.monotonic() - began < 30
    assert list((world.state / "checkouts").iterdir()) == []


def test_much_output_fills_neither_disk_nor_memory(world: ShellWorld) -> None:
    """Of a deploy 50 MB are kept, of an answer 1 MB: what comes beyond is read and dropped."""
    much = "head -c 70000000 /dev/zero | tr '\\0' 'x'"
    deploys(world, f'{much}; "$PAAS" deploy')
    tracemalloc.start()
    try:
        world.platform.deploy(world.release("second"))
        with pytest.raises(CannotTell, match="said more than 1000 kB"):
            world.new(current=much).running()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000
    kept = sum(file.stat().st_size for file in (world.state / "output").iterdir())
    assert 49_000_000 < kept < 51_000_000


@pytest.mark.parametrize(
    ("current", "why"),
    [
        ("true", "it said nothing"),
        ("echo Error: please log in", "it said .Error: please log in"),
        ("echo v1 abc123; exit 1", "ended with exit code 1: v1 abc123"),
        ("echo unreachable >&2; exit 75", "ended with exit code 75: unreachable"),
        ("printf '\\377\\376 \\0'", "cannot be read"),
        ("no-such-program", "no-such-program"),
        ("""echo '{"id": "v1", "commit": "unknown1"}'""", "git fetch --all"),
        ("sleep 60", "did not answer within 0.3 s"),
    ],
)
def test_an_answer_that_does_not_say_it_is_not_known(
    world: ShellWorld, current: str, why: str
) -> None:
    """Noise, silence and strangers' commits: never a deployment, never none."""
    platform = world.new(current=current, answer_within="0.3s" if "sleep" in current else "30s")
    with pytest.raises(CannotTell, match=why):
        platform.running()
    with pytest.raises(CannotTell):
        platform.deploy(world.release("second"))
    assert world.served() == "first"


def test_nothing_in_service_is_said_with_a_word(world: ShellWorld) -> None:
    """``none``, and only that."""
    assert world.new(current="echo none").running() is None


# -- the way back -----------------------------------------------------------------------------


def test_a_rollback_that_lands_elsewhere_is_refused_with_both(world: ShellWorld) -> None:
    """What was wanted and what users get: a person must know both."""
    world.platform.deploy(world.release("second"))
    world.platform.deploy(world.release("third"))
    elsewhere = f"PITSTOP_DEPLOYMENT=d2 {world.settings['rollback']}"

    with pytest.raises(Refused, match=r"first \(d1\) was wanted; users are on second \(d2\)"):
        world.new(rollback=elsewhere).return_to("d1")
    with pytest.raises(Refused, match=r"ended well\. first \(d1\) was wanted; users are on second"):
        world.new(rollback="true").return_to("d1")


def test_a_rollback_under_a_new_id_is_known_by_its_commit(world: ShellWorld) -> None:
    """Some platforms return by making a new deployment of the old commit."""
    world.platform.deploy(world.release("second"))
    anew = f'cp -R "{world.home}/releases/$PITSTOP_DEPLOYMENT" "{world.home}/releases/d9"; '
    anew += f"PITSTOP_DEPLOYMENT=d9 {world.settings['rollback']}"

    returned = world.new(rollback=anew).return_to("d1")

    assert (returned.id, returned.commit) == ("d9", "first")


def test_an_open_deploy_is_met_with_a_rollback_even_where_users_are_back(world: ShellWorld) -> None:
    """It may still come through; the platform hears the rollback after it, once."""
    before = world.platform.running()
    cut_off(world, HANGS)

    world.platform.return_to(before.id)
    world.platform.return_to(before.id)

    assert world.asked("rollback") == 1
    with pytest.raises(Refused, match="brought back to first"):
        world.platform.deploy(world.release("second"))


def test_a_later_release_in_service_closes_an_open_deploy(world: ShellWorld) -> None:
    """What the platform has done since came after it: nothing is left to be met."""
    cut_off(world, HANGS)
    world.platform = world.new()
    third = world.platform.deploy(world.release("third"))

    assert world.platform.return_to(third.id).id == third.id
    assert world.asked("rollback") == 0


def test_without_a_rollback_command_the_old_commit_is_deployed(world: ShellWorld) -> None:
    """It takes as long as a deploy, and doctor says so."""
    platform = world.new(rollback=None)
    platform.deploy(world.release("second"))

    assert platform.return_to("d1").commit == "first" == world.served()
    assert any(f.name == "platform.rollback" and f.status == "warning" for f in platform.findings())


def test_a_return_works_while_current_does_not_answer_but_is_not_called_done(
    world: ShellWorld,
) -> None:
    """Users come first; that they are back is said only when it was seen."""
    world.platform.deploy(world.release("second"))

    with pytest.raises(CannotTell, match="what users get now is not known"):
        world.new(current="exit 75").return_to("d1")
    assert world.served() == "first"


def test_silence_alone_is_no_reason_to_roll_back(world: ShellWorld) -> None:
    """Nothing was begun, so nothing is to be undone: the team's rollback is not run for nothing."""
    before = world.platform.running()
    world.silence()

    with pytest.raises(CannotTell, match="exit code 75"):
        world.platform.return_to(before.id)
    assert world.asked("rollback") == 0


def test_without_a_list_what_was_seen_can_be_returned_to(world: ShellWorld) -> None:
    """Newest first; an id that was never seen is refused."""
    platform = world.new(list=None)
    platform.running()
    platform.deploy(world.release("second"))

    assert [each.id for each in platform.deployments()] == ["d2", "d1"]
    with pytest.raises(Refused, match=r"no deployment d7 .* users are on second \(d2\)"):
        platform.return_to("d7")


def test_how_long_it_took_is_remembered(world: ShellWorld) -> None:
    """Of a deploy and of a return: that is what the next return will take."""
    clock = world.clock
    world.platform.running()
    assert world.platform.deployments()[0].took is None
    deploys(world, '"$PAAS" deploy')
    clock.tick = lambda: None
    second = world.platform.deploy(world.release("second"))
    assert second.took is not None
    assert second.took < 20

    world.platform.return_to("d1")
    assert world.new().deployments()[-1].took is not None


# -- by hand ----------------------------------------------------------------------------------


class GitWorld(ShellWorld):
    """The same with a real repository, and commits that are commits."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        self.shop = a_shop(folder, monkeypatch)
        self.first = save(self.shop.here, {"check": "true\n", "it's": "1"}, "first")
        super().__init__(**settings)
        shutil.rmtree(self.repository)
        self.repository = self.shop.here
        self.platform = self.new()
        self.second = save(self.shop.here, {"it's": "2"}, "second")
        save(self.shop.here, {"it's": "3"}, "what lies in the repository is another matter")

    def run(self, commit: str, verb: str) -> None:
        super().run(self.first if commit == "first" else commit, verb)

    def export(self, commit: str, folder: Path) -> str:
        return self.shop.forge().export(commit, folder)

    def commit(self, commit: str) -> tuple[str, str] | None:
        return self.shop.forge().release_of(commit)

    def release(self, commit: str, key: str | None = None) -> Release:
        tree = git(self.shop.here, "rev-parse", f"{commit}^{{tree}}")
        return Release(key or "HF-7", commit, tree)


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitWorld]:
    """A world with a real repository, and a secret among its variables."""
    monkeypatch.setenv("TEAM_TOKEN", "s3cret & $more")
    folder = tmp_path / "the shop's"
    folder.mkdir()
    found = GitWorld(folder, monkeypatch)
    found.settings["env"] = {
        "URL": found.url,
        "TOKEN": {"env": "TEAM_TOKEN"},
        "ODD": 'it\'s "odd" $HOME `id`',
    }
    found.secrets = ("s3cret & $more",)
    found.platform = found.new()
    yield found
    found.end()


def typed(lines: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Type lines into a plain shell, elsewhere."""
    env = {"PATH": os.environ["PATH"], "TEAM_TOKEN": os.environ["TEAM_TOKEN"]}
    return subprocess.run(
        ["sh"], input=lines, cwd="/", env=env, capture_output=True, text=True, check=False
    )


def test_what_is_printed_for_a_person_works_in_a_plain_shell(
    real: GitWorld, tmp_path: Path
) -> None:
    """Deploy and return without pitstop, with the very values of this run; no secret is printed."""
    assert isinstance(real.platform, ActsByHand)
    odd = '[ "$TOKEN" = "$TEAM_TOKEN" ] && [ -n "$TOKEN" ] && echo "$ODD" > odd && '
    odd += real.settings["deploy"]
    real.platform = real.new(deploy=odd)
    first = real.platform.running()
    lines = real.platform.deploy_commands(real.release(real.second))
    lines_of_return = real.platform.return_commands(first.id)

    done = typed("\n".join(lines) + "\n", tmp_path)
    assert real.served() == real.second, done.stderr
    assert (real.home / "live" / "it's").read_text() == "2"
    assert (real.home / "live" / "odd").read_text() == 'it\'s "odd" $HOME `id`\n'

    done = typed(real.platform.restore_command(first.id) + "\n", tmp_path)
    assert real.served() == real.first, done.stderr
    without = real.new(deploy=odd, rollback=None)
    typed("\n".join(lines) + "\n", tmp_path)
    assert real.served() == real.second
    done = typed(without.restore_command(first.id), tmp_path)
    assert real.served() == real.first, done.stderr
    assert "s3cret" not in "".join(lines + lines_of_return)


def test_an_abbreviated_commit_is_resolved_and_a_branch_is_not(real: GitWorld) -> None:
    """Commit and tree are git's own; a branch that is called like a commit is none."""
    platform = real.new(current=f"echo v1 {real.first[:7]}")
    assert platform.running().commit == real.first
    assert platform.running().tree == git(real.shop.here, "rev-parse", f"{real.first}^{{tree}}")

    git(real.shop.here, "branch", "feedbeef", real.second)
    with pytest.raises(CannotTell, match="feedbeef, which is not in this repository"):
        real.new(current="echo v1 feedbeef").running()


def test_a_deploy_gets_the_commit_s_files_and_the_facts(real: GitWorld) -> None:
    """A fresh folder with exactly the tree, and what the commands need to know."""
    real.platform = real.new(
        deploy=f'{{ pwd; ls; env; }} > "{real.home}/got"; {real.settings["deploy"]}'
    )
    git(real.shop.here, "config", "core.autocrlf", "true")

    deployment = real.platform.deploy(real.release(real.second, "HF-7"))

    got = (real.home / "got").read_text()
    folder, tree = got.splitlines()[0], deployment.tree
    assert got.splitlines()[1:3] == ["VERSION", "app.py"]
    assert not Path(folder).exists()
    for name, value in (
        ("COMMIT", real.second),
        ("TREE", tree),
        ("RUN", "HF-7"),
        ("SERVICE", "shop"),
        ("REPOSITORY", str(real.shop.here)),
    ):
        assert f"PITSTOP_{name}={value}\n" in got


def test_secrets_are_masked_in_what_is_said_and_kept(
    real: GitWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They reach the command by its environment, and nobody else."""
    real.platform = real.new(deploy='echo "token $TOKEN"; exit 1')
    with pytest.raises(Refused, match=r"token \*\*\*"):
        real.platform.deploy(real.release(real.second))
    kept = "".join(file.read_text() for file in (real.state / "output").iterdir())
    assert "token ***" in kept
    with pytest.raises(CannotTell, match=r"token \*\*\*"):
        real.new(current='echo "token $TOKEN" >&2; exit 1').running()

    monkeypatch.delenv("TEAM_TOKEN")
    with pytest.raises(CannotTell, match=r"TEAM_TOKEN is not set .* platform\.env\.TOKEN"):
        real.new().running()


# -- candidates, health, logs, doctor ---------------------------------------------------------


def test_a_candidate_that_was_cut_off_is_discarded_and_started_afresh() -> None:
    """Nobody knows how far it came; users never saw it."""
    world = StagingShellWorld()
    broken = world.new(stage=f"{world.settings['stage']}; exit 75")
    with pytest.raises(CannotTell, match="Users were not moved"):
        broken.stage(world.release("second"))

    candidate = world.platform.stage(world.release("second"))

    assert world.asked("discard") == 1
    assert world.platform.healthy(candidate.deployment_id)[0]
    assert world.served() == "first"
    world.end()


@pytest.mark.parametrize(
    ("stage", "no", "why"),
    [("echo up", CannotTell, "cannot be read"), ("echo full; exit 1", Refused, "full")],
)
def test_a_candidate_that_does_not_come_up_leaves_users_alone(
    stage: str, no: type[Exception], why: str
) -> None:
    """And what may be left of it is discarded with the run."""
    world = StagingShellWorld(stage=stage)
    with pytest.raises(no, match=why):
        world.platform.stage(world.release("second"))
    world.platform.discard("run of second")
    world.platform.discard("run of second")
    assert (world.asked("discard"), world.served()) == (1, "first")
    world.end()


@pytest.fixture
def answering() -> Iterator[tuple[str, dict[str, int]]]:
    """A web server on loopback; what it answers on each path is in the table."""
    table: dict[str, int] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(table.get(self.path, 404))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", table
    server.shutdown()
    server.server_close()


def test_health_is_an_address(world: ShellWorld, answering: tuple[str, dict[str, int]]) -> None:
    """2xx is well; anything else, and no answer, is not. A redirect is no health."""
    url, table = answering
    platform = world.new(health=f"{url}/up?full=1")
    for status, well in ((200, True), (204, True), (302, False), (500, False)):
        table["/up?full=1"] = status
        found, said = platform.healthy()
        assert (found, f"answered {status}" in said) == (well, True)
    assert platform.address() == url
    assert not world.new(health="http://127.0.0.1:1/up").healthy()[0]


def test_a_candidate_is_asked_at_its_own_address(answering: tuple[str, dict[str, int]]) -> None:
    """The same question, put to another address."""
    url, table = answering
    table |= {"/next/up": 200, "/up": 500}
    world = StagingShellWorld(health=f"{url}/up", stage=f"echo d2 {url}/next/")
    candidate = world.platform.stage(world.release("second"))

    assert world.platform.healthy(candidate.deployment_id)[0]
    assert not world.platform.healthy()[0]
    world.end()


def test_health_is_a_command_or_what_current_says(world: ShellWorld) -> None:
    """Unknown is not healthy; a hanging command is not waited for."""
    assert world.new(health="echo all is well").healthy() == (True, "all is well (exit code 0)")
    assert world.new(health="echo queue is full >&2; false").healthy() == (
        False,
        "queue is full (exit code 1)",
    )
    said = json.dumps({"id": "d1", "commit": "first", "healthy": False})
    assert not world.new(health=None, current=f"echo '{said}'").healthy()[0]
    assert world.new(health=None, current=f"echo '{said.replace('false', 'true')}'").healthy()[0]
    unknown = world.new(health=None)
    assert unknown.healthy() == (
        False,
        "It is not known whether the service is healthy. Set platform.health.",
    )
    assert [f.status for f in unknown.findings() if f.name == "platform.health"] == ["failed"]


def test_where_production_answers_is_set_or_said(world: ShellWorld) -> None:
    """Or it is not known, with the setting that would say it."""
    assert world.new(url="https://shop.example.com/").address() == "https://shop.example.com"
    said = json.dumps({"id": "d1", "commit": "first", "url": "https://said.example.com"})
    assert world.new(current=f"echo '{said}'").address() == "https://said.example.com"
    with pytest.raises(CannotTell, match=r"platform\.url"):
        world.platform.address()


def test_logs_are_the_team_s_own(world: ShellWorld) -> None:
    """Of all, or of one deployment."""
    assert isinstance(world.platform, ShowsLogs)
    assert world.platform.logs("d1").strip() == "log of d1"
    assert world.platform.logs().strip() == "log of all"
    with pytest.raises(CannotTell, match=r"platform\.logs"):
        world.new(logs=None).logs()


def test_a_look_round_changes_nothing(world: ShellWorld) -> None:
    """Every command that only looks is tried; none that acts is."""
    world.platform = world.new(status="echo 3 of 3 machines")
    found = {each.name: (each.status, each.said) for each in world.platform.findings()}

    assert found["platform.current"] == ("ok", "first (d1) serves users")
    assert found["platform.list"] == ("ok", "1 deployments are kept")
    assert found["platform.status"] == ("ok", "3 of 3 machines")
    assert [world.asked(verb) for verb in ("deploy", "rollback")] == [1, 0]
    world.silence()
    assert [f.status for f in world.platform.findings()][:2] == ["failed", "warning"]


def test_the_script_of_these_tests_is_one_that_a_team_could_write() -> None:
    """It knows nothing of pitstop but the variables that the documentation names."""
    page = (Path(__file__).parents[2] / "docs/how-to/shell-platform.md").read_text()
    used = set(re.findall(r"PITSTOP_\w+", PAAS))
    assert used <= set(re.findall(r"PITSTOP_\w+", page))
    assert Fenced

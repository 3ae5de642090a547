"""Commands: their output is kept and masked, they die with us, an abort ends them at once."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from pitstop.adapters._run import Runner
from pitstop.adapters.commands import ShellCommands

LONG = timedelta(seconds=60)


@pytest.fixture(scope="module")
def runner():
    """One runner: its helper process lives as long as the module."""
    return Runner()


def run(commands, command, tmp_path, within=LONG, **env):
    """Run a command in a folder."""
    return commands.run(command, name="smoke", folder=tmp_path, within=within, env=env)


def test_output_is_kept_masked_and_its_end_returned(runner, tmp_path):
    """A secret is masked before it is written, also across two writes."""
    commands = ShellCommands(runner, tmp_path, ["s3cret-value"])
    command = "printf 'token s3cret'; sleep 0.2; printf -- '-value\\n'; echo $EXTRA; exit 3"
    ran = run(commands, command, tmp_path, EXTRA="more")
    assert [ran.exit_code, ran.tail] == [3, "token ***\nmore\n"]
    assert (tmp_path / "smoke.1.log").read_text() == "token ***\nmore\n"


def test_a_command_that_hangs_is_ended_with_all_its_children(runner, tmp_path):
    """The time limit is for the whole group."""
    commands = ShellCommands(runner, tmp_path)
    ran = run(commands, "sleep 61 & echo $!; sleep 62", tmp_path, timedelta(seconds=0.5))
    assert ran.timed_out
    assert gone(int(ran.tail.split()[0]))


def test_a_flood_of_output_is_cut_and_does_not_stop_it(runner, tmp_path, monkeypatch):
    """The rest is read and dropped."""
    monkeypatch.setattr("pitstop.adapters.commands._MOST", 100_000)
    commands = ShellCommands(runner, tmp_path)
    ran = run(commands, "yes | head -c 20000000; echo the end", tmp_path)
    assert ran.exit_code == 0
    assert ran.tail.endswith("the end\n")
    assert (tmp_path / "smoke.1.log").stat().st_size < 300_000


def test_gits_own_variables_do_not_leak_into_commands(runner, tmp_path, monkeypatch):
    """A hook's GIT_DIR would send the tests to another repository."""
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    ran = run(ShellCommands(runner, tmp_path), 'echo "[$GIT_DIR]"', tmp_path)
    assert ran.tail == "[]\n"


def test_what_the_tick_raises_ends_the_command_at_once(tmp_path):
    """An abort does not wait for a test suite."""
    began = time.monotonic()

    def tick():
        if time.monotonic() > began + 0.3:
            raise KeyError("abort")

    with pytest.raises(KeyError):
        run(ShellCommands(Runner(tick), tmp_path), "sleep 60", tmp_path)
    assert time.monotonic() < began + 30


def test_commands_die_with_a_killed_parent(tmp_path):
    """SIGKILL leaves no orphan that goes on deploying."""
    code = (
        "import sys; from pitstop.adapters._run import Runner; "
        "Runner().run(['sh', '-c', 'echo $$ > pids; sleep 63 & echo $! >> pids; wait'])"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path) as parent:
        pids = Path(tmp_path / "pids")
        while not pids.exists() or len(pids.read_text().split()) < 2:
            time.sleep(0.05)
        os.kill(parent.pid, signal.SIGKILL)
    assert all(gone(int(pid)) for pid in pids.read_text().split())


def test_commands_are_asked_before_they_are_killed(tmp_path):
    """git takes its locks away when it is asked; one that does not listen ends all the same."""
    code = (
        "import sys; from pitstop.adapters._run import Runner; Runner().run(['sh', '-c', "
        "'trap \"echo cleaned > cleaned; exit\" TERM; echo $$ > pid; sleep 65 & wait'])"
    )
    deaf = (
        "import sys; from pitstop.adapters._run import Runner; Runner().run(['sh', '-c', "
        "'trap \"\" TERM; echo $$ > deaf; while :; do sleep 0.1; done'])"
    )
    for program, mark in ((code, "pid"), (deaf, "deaf")):
        with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path) as parent:
            while not (tmp_path / mark).exists() or not (tmp_path / mark).read_text():
                time.sleep(0.05)
            os.kill(parent.pid, signal.SIGKILL)
        assert gone(int((tmp_path / mark).read_text()))
    assert (tmp_path / "cleaned").read_text() == "cleaned\n"


def gone(pid: int) -> bool:
    """Return whether a process ends within a generous while."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False

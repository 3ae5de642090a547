"""Locks, hearts and fences, between real processes."""

import os
import signal
import subprocess
import sys
import time

import pytest

from pitstop.adapters import _processes
from pitstop.engine import ownership
from pitstop.engine.fence import ServiceFence
from pitstop.engine.ownership import RunFolder
from pitstop.ports import Fenced

HOLDER = """
import os, sys, time
from pathlib import Path
from pitstop.adapters._processes import identity
from pitstop.engine import ownership
run = ownership.RunFolder(Path(sys.argv[1]))
with ownership.held(run.lock):
    heart = ownership.Heart(run, identity(os.getpid()))
    print("held", flush=True)
    while True:
        heart.beat()
        time.sleep(0.05)
"""


@pytest.fixture
def run(tmp_path):
    """An empty run."""
    return RunFolder.create(tmp_path / "runs", "checkout")


@pytest.fixture
def holder(run):
    """A process that executes the run."""
    words = [sys.executable, "-c", HOLDER, run.path]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process
        process.kill()


def test_a_taken_id_gets_a_number(tmp_path):
    """Two hotfixes of one title are two runs."""
    ids = [RunFolder.create(tmp_path, "checkout").id for _ in range(3)]
    assert ids == ["checkout", "checkout-2", "checkout-3"]


def test_who_executes_is_known_and_ends_with_its_death(run, holder):
    """The lock is the truth, not a pid file."""
    assert ownership.executing(run)
    assert ownership.process(run)["pid"] == holder.pid
    holder.kill()
    holder.wait()
    assert not ownership.executing(run)
    assert ownership.process(run) is None


def test_a_second_process_does_not_get_the_run(run, holder):
    """One run, one process."""
    with ownership.held(run.lock) as mine:
        assert mine is False


def test_a_beating_heart_is_not_stale_and_a_stopped_one_is(run, holder, monkeypatch):
    """Stopped is not dead: the lock is held, and nothing moves."""
    assert not ownership.stale(run)
    os.kill(holder.pid, signal.SIGSTOP)
    monkeypatch.setattr(ownership, "STALE_AFTER", 0.5)
    while float(ownership.process(run)["age"]) < 0.6:
        time.sleep(0.05)
    assert ownership.stale(run)
    assert ownership.end_process(run)
    assert not ownership.executing(run)


def test_a_clock_that_jumped_does_not_make_a_living_process_stale(run, holder):
    """An old heartbeat must stay old to count."""
    past = time.time() - 3600
    os.utime(run.process, (past, past))
    assert not ownership.stale(run)


def test_a_reused_pid_is_never_killed(run):
    """Pid and start time are compared."""
    with subprocess.Popen(["sleep", "60"]) as innocent:
        who = _processes.identity(innocent.pid)
        boot, pid, ticks = who.split("/")
        assert not _processes.kill(f"{boot}/{pid}/{int(ticks) - 1}")
        assert innocent.poll() is None
        assert _processes.kill(who)


def test_a_later_number_fences_off_everybody_before(tmp_path):
    """Whoever took the latest number acts."""
    first, second = ServiceFence(tmp_path / "shop"), ServiceFence(tmp_path / "shop")
    with first.alone(None, lambda: None) as number:
        first.check()
        second.advance()
        with pytest.raises(Fenced):
            first.check()
    with pytest.raises(Fenced), first.alone(number, lambda: None):
        pass


def test_alone_waits_for_whoever_acts_and_ticks_meanwhile(tmp_path):
    """An abort is heard while waiting."""
    first, second = ServiceFence(tmp_path / "shop"), ServiceFence(tmp_path / "shop")

    def tick():
        raise KeyError("abort")

    with first.alone(None, lambda: None), pytest.raises(KeyError), second.alone(None, tick):
        pass

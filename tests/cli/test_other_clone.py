"""A colleague on another machine answers through the git remote; nothing else is shared."""

import os
import subprocess
import sys
import time

import pytest

from pitstop.demo.play import ADA
from pitstop.engine.ownership import RunFolder
from repositories import hook

REFS = ("refs/pitstop-approvals/*", "refs/heads/pitstop-approvals/*")


class Clone:
    """A clone of the shop's remote: no run in its state folder, its own identity."""

    def __init__(self, shop, name, mail):
        self.shop, self.path = shop, shop.folder / name.lower()
        shop.git("clone", "-q", str(shop.folder / "remote.git"), str(self.path), cwd=shop.folder)
        for key, value in (("user.name", name), ("user.email", mail)):
            shop.git("config", key, value, cwd=self.path)

    def pitstop(self, *words):
        """Run a command in this clone."""
        return subprocess.run(
            [sys.executable, "-m", "pitstop", *words],
            cwd=self.path,
            env=self.shop.env,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )


def approval_within(shop, window):
    """Commit the configuration with a window, so that clones have it."""
    path = shop.path / "pitstop.toml"
    path.write_text(path.read_text() + f'\n[approval]\nwithin = "{window}"\n')


@pytest.fixture
def grace(open_shop):
    """A colleague's clone."""
    return Clone(open_shop, "Grace", "grace@example.com")


def until(condition):
    """Wait for a condition, generously."""
    deadline = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def on_remote(shop):
    """Return the refs of answers that the remote has."""
    return shop.git("ls-remote", "origin", *REFS).split()[1::2]


def of_the_same_name(clone, run):
    """Let a clone have had a hotfix of this name long ago."""
    old = RunFolder.create(clone.path / ".git/pitstop/runs", run)
    journal = old.journal(create=True)
    said = {"id": run, "service": "shop", "owner": "Grace <grace@example.com>"}
    journal.append("declared", {"incident": said}, by=said["owner"])
    journal.append("closed", {}, by=said["owner"])
    journal.close()
    old.note_over()


def test_a_waiting_run_hears_a_colleague_in_another_clone(open_shop, grace):
    """What is answered is shown, bound to the tree, heard while the run waits, and cleared at its end."""
    assert grace.pitstop("approve").returncode == 2, "nothing is under way"
    approval_within(open_shop, "60s")
    open_shop.start()
    early = grace.pitstop("approve", "check")
    assert (early.returncode, "nothing to answer" in early.stderr) == (2, True)
    open_shop.fix()
    open_shop.pitstop("ship", "--fix", "x", "--detach")
    state = until(lambda: (s := open_shop.status())["waiting_for"] == "approval" and s)
    eve = Clone(open_shop, "Eve", ADA[1].upper())

    author = eve.pitstop("approve", "check")
    unknown = grace.pitstop("approve", "nosuch")
    of_the_same_name(grace, state["id"])
    done = grace.pitstop("reject", "check", "--reason", "this also changes prices")

    assert (author.returncode, "wrote this change" in author.stderr) == (1, True), author.stderr
    assert unknown.returncode == 2
    assert done.returncode == 0, done.stderr
    for word in (state["tree"][:12], state["commit"][:12], "shipping.py", "| 2 ++", "git diff"):
        assert word in done.stdout
    ended = until(lambda: (s := open_shop.status("check"))["closed_at"] and s)
    assert ended["outcome"] == "declined"
    assert "this also changes prices" in ended["reason"]
    assert "approval: reject, in another clone" in open_shop.pitstop("log", "check").stdout
    [said] = ended["approvals"]
    assert [said["by"], said["proven"]] == ["Grace <grace@example.com>", False]
    assert on_remote(open_shop) == []
    late = grace.pitstop("approve", "check")
    assert (late.returncode, "nobody has claimed" in late.stderr) == (2, True)


def test_a_resting_run_hears_it_when_it_is_resumed_though_the_remote_takes_branches_only(
    open_shop, grace, customers
):
    """The window is over and the process gone; the yes is not lost, and it is the same yes twice."""
    refuse = 'case $ref in refs/pitstop-approvals/*) echo "deny updating a hidden ref" >&2; exit 1;; esac'
    hook(open_shop.folder / "remote.git", "pre-receive", f"while read a b ref; do {refuse}; done")
    approval_within(open_shop, "1s")
    open_shop.configure(min_requests="10", soak='"1s"')
    open_shop.start()
    open_shop.fix()
    assert open_shop.pitstop("ship", "--fix", "x").returncode == 7
    assert "own clone" in open_shop.pitstop("status").stdout

    first, again = grace.pitstop("approve"), grace.pitstop("approve")

    assert first.returncode == again.returncode == 0, first.stderr + again.stderr
    assert ["Recorded on origin" in first.stdout, "already" in again.stdout] == [True, True]
    assert [ref.split("/")[1] for ref in on_remote(open_shop)] == ["heads"]
    done = open_shop.pitstop("resume")
    assert done.returncode == 0, done.stdout + done.stderr
    [said] = open_shop.status("check")["approvals"]
    assert [said["by"], said["decision"]] == ["Grace <grace@example.com>", "approve"]


def test_without_a_remote_that_answers_an_answer_is_not_recorded(open_shop, grace):
    """And says so: whoever approved must not believe that they were heard."""
    away = open_shop.folder / "away.git"
    os.rename(open_shop.folder / "remote.git", away)
    done = grace.pitstop("approve")
    os.rename(away, open_shop.folder / "remote.git")
    assert (done.returncode, "did not answer" in done.stderr) == (1, True)

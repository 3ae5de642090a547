"""Who acts, and which record decides: one test for each row of docs/adr/0001.

The real command line, real processes and the real local platform; see floor.py.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from durability.afterwards import nothing_is_left, unharmed, users_are_on
from durability.floor import (
    ADA,
    FAILED,
    GRACE,
    Client,
    Floor,
    Hotfix,
    alive,
    free_port,
    shared_floor,
    until,
)

LONG = {"soak": "60s", "deadline": "90s"}  # nobody decides while the test acts
SOME = {"soak": "3s"}  # long enough to act between the switch and the verdict
_IN_A_TERMINAL = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGINT, signal.SIG_DFL)  # a job in the background inherits it ignored
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def floor(request: pytest.FixtureRequest) -> Iterator[Floor]:
    """A service in use; no test gets one on which another failed."""
    with shared_floor() as found:
        yield found
        found.spoiled = request.node.stash.get(FAILED, False)


def declared(floor: Floor, good: bool = True, **settings: str) -> Hotfix:
    """Start a hotfix with settings of its own."""
    more = ("--config", str(floor.other_config(**settings))) if settings else ()
    return floor.start(*more, good=good)


def live_version(floor: Floor) -> str:
    assert floor.users
    return floor.users.version


def test_start_returned_nobody_runs_and_the_run_waits_for_the_fix(floor: Floor) -> None:
    """While the fix is written there is no process; the journal's last line says that it rests."""
    hotfix = floor.start()

    until(lambda: floor.pid(hotfix.id) is None)
    assert floor.lines(hotfix.id)[-1]["event"] == "rests"
    status = floor.pitstop("status", hotfix.id, "--json")
    assert (status.code, status.err) == (0, "")
    assert (status.json["waiting_for"], status.json["process"]) == ("fix", None)
    assert floor.pitstop("resume", hotfix.id).code == 2
    assert not [one for one in floor.processes().values() if "run-process" in one]

    assert floor.pitstop("abort", hotfix.id, "--reason", "it went away").code == 0
    nothing_is_left(floor, hotfix)


def test_a_closed_terminal_or_killed_client_changes_nothing(floor: Floor) -> None:
    """The run's own process goes on to the end; whoever asks later gets the run's exit code."""
    hotfix = floor.start()
    ways = (None, signal.SIGKILL, signal.SIGINT)
    clients = [_ship_in_a_terminal(floor, hotfix) for _ in ways]
    floor.await_line(hotfix, "asked", "approval")
    process = floor.pid(hotfix.id)

    for (client, terminal), number in zip(clients, ways, strict=True):
        if number:
            os.kill(client.pid, number)
            assert client.process.wait(30) != 0
        os.close(terminal)
        assert client.process.wait(30) != 0

    assert process == floor.pid(hotfix.id)
    floor.approve(hotfix)
    until(lambda: floor.seen(hotfix, "closed"))
    attempts = [ln["data"]["attempt"] for ln in floor.lines(hotfix.id) if ln["event"] == "started"]
    assert set(attempts) == {1}
    assert floor.pitstop("resume", hotfix.id).code == 0
    unharmed(floor, hotfix, hotfix.version)


def _ship_in_a_terminal(floor: Floor, hotfix: Hotfix) -> tuple[Client, int]:
    """Ship in a terminal of its own; return the client and our end of the terminal."""
    ours, theirs = os.openpty()
    argv = [sys.executable, "-m", "pitstop", "ship", hotfix.id, "--fix", "it", "--yes"]
    wrapped = [sys.executable, "-S", "-c", _IN_A_TERMINAL, *argv]
    ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    client = Client(wrapped, floor.shop, floor.env, **ends)
    floor.clients.append(client)
    os.close(theirs)
    return client, ours


def test_a_killed_process_is_started_again_by_the_next_command(floor: Floor) -> None:
    """Any command says loudly that nobody watched production, and sees that somebody does."""
    hotfix, before = declared(floor, **SOME), live_version(floor)
    client = floor.shipped_to(hotfix, "deploy.release")
    client.kill()
    floor.kill(hotfix.id)
    assert before != hotfix.version

    said = floor.pitstop("list")

    assert said.code == 0
    assert "WARNING" in said.err
    assert hotfix.id in said.err
    assert floor.pitstop("resume", hotfix.id, "--wait").code == 0
    unharmed(floor, hotfix, hotfix.version)


def test_a_stopped_process_is_said_loudly_and_resume_ends_it(floor: Floor) -> None:
    """A process that hangs is no watcher: `status` warns, `resume` ends it and goes on."""
    hotfix = declared(floor, **SOME)
    client = floor.shipped_to(hotfix, "deploy.release")
    stopped = floor.kill(hotfix.id, signal.SIGSTOP)

    until(lambda: "WARNING" in floor.pitstop("status", hotfix.id).err, what="a warning")
    assert alive(stopped)  # saying it ends nothing
    said = floor.pitstop("resume", hotfix.id, "--wait")

    assert said.code == 0, said
    assert not alive(stopped)
    assert client.end().code == 0
    unharmed(floor, hotfix, hotfix.version)


@pytest.mark.parametrize("trouble", ["closed terminal", "SIGHUP", "SIGSTOP", "SIGKILL"])
def test_between_switch_and_verdict_production_is_watched_or_it_is_said_loudly(
    floor: Floor, trouble: str
) -> None:
    """A bad fix under load goes back by itself, or as soon as the warning was heeded."""
    assert floor.users
    before, hotfix = live_version(floor), declared(floor, good=False, **LONG)
    floor.users.away.set()  # nobody decides before the trouble has come
    client, terminal = _ship_in_a_terminal(floor, hotfix)
    floor.approve(hotfix)
    floor.await_line(hotfix, "finished", "deploy.release")

    if trouble == "closed terminal":
        os.close(terminal)
    elif trouble == "SIGHUP":
        floor.kill(hotfix.id, signal.SIGHUP)
    else:
        client.kill()
        floor.kill(hotfix.id, signal.Signals[trouble])
    floor.users.away.clear()
    if trouble in ("SIGSTOP", "SIGKILL"):
        until(lambda: "WARNING" in floor.pitstop("status", hotfix.id).err, what="a warning")
    if trouble == "SIGSTOP":
        assert floor.pitstop("resume", hotfix.id).code == 3

    until(lambda: floor.seen(hotfix, "closed"))
    assert floor.status(hotfix.id)["outcome"] == "rolled_back"
    assert floor.world()["switches"] - hotfix.before["switches"] == 2
    assert floor.users.errors > 0
    unharmed(floor, hotfix, before)
    if trouble != "closed terminal":
        os.close(terminal)


def test_a_second_ship_follows_the_first(floor: Floor) -> None:
    """Shipped twice, and resumed beside it: one run, one process, one deployment, the same end."""
    hotfix = floor.start()
    first = floor.ship(hotfix)
    floor.await_line(hotfix, "asked", "approval")
    second = floor.ship(hotfix)
    third = floor.client("resume", hotfix.id)
    floor.approve(hotfix)

    assert [each.end().code for each in (first, second, third)] == [0, 0, 0]

    lines = floor.lines(hotfix.id)
    assert {ln["data"]["attempt"] for ln in lines if ln["event"] == "started"} == {1}
    assert len([ln for ln in lines if ln["event"] == "answered"]) == 2  # the fix, the approval
    assert len(floor.releases(hotfix.id)) == 1
    until(lambda: floor.seen(hotfix, "closed"))
    assert floor.ship(hotfix).end().code == 0
    unharmed(floor, hotfix, hotfix.version)


def test_an_approval_from_another_terminal_is_heard_once(floor: Floor) -> None:
    """Said twice at once and once more afterwards it is one line; the author's own yes is none."""
    hotfix = floor.start()
    assert floor.pitstop("approve", hotfix.id, "--as", GRACE).code == 2
    client = floor.ship(hotfix)
    floor.await_line(hotfix, "asked", "approval")

    assert floor.pitstop("approve", hotfix.id).code == 1
    assert floor.pitstop("approve", hotfix.id, "--as", ADA.replace("Ada", "A.")).code == 1
    both = [floor.client("approve", hotfix.id, "--as", GRACE) for _ in range(2)]
    assert [each.end().code for each in both] == [0, 0]
    assert client.end().code == 0
    assert floor.pitstop("approve", hotfix.id, "--as", GRACE).code == 0

    lines = floor.lines(hotfix.id)
    said = [ln for ln in lines if ln["event"] == "answered" and "about" in ln["data"]]
    assert len(said) == 1
    unharmed(floor, hotfix, hotfix.version)


@pytest.mark.parametrize("moment", ["being judged", "stopped", "being staged"])
def test_a_rollback_during_ship_waits_for_nobody(floor: Floor, moment: str) -> None:
    """It exits 0, the ship exits 3, users are back, and nobody lost a request."""
    staged = moment == "being staged"
    more = floor.waiting if staged else {}
    before, hotfix = live_version(floor), declared(floor, **LONG, **more)
    client = (
        floor.shipped_to(hotfix, "deploy.stage", "started")
        if staged
        else floor.shipped_to(hotfix, "deploy.release")
    )
    if moment == "stopped":
        floor.kill(hotfix.id, signal.SIGSTOP)

    said = floor.pitstop("rollback", hotfix.id, "--reason", "users are angry")

    assert said.code == 0, said
    users_are_on(floor, before)
    shipped = client.end()
    assert shipped.code == 3, shipped
    state = floor.status(hotfix.id)
    assert state["outcome"] == "rolled_back"
    assert "users are angry" in shipped.out + shipped.err
    assert floor.world()["switches"] - hotfix.before["switches"] == (0 if staged else 2)
    assert floor.world()["main"] == hotfix.before["main"]
    unharmed(floor, hotfix, before)


def test_a_process_that_is_stopped_in_mid_write_holds_up_no_rollback(floor: Floor) -> None:
    """It holds its journal's lock, and would for ever: it is ended, as every rollback does."""
    before, hotfix = live_version(floor), declared(floor, **LONG)
    point = {"when": "in", "event": "started", "name": "validate.errors"}
    floor.point.write_text(json.dumps([point]))
    client = floor.ship(hotfix)
    floor.approve(hotfix)
    until(lambda: not floor.point.exists())

    said = floor.pitstop("rollback", hotfix.id, "--reason", "users are angry")

    assert said.code == 0, said
    users_are_on(floor, before)
    assert client.end().code == 3
    assert floor.status(hotfix.id)["outcome"] == "rolled_back"
    assert floor.pitstop("log", hotfix.id, "--verify").code == 0
    unharmed(floor, hotfix, before)


@pytest.mark.parametrize("moment", ["asking for approval", "testing", "staging"])
def test_an_abort_is_heard_at_once(floor: Floor, moment: str) -> None:
    """Before the deploy nothing is left: no branch, no worktree, no claim, no command."""
    before = live_version(floor)
    slow = {"smoke": '"sleep 1234"'} if moment == "testing" else {}
    slow = floor.waiting if moment == "staging" else slow
    hotfix = declared(floor, **slow)
    client = floor.ship(hotfix)
    if moment == "testing":
        until(lambda: [one for one in floor.processes().values() if "sleep 1234" in one])
    elif moment == "staging":
        floor.approve(hotfix)
        floor.await_line(hotfix, "started", "deploy.stage")
    else:
        floor.await_line(hotfix, "asked", "approval")

    said = floor.pitstop("abort", hotfix.id, "--reason", "it was the database")

    assert said.code == 0, said
    assert client.end().code == 1
    assert floor.status(hotfix.id)["outcome"] == "aborted"
    nothing_is_left(floor, hotfix)
    assert not [one for one in floor.processes().values() if "sleep 1234" in one]
    unharmed(floor, hotfix, before)


def test_an_abort_after_the_deploy_returns_production(floor: Floor) -> None:
    """The ship exits 3 and users are where they were."""
    before, hotfix = live_version(floor), declared(floor, **LONG)
    client = floor.shipped_to(hotfix, "deploy.release")
    users_are_on(floor, hotfix.version)

    said = floor.pitstop("abort", hotfix.id, "--reason", "it was the database")

    assert said.code == 0, said
    assert client.end().code == 3
    assert floor.status(hotfix.id)["outcome"] == "rolled_back"
    unharmed(floor, hotfix, before)


@pytest.mark.parametrize("answer", ["returned", "killed, then accepted"])
def test_cannot_tell_waits_for_a_person(floor: Floor, answer: str) -> None:
    """Without traffic nothing is decided: ship exits 6, the run's process stays and watches."""
    assert floor.users
    before, hotfix = live_version(floor), declared(floor, deadline="1s")
    floor.users.away.set()
    client = floor.shipped_to(hotfix, "deploy.stage")

    said = client.end()

    assert said.code == 6, said
    assert hotfix.id in said.err
    state = floor.status(hotfix.id)
    assert (state["waiting_for"], state["outcome"]) == ("verdict", None)
    assert alive(state["process"]["pid"])
    assert floor.pitstop("resume", hotfix.id).code == 6
    floor.users.away.clear()
    users_are_on(floor, hotfix.version)
    if answer == "returned":
        assert floor.pitstop("rollback", hotfix.id, "--reason", "not convinced").code == 0
        unharmed(floor, hotfix, before)
        return
    if answer.startswith("killed"):
        floor.kill(hotfix.id)
        assert "WARNING" in floor.pitstop("list").err
        until(lambda: floor.pid(hotfix.id), what="a watcher again")
    because = ("--override", "verdict", "--because", "looked at it by hand")
    accepted = floor.pitstop("resume", hotfix.id, *because)
    assert accepted.code == 0, accepted
    unharmed(floor, hotfix, hotfix.version)


@pytest.mark.parametrize("first", ["list", "local up"])
def test_after_a_reboot_releases_and_run_come_back(floor: Floor, first: str) -> None:
    """All is dead after the switch: the next command brings back releases and the run's process."""
    assert floor.users
    hotfix = declared(floor, **SOME)
    floor.shipped_to(hotfix, "deploy.release")
    users_are_on(floor, hotfix.version)
    floor.users.away.set()
    reboot(floor)

    said = floor.pitstop(*first.split())

    assert said.code == 0, said
    assert "WARNING" in said.err
    until(lambda: answers(floor), what="the service answers")
    floor.users.away.clear()
    ended = floor.pitstop("resume", hotfix.id, "--wait")
    assert ended.code == 0, ended
    floor.users.forget()
    unharmed(floor, hotfix, hotfix.version)


def reboot(floor: Floor) -> None:
    """Kill all at once, as a machine that lost its power does; the next boot has another name."""
    for pid in floor.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until(lambda: not floor.processes())
    (floor.home / "run" / "up").write_text("another-boot\n")


def answers(floor: Floor) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", floor.port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class OtherMachine:
    """A clone of the same remote with a service of its own."""

    def __init__(self, floor: Floor) -> None:
        self.floor, self.shop = floor, floor.folder / "other" / "shop"
        floor.git("clone", "-q", str(floor.remote), str(self.shop), folder=floor.folder)
        floor.identify(self.shop, GRACE)
        self.config = floor.folder / "other.toml"
        self.config.write_text(floor.config(port=str(free_port())))
        assert self.pitstop("local", "up").code == 0

    def pitstop(self, *words: str):
        return self.floor.pitstop(
            *words[:1], "--config", str(self.config), *words[1:], folder=self.shop
        )

    def start(self, title: str):
        said = ("--impact", "some cannot pay", "--symptom", "critical-bug", "--json")
        return self.pitstop("start", title, *said)

    def seize(self) -> None:
        """Take the claim from a run that is alive, as only a broken client would."""
        from pitstop.adapters._run import Runner
        from pitstop.adapters.forges.claims import GitClaims

        claims = GitClaims(self.shop, remote="origin", runner=Runner())
        theirs = claims.read("shop")
        assert theirs
        taken = replace(theirs, owner=GRACE, run="", machine="other", taken_over_from=theirs.sha)
        assert claims.take(taken, theirs.sha)

    def close(self) -> None:
        self.pitstop("local", "down")
        shutil.rmtree(self.shop.parent)


@pytest.fixture
def other(floor: Floor) -> Iterator[OtherMachine]:
    """Another machine."""
    found = OtherMachine(floor)
    yield found
    found.close()


def claim(floor: Floor) -> str:
    """Return what the claim on the remote says."""
    refs = floor.world()["refs"]
    return floor.git("show", "-s", "--format=%B", refs["refs/pitstop/shop"], folder=floor.remote)


def test_two_machines_one_service_the_claim_decides(floor: Floor, other: OtherMachine) -> None:
    """The second start is declined in words; once taken over, the first cannot deploy any more."""
    before, hotfix = live_version(floor), floor.start()

    declined = other.start("The same trouble")
    assert declined.code == 4, declined
    assert "Ada Lovelace" in declined.err
    assert "take-over" in declined.err

    taken = other.pitstop("take-over", "--reason", "Ada went offline")
    assert taken.code == 0, taken
    assert "Grace Hopper" in claim(floor)
    mine = other.start("The same trouble, mine")
    assert mine.code == 0, mine

    client = floor.ship(hotfix)
    until(lambda: not client.running() or floor.seen(hotfix, "asked", "approval"))
    if client.running():
        floor.approve(hotfix)
    said = client.end()
    assert said.code in (1, 4), said
    assert "Grace Hopper" in said.err
    assert floor.releases(hotfix.id) == []
    users_are_on(floor, before)
    assert "Grace Hopper" in claim(floor)
    again = floor.pitstop("start", "x", "--impact", "y", "--symptom", "critical-bug")
    assert again.code == 4, again
    assert other.pitstop("abort", mine.json["id"], "--reason", "done").code == 0
    assert [name for name in floor.world()["refs"] if name.startswith("refs/pitstop/")] == []


def test_a_claim_taken_over_in_the_middle_stops_the_deploy(
    floor: Floor, other: OtherMachine
) -> None:
    """A living run is not taken over; if it is all the same, it moves no users any more."""
    before, hotfix = live_version(floor), floor.start()
    client = floor.ship(hotfix)
    floor.await_line(hotfix, "asked", "approval")

    until(lambda: '"heartbeat": "' in claim(floor), what="a heartbeat on the remote")
    refused = other.pitstop("take-over", "--reason", "Ada went offline")
    assert refused.code == 1, refused
    assert "being executed now" in refused.err
    other.seize()
    floor.approve(hotfix)

    said = client.end()
    assert said.code in (1, 4), said
    assert "Grace Hopper" in said.err
    assert floor.world()["switches"] == hotfix.before["switches"]
    users_are_on(floor, before)
    assert "Grace Hopper" in claim(floor)
    floor.git("push", "-q", "origin", "--delete", "refs/pitstop/shop")


def test_the_claim_says_how_production_is_returned(floor: Floor) -> None:
    """Once the way back is known it stands in the claim, should this machine be lost."""
    hotfix = declared(floor, **LONG)
    client = floor.shipped_to(hotfix, "deploy.release")

    assert f'"rollback_point": "{hotfix.before["live"]}"' in claim(floor)
    assert "pitstop rollback" in claim(floor)

    assert floor.pitstop("rollback", hotfix.id, "--reason", "enough").code == 0
    assert client.end().code == 3


def test_looking_at_a_run_never_keeps_its_process_from_starting(floor: Floor) -> None:
    """Who looks takes no lock that the run's process needs."""
    from pitstop.engine import ownership

    hotfix = floor.start()
    run = ownership.RunFolder(floor.run_folder(hotfix.id))
    until(lambda: not ownership.executing(run))
    client = floor.ship(hotfix, "--detach")
    while client.running():
        ownership.executing(run)
    assert client.end().code == 7

    floor.approve(hotfix)
    until(lambda: floor.seen(hotfix, "closed"))
    unharmed(floor, hotfix, hotfix.version)

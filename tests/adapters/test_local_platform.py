"""The embedded platform when things die, come back, grow, run out or are taken by strangers."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.platforms import LocalWorld, a_stranger, ask, is_running, until
from pitstop.adapters import _processes
from pitstop.adapters.platforms.local import LocalSettings, files, listeners
from pitstop.adapters.platforms.local.supervisor import Supervisor
from pitstop.adapters.telemetry.access_log import AccessLog
from pitstop.ports import CannotTell, Fenced, Refused


@pytest.fixture
def world() -> Iterator[LocalWorld]:
    """A service whose users are on commit ``first``."""
    found = LocalWorld()
    yield found
    found.end()


class Cut(BaseException):
    """The process ends here."""


def state(world: LocalWorld, deployment_id: str) -> str:
    status: Any = world.platform.status()
    return {each["id"]: each["state"] for each in status["deployments"]}[deployment_id]


# Deaths


@pytest.mark.parametrize("victim", ["d1", "proxy"])
def test_what_was_killed_serves_users_again(world: LocalWorld, victim: str) -> None:
    """supervisord starts the release, or the proxy, again; nobody has to act."""
    world.kill(victim)

    until(lambda: ask(world.port)[0] == 200)

    assert until(world.platform.running).commit == "first"
    began = datetime.now(UTC)
    ask(world.port)
    log = AccessLog(world.platform.access_logs)
    until(lambda: log.intervals(began, datetime.now(UTC), world.first.id))


def test_users_do_not_notice_the_death_of_supervisord(world: LocalWorld) -> None:
    """The programs live on; the next one adopts them and doubles nothing."""
    before = world.pid("d1"), world.pid("proxy")
    world.kill("supervisord")
    assert world.served() == "first"

    second = world.platform.deploy(world.release("second"))

    assert before == (world.pid("d1"), world.pid("proxy"))
    assert world.served() == "second"
    world.platform.retire("d1")
    until(lambda: not is_running(before[0]))
    assert not world.platform.healthy("d1")[0]
    assert world.platform.healthy(second.id)[0]


def test_deaths_of_supervisord_leave_no_copies_behind(world: LocalWorld) -> None:
    """What waited for a program of a dead supervisord ends with it, so a stop is a stop."""
    before = sorted(world.processes())
    for _ in range(3):
        world.kill("supervisord")
        world.platform.healthy()
        until(lambda: len(world.processes()) == len(before) + 3)  # one waits for each program

    world.platform.deploy(world.release("second"))
    world.platform.retire("d1")
    until(lambda: "first" not in _commits(world))
    world.platform.down()

    until(lambda: not world.processes())


def _commits(world: LocalWorld) -> set[str]:
    """Return the commits of all releases that run."""
    found = set()
    for pid in world.processes():
        with contextlib.suppress(OSError):
            for entry in Path(f"/proc/{pid}/environ").read_text().split("\0"):
                if entry.startswith("PITSTOP_COMMIT="):
                    found.add(entry.partition("=")[2])
    return found


def test_the_death_of_supervisord_and_the_proxy_is_healed_by_any_question(
    world: LocalWorld,
) -> None:
    """A watching run brings back what died, without being asked to."""
    for _ in range(3):
        world.kill("supervisord", "proxy")
        world.platform.healthy()
        until(lambda: world.served() == "first")


def test_an_adopted_program_that_dies_is_started_again(world: LocalWorld) -> None:
    """The copy that waited for the lock takes over."""
    world.kill("supervisord")
    world.platform.healthy()  # any question brings supervisord back
    world.kill("d1")

    until(lambda: world.platform.healthy("d1")[0])
    assert world.served() == "first"


def test_leftovers_of_a_dead_release_do_not_block_the_next_start() -> None:
    """A worker that outlives its master holds the port: it is ended before the new start."""
    world = LocalWorld(start="sleep 1000 & python3 -I -S app.py")
    try:
        world.kill("d1")  # the shell; its children live on

        until(lambda: world.platform.healthy("d1")[0])
    finally:
        world.end()


def test_a_reboot_brings_back_what_was_live_and_what_was_parked(world: LocalWorld) -> None:
    """Sockets left behind do not matter, and a port that a stranger took is given up."""
    second = world.platform.deploy(world.release("second"))
    port = int(second.url.rpartition(":")[2])
    world.reboot()

    with a_stranger(port):
        assert world.platform.up("another commit").commit == "second"
        assert world.served() == "second"
    assert world.platform.healthy("d1")[0]
    assert "first" == world.platform.return_to("d1").commit == world.served()


def test_a_service_that_was_taken_down_comes_back_as_it_was(world: LocalWorld) -> None:
    """Down ends every program; up serves the recorded release."""
    world.platform.deploy(world.release("second"))
    world.platform.down()
    until(lambda: not world.processes())
    with pytest.raises(CannotTell):
        world.platform.running()

    assert "second" == world.platform.up("another commit").commit == world.served()


def test_a_platform_that_was_never_up_runs_nothing(tmp_path: Path, world: LocalWorld) -> None:
    """Asking changes nothing, and nothing is no deployment."""
    before, world.folder = world.folder, tmp_path
    platform = world.new()
    world.folder = before  # what the fixture ends and removes

    assert platform.running() is None
    assert platform.healthy() == (False, "nothing is in service")
    assert [] == platform.deployments() == list(tmp_path.iterdir())


# Strangers


def test_an_address_that_is_taken_is_refused_with_the_name_of_who_has_it(world: LocalWorld) -> None:
    """Nothing is started on an address that somebody else listens on."""
    world.platform.down()

    with a_stranger(world.port), pytest.raises(Refused, match=r"taken by python.* \(pid \d+\)"):
        world.platform.up("first")
    assert "first" == world.platform.up("first").commit == world.served()


def test_a_stranger_with_an_odd_name_disturbs_nobody(world: LocalWorld, tmp_path: Path) -> None:
    """A process may be called anything, and there are others on every machine."""
    odd = os.fsencode(tmp_path) + b"/\xff) Z (\n"
    shutil.copy("/bin/sleep", odd)
    with subprocess.Popen([odd, b"60"]) as stranger:
        try:
            until(lambda: b"\xff" in Path(f"/proc/{stranger.pid}/comm").read_bytes())
            assert world.platform.healthy("d1")[0]
            assert _processes.alive(_processes.identity(stranger.pid) or "")
        finally:
            stranger.kill()


def test_a_stranger_on_our_port_is_never_healthy(world: LocalWorld) -> None:
    """A good answer counts only from the release itself."""
    world.platform.deploy(world.release("second"))
    world.platform.retire("d1")
    port = int(world.first.url.rpartition(":")[2])

    with a_stranger(port):
        assert ask(port)[0] == 200
        assert not world.platform.healthy("d1")[0]
        assert "first" == world.platform.return_to("d1").commit == world.served()


# Cut off


def test_a_deploy_cut_off_anywhere_is_finished_by_the_next_one(
    world: LocalWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever file was written last, the same call again ends with one healthy deployment."""
    write, left = files.write, [0]

    def writing(path: Path, text: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Cut
        write(path, text)

    monkeypatch.setattr(files, "write", writing)
    for point in range(1, 100):
        left[0], release = point, world.release(f"release{point}")
        try:
            world.platform.deploy(release)
        except Cut:
            left[0] = 0
            assert world.served()
            assert f"release{point}" == world.new().deploy(release).commit == world.served()
            assert [e.commit for e in world.platform.deployments()].count(release.commit) == 1
        else:
            break
    assert point > 8


def test_a_checkout_that_was_cut_off_is_made_afresh(
    world: LocalWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a checkout is never built upon."""
    half = world.folder / "checkouts" / "d2"

    def cut(commit: str, folder: Path) -> str:
        folder.mkdir(parents=True)
        (folder / "half a file").touch()
        raise Cut

    whole = world.export
    world.export = cut  # type: ignore[method-assign]
    with pytest.raises(Cut):
        world.new().deploy(world.release("second"))
    assert half.is_dir()
    world.export = whole  # type: ignore[method-assign]

    assert world.new().deploy(world.release("second")).commit == "second"
    assert not (half / "half a file").exists()


def test_an_aborted_wait_leaves_a_candidate_that_can_be_discarded(world: LocalWorld) -> None:
    """What the clock raises goes through; users are where they were."""

    def abort() -> None:
        raise Cut

    world.clock.tick = abort
    with pytest.raises(Cut):
        world.platform.deploy(world.release("second"))
    world.clock.tick = lambda: None

    world.platform.discard("run of second")

    assert state(world, "d2") == "stopped"
    assert world.served() == "first"


def test_whoever_is_fenced_in_the_middle_stops_without_undoing(world: LocalWorld) -> None:
    """At whichever check before the switch the fence falls, users are not moved any more."""
    check, points = world.fence.check, (1, 2, 3)

    for point in points:
        world.fence.checks = 0

        def falling(point: int = point) -> None:
            world.fence.lost = world.fence.checks + 1 >= point
            check()

        world.fence.check = falling  # type: ignore[method-assign]
        with pytest.raises(Fenced):
            world.platform.deploy(world.release(f"release{point}"))
        assert (world.fence.checks, world.served()) == (point, "first")


def test_a_full_disk_leaves_users_where_they_are(
    world: LocalWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The routes stay whole, and the refusal says what happened."""
    routes = world.home / "proxy" / "routes" / "rds.json"
    before = routes.read_text()

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refused, match=r"The disk is full.*Users were not moved"):
        world.platform.deploy(world.release("second"))

    assert before == routes.read_text()
    assert [path.name for path in routes.parent.iterdir()] == ["rds.json"]
    assert world.served() == "first"


# Releases


def test_returning_to_a_parked_release_is_only_a_switch(
    world: LocalWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The previous release still runs, so the way back starts nothing."""
    pid = world.pid("d1")
    world.platform.deploy(world.release("second"))

    started: list[str] = []
    monkeypatch.setattr(Supervisor, "run", lambda *_: started.append("run"))
    monkeypatch.setattr(Supervisor, "start_again", lambda *_: started.append("start_again"))
    for number in range(4):
        world.platform.return_to(f"d{1 + number % 2}")

    assert pid == world.pid("d1")
    assert started == []


def test_a_build_runs_once_in_the_checkout_and_its_failure_is_told(world: LocalWorld) -> None:
    """The output of a failed build stands in the refusal; git's variables do not leak into it."""
    os.environ["GIT_DIR"] = "/nowhere"
    try:
        good = world.new(build='test -f app.py && echo built >> ../times && test -z "$GIT_DIR"')
        good.stage(world.release("second"))
        assert good.deploy(world.release("second")).commit == "second"
    finally:
        del os.environ["GIT_DIR"]
    assert (world.folder / "checkouts" / "times").read_text() == "built\n"

    with pytest.raises(Refused, match="exit code 3: no compiler"):
        world.new(build="echo no compiler; exit 3").deploy(world.release("third"))
    assert world.served() == "second"


def test_a_release_that_exits_says_its_last_words(world: LocalWorld) -> None:
    """The refusal holds the end of the log; the record says failed; the same key may try again."""
    with pytest.raises(Refused, match=r"exited 2 times(.|\n)*the database is missing"):
        world.platform.deploy(world.release("exits"))
    assert state(world, "d2") == "failed"
    assert world.served() == "first"

    with pytest.raises(Refused, match="the database is missing"):
        world.platform.deploy(world.release("exits"))
    assert len(world.platform.status()["deployments"]) == 2  # type: ignore[arg-type]


def test_files_that_are_not_those_of_the_release_are_refused(world: LocalWorld) -> None:
    """What goes live is the tree that was approved."""
    world.export = lambda commit, folder: folder.mkdir(parents=True) or "another tree"  # type: ignore[method-assign,assignment,func-returns-value]

    with pytest.raises(Refused, match="not tree of that were asked for"):
        world.new().deploy(world.release("second"))


def test_after_a_rollback_the_same_key_does_not_move_users_again(world: LocalWorld) -> None:
    """A deploy that is repeated later does not undo somebody's rollback."""
    world.platform.deploy(world.release("second"))
    world.platform.return_to("d1")

    with pytest.raises(Refused, match="users were moved away"):
        world.platform.deploy(world.release("second"))
    assert world.served() == "first"


def test_old_releases_are_let_go_of(world: LocalWorld) -> None:
    """The newest stay, with the live one, the previous one and those that are pinned."""
    platform = world.new(keep=2)
    platform.keep("d1")
    for commit in ("second", "third", "fourth", "fifth"):
        platform.deploy(world.release(commit))

    assert [each.id for each in platform.deployments()] == ["d5", "d4", "d1"]
    checkouts = sorted(path.name for path in (world.folder / "checkouts").iterdir())
    assert checkouts == ["d1", "d4", "d5"]
    platform.let_go("d1")
    platform.deploy(world.release("sixth"))
    assert [each.id for each in platform.deployments()] == ["d6", "d5"]


def test_a_candidate_of_a_run_that_is_over_does_not_stay_for_ever(world: LocalWorld) -> None:
    """The next deploy stops it."""
    abandoned = world.platform.stage(world.release("second"))
    world.platform.deploy(world.release("third"))

    assert state(world, abandoned.deployment_id) == "stopped"
    assert not world.platform.healthy(abandoned.deployment_id)[0]


def test_retiring_lets_requests_end(world: LocalWorld) -> None:
    """A request that takes a second is answered though its release is retired meanwhile."""
    import threading

    answers: list[tuple[int, str]] = []
    asking = threading.Thread(target=lambda: answers.append(ask(world.port, "/slow")))
    asking.start()
    until(lambda: world.platform.status()["deployments"][0]["requests"].get("active"))  # type: ignore[index]
    world.platform.deploy(world.release("second"))

    world.platform.retire("d1")

    asking.join()
    assert [(status, body.partition(" ")[0]) for status, body in answers] == [(200, "first")]


def test_a_share_of_the_users_is_served_by_the_candidate(world: LocalWorld) -> None:
    """By chance, and by both for as long as it lasts; the log says who was served by which."""
    candidate = world.platform.stage(world.release("second"))
    since = datetime.now(UTC)
    world.platform.split(candidate.deployment_id, 20)

    served = [world.served() for _ in range(200)]

    assert 10 <= served.count("second") <= 80  # 40 are to be expected, 5.7 around it
    assert state(world, candidate.deployment_id) == "canary 20 %"
    log = AccessLog(world.platform.access_logs)
    until(
        lambda: (
            sum(
                one.requests
                for one in log.intervals(since, datetime.now(UTC), candidate.deployment_id)
            )
            == served.count("second")
        )
    )


def test_probes_are_not_users(world: LocalWorld) -> None:
    """What goes through the platform's own address is not in the access log."""
    began, port = datetime.now(UTC), int(world.platform.address().rpartition(":")[2])
    ask(port, "/probe")
    world.platform.healthy()
    ask(world.port, "/user")

    text = until(lambda: world.platform.access_logs()[-1].read_text())

    assert [json.loads(line)["path"] for line in text.splitlines()] == ["/user"]
    heard = AccessLog(world.platform.access_logs).intervals(began, datetime.now(UTC))
    assert [(each.requests, each.errors) for each in heard] == [(1, 0)]


# The house


def test_a_client_that_hangs_up_on_an_error_has_had_an_error(world: LocalWorld) -> None:
    """Many clients close as soon as they have read the status: that is no reason not to count it."""
    began, log = datetime.now(UTC), AccessLog(world.platform.access_logs)
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", world.port)) as client:
            client.sendall(b"GET /drip-fail HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b" 500 " in client.recv(20)

    until(lambda: _heard(world, began) == 5)
    heard = log.intervals(began, datetime.now(UTC), "d1")
    assert sum(each.errors for each in heard) == 5


def test_logs_do_not_grow_for_ever(world: LocalWorld) -> None:
    """The access log is rotated without losing a line, other logs are copied and emptied."""
    world.platform.down()
    world.platform._ground._tidy = (0.05, 2_000, 3)
    (world.home / "log" / "d1.log").write_bytes(b"x" * 5_000)
    world.platform.up("first")
    began = datetime.now(UTC)
    for _ in range(40):
        assert ask(world.port)[0] == 200
        time.sleep(0.01)

    until(lambda: len(world.platform.access_logs()) > 1)
    until(lambda: (world.home / "log" / "d1.log").stat().st_size < 2_000)
    until(lambda: _heard(world, began) == 40)


def _heard(world: LocalWorld, began: datetime) -> int:
    log = AccessLog(world.platform.access_logs)
    return sum(each.requests for each in log.intervals(began, datetime.now(UTC)))


def test_changed_settings_are_taken_over_by_up(world: LocalWorld) -> None:
    """A new address is listened on after the next up."""
    port = listeners.free_port(7, {world.port})

    world.new(listen=f"127.0.0.1:{port}").up("first")

    assert ask(port)[0] == 200
    assert ask(world.port)[0] == 0


def test_status_says_what_is_live_and_what_is_kept(world: LocalWorld) -> None:
    """It is plain data, with one entry for each deployment."""
    world.platform.deploy(world.release("second"))
    ask(world.port)

    status: Any = json.loads(json.dumps(world.platform.status()))

    assert (status["proxy"], status["supervisor"], status["live"]) == (True, True, "d2")
    assert [each["state"] for each in status["deployments"]] == ["live", "parked"]
    assert world.pid("d2") == status["deployments"][0]["pid"]
    assert status["deployments"][0]["requests"]["2xx"] >= 1


@pytest.mark.parametrize("listen", ["8080", "localhost:", "localhost:99999", ":80"])
def test_an_address_that_makes_no_sense_is_a_mistake(listen: str) -> None:
    """The settings say so before anything is started."""
    with pytest.raises(ValueError, match="write an address"):
        LocalSettings(start="true", listen=listen)


def test_how_long_a_start_took_is_remembered_and_a_warm_release_takes_none(
    world: LocalWorld,
) -> None:
    """So that it can be said beforehand how long a rollback would take."""
    first = world.platform.running()
    assert first.took is not None
    assert first.took > 0

    world.platform.deploy(world.release("second"))
    assert [each.took for each in world.platform.deployments() if each.id == first.id] == [0.0]

    world.platform.retire(first.id)
    assert [each.took for each in world.platform.deployments() if each.id == first.id] == [
        first.took
    ]

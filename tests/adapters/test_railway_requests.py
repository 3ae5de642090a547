"""Users' requests from Railway: each counted once, whenever and however often it is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from contracts.platforms import until
from contracts.railway import RailwayWorld
from pitstop.adapters.platforms.railway import requests
from pitstop.gate import Interval
from pitstop.ports import CannotTell


@pytest.fixture
def world() -> Iterator[RailwayWorld]:
    """A service whose users are on ``first``, since a while."""
    found = RailwayWorld()
    yield found
    found.end()


def total(heard: list[Interval]) -> tuple[int, int]:
    return sum(one.requests for one in heard), sum(one.errors for one in heard)


def test_status_and_duration_are_told_and_pitstop_is_no_user(world):
    """What asks for health is told apart by its User-Agent."""
    since = world.clock.at
    world.railway.user(world.first.id, 200, ms=12)
    world.railway.user(world.first.id, 503, ms=30)
    world.railway.user(world.first.id, 200, agent="pitstop/1")
    world.platform.healthy()
    world.clock.at += timedelta(seconds=2)

    [heard] = world.platform.intervals(since, world.clock.at, world.first.id)

    assert (heard.requests, heard.errors, sorted(heard.latencies_ms)) == (2, 1, [12.0, 30.0])
    assert heard.statuses == {200: 1, 503: 1}


def test_more_than_one_answer_holds_is_asked_for_page_by_page(world, monkeypatch):
    """Many of them share a moment; none is lost and none counts twice."""
    monkeypatch.setattr(requests, "PAGE", 7)
    since = world.clock.at
    for _ in range(6):
        for _ in range(5):
            world.railway.user(world.first.id, 200)
        world.clock.at += timedelta(seconds=1)
    world.clock.at += timedelta(minutes=5)

    heard = world.platform.intervals(since, since + timedelta(minutes=1), world.first.id)

    assert [(one.at, one.requests) for one in heard] == [(float(n), 5) for n in range(6)]


def test_a_stream_hears_by_a_socket_and_asks_seldom(world):
    """Ten minutes of looks every second; what comes late keeps its own time."""
    since = world.clock.at
    stream = world.platform.follow(since, world.first.id)
    stream.read(world.clock.at + timedelta(seconds=1))
    before, told = world.railway.asked(), 0
    for second in range(600):
        world.clock.at += timedelta(seconds=1)
        if second % 10 == 0:
            world.railway.user(world.first.id, 500 if second % 20 == 0 else 200)
        told += total(stream.read(world.clock.at))[0]
    assert world.railway.asked() - before <= 25

    world.clock.at += timedelta(minutes=1)
    told += total(stream.read(world.clock.at))[0]
    assert told == 60


def test_a_late_request_is_told_in_its_own_second(world):
    """Railway writes some down seconds later: they belong to the second in which they ended."""
    since = world.clock.at
    stream = world.platform.follow(since, world.first.id)
    world.clock.at += timedelta(seconds=10)
    assert stream.read(world.clock.at) == []
    now, world.clock.at = world.clock.at, since + timedelta(seconds=3)
    world.railway.user(world.first.id, 500)
    world.clock.at = now

    [late] = until(lambda: stream.read(world.clock.at))

    assert (late.at, late.errors) == (3.0, 1)
    assert stream.read(world.clock.at) == []


@pytest.mark.parametrize("refused", [False, True], ids=["dropped", "refused"])
def test_what_a_socket_missed_is_asked_for(world, refused):
    """Dropped, or never there: nothing is lost."""
    since = world.clock.at
    world.railway.faults.no_sockets = refused
    stream = world.platform.follow(since, world.first.id)
    stream.read(world.clock.at + timedelta(seconds=1))
    world.railway.drop_sockets()
    for _ in range(20):
        world.clock.at += timedelta(seconds=1)
        world.railway.user(world.first.id, 200)
    heard = stream.read(world.clock.at + timedelta(seconds=1))
    world.clock.at += timedelta(minutes=1)
    heard += stream.read(world.clock.at)

    assert total(heard) == (20, 0)


def test_silence_of_the_users_is_known_only_where_railway_said_so(world):
    """An answer without requests is fresh; no answer makes nothing fresher."""
    stream = world.platform.follow(world.clock.at, world.first.id)
    assert stream.fresh() is None
    world.clock.at += timedelta(minutes=2)
    assert stream.read(world.clock.at) == []
    fresh = stream.fresh()
    assert timedelta(0) < world.clock.at - fresh <= timedelta(seconds=10)

    world.railway.faults.silent = True
    world.railway.drop_sockets()
    world.clock.at += timedelta(minutes=2)
    with pytest.raises(CannotTell):
        stream.read(world.clock.at)
    assert stream.fresh() == fresh


def test_what_is_older_than_railway_keeps_cannot_be_told(world):
    """It is an error of Railway's, and no silence of the users."""
    world.railway.faults.errors["httpLogs"] = ["Problem processing request"]

    with pytest.raises(CannotTell, match="Problem processing request"):
        world.platform.intervals(
            world.clock.at - timedelta(days=40), world.clock.at, world.first.id
        )


def test_memory_is_read_in_bytes_and_not_too_often(world):
    """Nothing was measured, nothing is said; then the newest value, for half a minute."""
    [meter] = world.platform.meters()
    assert meter.read() == {}
    world.railway.world.memory = [
        (world.clock.at - timedelta(seconds=60), 0.25),
        (world.clock.at, 0.5),
    ]
    world.clock.at += timedelta(seconds=31)

    assert (meter.name, meter.read()) == ("memory", {"memory": 5e8})
    asked = world.railway.asked()
    meter.read()
    assert world.railway.asked() == asked

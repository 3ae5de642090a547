"""What every telemetry promises: users' requests, each counted once, and silence that is silence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.railway import RailwayWorld
from pitstop.adapters import simulated
from pitstop.adapters.telemetry.access_log import AccessLog
from pitstop.gate import Interval
from pitstop.ports import CannotTell, Telemetry

BEGAN = simulated.START
SWITCH, END = 10, 20  # seconds: users are served by d1, then by d2
RATE = 20  # requests in a second; of d1's answers one in five is an error, of d2's none


class LogWorld:
    """An access log as the proxy writes it."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "access.log"
        lines = [self._line(number / RATE) for number in range(END * RATE)]
        self._log.write_text("".join(lines))
        self.telemetry: Telemetry = AccessLog(lambda: [self._log])

    def _line(self, second: float) -> str:
        first = second < SWITCH
        held: dict[str, Any] = {
            "at": f"{BEGAN.timestamp() + second:.6f}",
            "status": 500 if first and round(second * RATE) % 5 == 0 else 200,
            "ms": 0,
            "deployment": "d1" if first else "d2",
        }
        return json.dumps(held) + "\n"

    def silence(self) -> None:
        """Lose the log."""
        self._log.unlink()


class SimulatedWorld:
    """Users in memory."""

    def __init__(self, folder: Path) -> None:
        self._world = simulated.World(rate_before=0.2, requests_per_second=RATE)
        clock = simulated.MakeBelieveClock(self._world, lambda: None)
        clock.pause(SWITCH)
        platform = simulated.SimulatedPlatform(self._world, None, clock)
        platform.deploy(simulated.Release("run", simulated.FIX, "tree"))
        self.telemetry: Telemetry = simulated.SimulatedTelemetry(self._world)

    def silence(self) -> None:
        """Stop answering."""
        self._world.telemetry_answers = False


class RailwayRequests:
    """Railway's edge, which writes every request down."""

    def __init__(self, folder: Path) -> None:
        self._world = RailwayWorld()
        clock, railway = self._world.clock, self._world.railway
        railway.world.deployments.clear()
        for name, start, end in (("d1", 0, SWITCH), ("d2", SWITCH, END)):
            clock.at = BEGAN + timedelta(seconds=start)
            railway.someone_deploys({"commit": name.encode()}, commitHash=name).id = name
            for number in range(start * RATE, end * RATE):
                clock.at = BEGAN + timedelta(seconds=number / RATE)
                railway.user(name, 500 if name == "d1" and number % 5 == 0 else 200)
        clock.at = BEGAN + timedelta(seconds=END + 60)
        self.telemetry: Telemetry = self._world.platform

    def silence(self) -> None:
        """Stop answering."""
        self._world.silence()

    def end(self) -> None:
        """Stop the double."""
        self._world.end()


Requests = LogWorld | RailwayRequests | SimulatedWorld
WORLDS: dict[str, Callable[[Path], Requests]] = {
    "access log": LogWorld,
    "railway": RailwayRequests,
    "simulated": SimulatedWorld,
}


@pytest.fixture(params=sorted(WORLDS))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Requests]:
    """Twenty seconds of users, moved from d1 to d2 in the middle."""
    found = WORLDS[request.param](tmp_path)
    yield found
    if isinstance(found, RailwayRequests):
        found.end()


def at(second: float) -> datetime:
    return BEGAN + timedelta(seconds=second)


def total(heard: list[Interval]) -> tuple[int, int]:
    return sum(one.requests for one in heard), sum(one.errors for one in heard)


def test_every_interval_holds_traffic_and_lies_in_its_window(world: Any) -> None:
    """``at`` counts from the beginning of the window, in order, once for each second."""
    heard = world.telemetry.intervals(at(3), at(8))

    assert [one.at for one in heard] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert {(one.requests, one.errors) for one in heard} == {(RATE, RATE // 5)}


@pytest.mark.parametrize("cut", [4.0, 7.3, 10.0, 13.8])
def test_windows_side_by_side_count_every_request_once(world: Any, cut: float) -> None:
    """Wherever the cut lies, nothing is lost and nothing counts twice."""
    ask = world.telemetry.intervals

    both = total(ask(at(2), at(cut)) + ask(at(cut), at(18)))

    assert both == total(ask(at(2), at(18)))


def test_the_requests_of_one_deployment_are_told_apart(world: Any) -> None:
    """What the release before answered says nothing about the new one."""
    ask = world.telemetry.intervals
    served = END - SWITCH

    assert total(ask(at(0), at(END), "d1")) == (SWITCH * RATE, SWITCH * RATE // 5)
    assert total(ask(at(0), at(END), "d2")) == (served * RATE, 0)
    assert total(ask(at(0), at(END))) == (END * RATE, SWITCH * RATE // 5)


def test_nothing_heard_is_empty(world: Any) -> None:
    """A window without users has no intervals, not intervals of nothing."""
    assert world.telemetry.intervals(at(3), at(3)) == []
    assert world.telemetry.intervals(at(0), at(SWITCH), "d2") == []


def test_a_source_that_does_not_answer_cannot_tell(world: Any) -> None:
    """Silence of the source is not silence of the users."""
    world.silence()

    with pytest.raises(CannotTell):
        world.telemetry.intervals(at(0), at(END))

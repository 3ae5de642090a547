"""What every claim on a service promises: one holder, known by name, asked as often as one likes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pitstop.adapters.simulated import SimulatedClaims, World
from pitstop.engine.claim import HeldClaim
from pitstop.ports import CannotTell, Claims, Refused
from repositories import Shop, a_shop


class GitWorld:
    """Two machines, each with a clone of one remote."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._shop: Shop = a_shop(folder, monkeypatch)
        self._clones = {"ada": self._shop.here, "grace": self._shop.clone("other")}

    def claims(self, who: str) -> Claims:
        """Return a person's claims, as a new process would see them."""
        mine = self._shop.claims(self._clones[who])
        return HeldClaim(
            mine,
            background=mine,
            service="shop",
            owner=who,
            run=f"{who}-run",
            machine=who,
            now=lambda: "2026-01-02T03:04:00Z",
            pause=time.sleep,
        )

    def holder(self) -> str | None:
        """Return whose run holds the service."""
        found = self._shop.claims().read("shop")
        return found.run if found else None

    def way_back(self) -> tuple[str | None, str | None] | None:
        """Return what the claim says about the way back."""
        found = self._shop.claims().read("shop")
        return (found.rollback_point, found.restore_command) if found else None

    def silence(self) -> None:
        """Move the remote away."""
        self._shop.remote.rename(self._shop.remote.with_suffix(".away"))


class SimulatedWorld:
    """The same two people in memory."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._world = World()

    def claims(self, who: str) -> Claims:
        """Return a person's claims."""
        return SimulatedClaims(self._world, f"{who}-run")

    def holder(self) -> str | None:
        """Return who holds it."""
        return self._world.claimed_by

    def way_back(self) -> tuple[str, str] | None:
        """Return what was noted."""
        return self._world.way_back

    def silence(self) -> None:
        """Stop answering."""
        self._world.remote_answers = False


WORLDS: list[Callable[[Path, pytest.MonkeyPatch], GitWorld | SimulatedWorld]]
WORLDS = [GitWorld, SimulatedWorld]


@pytest.fixture(params=WORLDS, ids=lambda world: world.__name__)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> GitWorld | SimulatedWorld:
    found: GitWorld | SimulatedWorld = request.param(tmp_path, monkeypatch)
    return found


def test_a_service_is_claimed_once_however_often_it_is_asked_for(world: GitWorld) -> None:
    """The next process of the same run finds its own claim."""
    world.claims("ada").take("checkout answers 500")
    world.claims("ada").take("checkout answers 500")

    assert world.holder() == "ada-run"


def test_whoever_comes_second_is_told_who_was_first(world: GitWorld) -> None:
    """Nothing is taken from them."""
    world.claims("ada").take("checkout answers 500")

    with pytest.raises(Refused, match="ada"):
        world.claims("grace").take("the same trouble")

    assert world.holder() == "ada-run"


def test_the_way_back_stands_in_the_claim(world: GitWorld) -> None:
    """Should the machine be lost, others read how production is returned."""
    claims = world.claims("ada")
    claims.take("checkout answers 500")

    claims.note("d1", "pitstop rollback --to d1")

    assert world.way_back() == ("d1", "pitstop rollback --to d1")


def test_a_claim_given_back_is_free_for_the_next(world: GitWorld) -> None:
    """Giving it back twice is giving it back once."""
    world.claims("ada").take("checkout answers 500")
    world.claims("ada").release()
    world.claims("ada").release()

    world.claims("grace").take("another trouble")

    assert world.holder() == "grace-run"


def test_nobody_gives_back_what_others_hold(world: GitWorld) -> None:
    """A late process of an earlier run ends without a word."""
    world.claims("grace").take("another trouble")

    world.claims("ada").release()

    assert world.holder() == "grace-run"


def test_a_remote_that_does_not_answer_cannot_tell(world: GitWorld) -> None:
    """Neither claimed nor free."""
    world.silence()

    with pytest.raises(CannotTell):
        world.claims("ada").take("checkout answers 500")

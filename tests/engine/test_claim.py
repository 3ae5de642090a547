"""Who may be taken over: whoever rests or died, never whoever is at work."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from pitstop.adapters.forges.claims import Claim
from pitstop.engine.claim import STILL, HeldClaim, beats
from repositories import Shop, a_claim, a_shop


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Shop:
    """A remote."""
    return a_shop(tmp_path, monkeypatch)


class Clock:
    """Time that passes when somebody waits, and what happens meanwhile."""

    def __init__(self, happens: Callable[[], object] = lambda: None) -> None:
        self._now, self._happens = datetime(2026, 1, 2, tzinfo=UTC), happens

    def now(self) -> datetime:
        return self._now

    def pause(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._happens()


def taken(shop: Shop, heartbeat: str | None) -> Claim:
    """Let Ada claim the service."""
    mine = shop.claims().take(a_claim(heartbeat=heartbeat), None)
    assert mine
    return mine


def test_a_run_that_rests_may_be_taken_over_at_once(shop):
    """While the fix is written nobody executes it; nobody has to wait to know that."""
    clock = Clock()
    before = clock.now()
    assert not beats(shop.claims(), taken(shop, None), clock)
    assert clock.now() == before


def test_a_run_whose_heart_beats_is_not_taken_over(shop):
    """However odd the other machine's clock is: what counts is that it goes on."""
    mine = taken(shop, "1970-01-01T00:00:00Z")
    claims = shop.claims(shop.clone("other"))
    assert beats(claims, mine, Clock(lambda: shop.claims().renew(mine, heartbeat="later")))


def test_a_run_whose_heart_stopped_may_be_taken_over(shop):
    """Its last beat may lie in the future of our clock."""
    clock = Clock()
    before = clock.now()
    assert not beats(shop.claims(), taken(shop, "2999-01-01T00:00:00Z"), clock)
    assert clock.now() - before >= timedelta(seconds=STILL)


def test_a_claim_given_back_meanwhile_is_nobodys(shop):
    """There is nothing left to take."""
    mine = taken(shop, "now")
    assert not beats(shop.claims(), mine, Clock(lambda: shop.claims().release(mine)))


def test_a_beat_under_way_never_brings_back_what_is_given_back(shop):
    """Renewed at the very moment of the release, the claim is gone all the same, every time."""
    for number in range(8):
        claims, ticks = shop.claims(), []
        held = HeldClaim(
            claims,
            background=shop.claims(),
            service=f"s{number}",
            owner="Ada",
            run="r1",
            machine="m1",
            now=lambda: "now",
            pause=lambda seconds, ticks=ticks: ticks.append(seconds) or time.sleep(seconds),
        )
        held.take("checkout answers 500")
        held.keep_alive()
        time.sleep(number * 0.01)

        held.release()

        assert claims.read(f"s{number}") is None
        time.sleep(0.05)
        assert claims.read(f"s{number}") is None

"""Says which part of the killing is done today, and sees that nothing is left of it."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from durability.floor import FAILED, close_shared


@pytest.fixture(scope="session", autouse=True)
def the_floor_is_left_empty() -> Iterator[None]:
    """Nothing that was started here goes on when the tests have ended."""
    yield
    assert close_shared() == []


def pytest_report_header() -> str:
    """Name what repeats today's selection tomorrow."""
    if os.environ.get("PITSTOP_KILL_ALL"):
        return "killed: before, inside and after every step"
    tenth = int(os.environ.get("PITSTOP_KILL_TENTH") or datetime.now(UTC).toordinal()) % 10
    return f"killed: the vital steps, a quarter of their acts, a tenth of the others, again: PITSTOP_KILL_TENTH={tenth}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Let a fixture know that its test failed: what it shares with the next one is spoiled."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report

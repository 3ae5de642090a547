"""What tests of several folders share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

import postgres

# Tests are not timed: on a loaded machine anything may take a second.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def a_postgres() -> Iterator[postgres.Postgres]:
    """A running Postgres; where none can be started, the tests that need one say why."""
    try:
        with postgres.server() as found:
            yield found
    except postgres.CannotStart as why:
        pytest.skip(f"Postgres cannot be started here: {why}")

"""Users' requests as they are read from the proxy's access log."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pitstop.adapters.telemetry import formats
from pitstop.adapters.telemetry.access_log import AccessLog
from pitstop.gate import Interval
from pitstop.ports import CannotTell, Telemetry

BEGAN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def a_line(second: float, status: int = 200, ms: int = 0, **other: Any) -> str:
    """Return a line of a request that began so many seconds after ``BEGAN``."""
    usual = {
        "method": "GET",
        "path": "/",
        "deployment": "d1",
        "upstream": "127.0.0.1:1",
        "flags": None,
    }
    at = f"{BEGAN.timestamp() + second:.6f}"
    return json.dumps({"at": at, "status": status, "ms": ms} | usual | other) + "\n"


def a_log(tmp_path: Path, *lines: str, name: str = "access.log") -> Callable[[], list[Path]]:
    (tmp_path / name).write_text("".join(lines))
    return lambda: [tmp_path / name]


def heard(
    log: Callable[[], list[Path]], since: float, until: float, deployment: str | None = None
) -> list[Interval]:
    telemetry: Telemetry = AccessLog(log)
    found = telemetry.intervals(
        BEGAN + timedelta(seconds=since), BEGAN + timedelta(seconds=until), deployment
    )
    return [Interval(o.at, o.requests, o.errors, tuple(o.latencies_ms)) for o in found]


def test_requests_are_counted_by_the_second(tmp_path: Path) -> None:
    """Only seconds with traffic are there, with errors and latencies."""
    log = a_log(tmp_path, a_line(0.1, ms=5), a_line(0.9, 503, ms=7), a_line(3.5, 404, ms=1))

    expected = [Interval(0.0, 2, 1, (5.0, 7.0)), Interval(3.0, 1, 0, (1.0,))]
    assert expected == heard(log, 0, 10)


def test_a_request_counts_in_the_second_in_which_it_was_answered(tmp_path: Path) -> None:
    """So a second that is over never changes."""
    log = a_log(tmp_path, a_line(0.5, ms=2_000))

    assert heard(log, 0, 2) == []
    assert [Interval(2.0, 1, 0, (2000.0,))] == heard(log, 0, 3)


def test_the_end_of_the_window_belongs_to_the_next_one(tmp_path: Path) -> None:
    """Windows side by side count every request once."""
    log = a_log(tmp_path, a_line(1.0), a_line(2.0), a_line(3.0))

    assert [len(heard(log, 1, 2)), len(heard(log, 2, 3))] == [1, 1]


def test_requests_of_one_deployment_can_be_asked_for(tmp_path: Path) -> None:
    """The others are left out."""
    log = a_log(
        tmp_path, a_line(1, 500), a_line(1.1, deployment="d2"), a_line(1.2, deployment=None)
    )

    assert [Interval(1.0, 1, 0, (0.0,))] == heard(log, 0, 9, "d2")
    assert heard(log, 0, 9)[0].requests == 3


def test_users_who_went_away_without_an_answer_are_nobodys_error(tmp_path: Path) -> None:
    """Code 0 is left out; who hangs up on the answer was answered, as the code says."""
    log = a_log(
        tmp_path,
        a_line(1, 0, flags="DC"),
        a_line(1, 0),
        a_line(1, 500, flags="DC"),
        a_line(1, 200, flags="DC"),
        a_line(1, 503, flags="URX,UF"),
    )

    assert [(each.requests, each.errors) for each in heard(log, 0, 9)] == [(3, 2)]


@pytest.mark.parametrize("torn", ['{"at": "17', "\n", "null\n", '{"at": "x"}\n', "[1]\n", "\0\0\0"])
def test_a_torn_line_does_no_harm(tmp_path: Path, torn: str) -> None:
    """The lines around it are read."""
    log = a_log(tmp_path, a_line(1), torn if torn.endswith("\n") else "", a_line(2), torn)

    assert sum(each.requests for each in heard(log, 0, 9)) == 2


def test_rotated_files_are_read_too(tmp_path: Path) -> None:
    """Oldest first, as they were written."""
    a_log(tmp_path, a_line(1), name="access.log.1")
    a_log(tmp_path, a_line(2))

    found = heard(lambda: [tmp_path / "access.log.1", tmp_path / "access.log"], 0, 9)

    assert [each.at for each in found] == [1.0, 2.0]


def test_a_rotation_while_reading_loses_nothing(tmp_path: Path) -> None:
    """The files are opened again when their names moved meanwhile."""
    a_log(tmp_path, a_line(1))
    calls = []

    def paths() -> list[Path]:
        calls.append(1)
        if len(calls) == 2:
            (tmp_path / "access.log").rename(tmp_path / "access.log.1")
            a_log(tmp_path, a_line(2))
        names = ["access.log.1", "access.log"] if len(calls) >= 2 else ["access.log"]
        return [tmp_path / name for name in names]

    assert sum(each.requests for each in heard(paths, 0, 9)) == 2


def test_no_log_is_not_no_traffic(tmp_path: Path) -> None:
    """An empty log says that nothing was heard; a missing one says nothing."""
    assert heard(a_log(tmp_path), 0, 9) == []
    for paths in ([], [tmp_path / "missing"]):
        with pytest.raises(CannotTell, match="pitstop local up"):
            heard(lambda paths=paths: paths, 0, 9)  # type: ignore[misc]


def test_a_window_in_a_large_log_is_found_without_reading_the_rest(
    tmp_path: Path,
) -> None:
    """100 000 requests, and ten seconds of them: exactly those, and few others are looked at."""
    log = a_log(tmp_path, *(a_line(number / 100, ms=3) for number in range(100_000)))
    looked = []
    counting = AccessLog(log, lambda raw: looked.append(1) or formats.pitstop(raw))

    found = counting.intervals(BEGAN + timedelta(seconds=500), BEGAN + timedelta(seconds=510))

    assert [each.requests for each in found] == [100] * 10
    assert len(looked) < 3_000
    assert sum(each.requests for each in heard(log, 0, 2_000)) == 100_000


def test_every_window_agrees_with_a_plain_count(tmp_path: Path) -> None:
    """Halving never skips a line, wherever the window begins."""
    ends = [number / 7 for number in range(5_000)]
    log = a_log(tmp_path, *(a_line(end) for end in ends))

    for since in range(0, 700, 37):
        expected = sum(since <= round(end, 6) < since + 20 for end in ends)
        assert expected == sum(each.requests for each in heard(log, since, since + 20))

"""Recorded traffic: what is read, what is left out and said, and what is no traffic at all."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pitstop.adapters.telemetry import recorded


def read(folder: Path, text: str | bytes) -> recorded.Recorded:
    """Read what a file would hold."""
    file = folder / "traffic"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return recorded.read(file)


def lines(*requests: tuple[object, object, object]) -> str:
    """Return JSON lines of (at, status, ms)."""
    keys = ("at", "status", "ms")
    return "".join(json.dumps(dict(zip(keys, one, strict=True))) + "\n" for one in requests)


def test_seconds_come_in_order_whatever_order_the_lines_have(tmp_path):
    """Errors are what the server says of itself."""
    found = read(tmp_path, lines((12.7, 200, 5), (11.2, 503, 7), (12.1, 404, 3)))
    first, second = found.intervals
    assert [first.at, first.requests, first.errors, list(first.latencies_ms)] == [11.0, 1, 1, [7.0]]
    assert [second.at, second.requests, second.errors] == [12.0, 2, 0]
    assert second.statuses == {200: 1, 404: 1}
    assert +found.left_out == {}


def test_csv_packed_files_and_written_times_say_the_same(tmp_path):
    """As other programs export them: a byte order mark, another order, more columns, Windows' ends."""
    plain = read(tmp_path, lines((1700000000.25, 200, 5), (1700000001, 500, 7)))
    rows = "\ufeffms,at,path,status\r\n5,1700000000.25,/a,200\r\n7,2023-11-14T22:13:21Z,/,500\r\n"
    assert read(tmp_path, rows).intervals == plain.intervals
    assert read(tmp_path, gzip.compress(rows.encode())).intervals == plain.intervals


def test_what_makes_no_sense_is_left_out_and_counted(tmp_path):
    """A request whose duration is nonsense is still a request."""
    odd = ((1, 200, -5), (1, 200, "NaN"), (1, 200, 1e400), (1, 7, 1), (float("nan"), 200, 1))
    text = lines((1, 200, 9), (1, 200, None), (1, 500, 8), *odd) + '{"at": 2, "sta'
    found = read(tmp_path, text)
    [one] = found.intervals
    assert [one.requests, one.errors, list(one.latencies_ms)] == [6, 1, [9.0, 8.0]]
    assert found.left_out[recorded.NO_LATENCY] == 3
    assert found.left_out[recorded.NO_REQUEST] == 3


def test_a_time_without_a_status_is_silence_and_no_request(tmp_path):
    """Nothing but *no data* is a file in which nothing was heard, as is one without a line."""
    found = read(tmp_path, lines((5, None, None), (6, float("nan"), 1), (8, 200, 1)))
    assert [(one.at, one.requests) for one in found.intervals] == [(5.0, 0), (6.0, 0), (8.0, 1)]
    assert read(tmp_path, "at,status,ms\n5,,\n6,NaN,NaN\n").intervals == found.intervals[:2]
    for nothing in ("", "\n\n", "at,status,ms\n"):
        assert read(tmp_path, nothing).intervals == []


def test_a_clock_gone_astray_moves_no_deploy(tmp_path):
    """One line from 1970 is not the first second of the release."""
    found = read(tmp_path, lines((0, 200, 1), *((1.7e9 + n, 200, 1) for n in range(9))))
    assert found.intervals[0].at == 1.7e9
    assert found.left_out[recorded.ASTRAY] == 1


def test_a_packed_file_that_is_cut_off_is_read_up_to_the_cut(tmp_path):
    """And that is said."""
    whole = gzip.compress(lines(*((n, 200, n * 7 % 13) for n in range(5000))).encode())
    found = read(tmp_path, whole[: len(whole) // 2])
    assert 0 < len(found.intervals) < 5000
    assert found.left_out[recorded.CUT_OFF] == 1


@pytest.mark.parametrize(
    "text",
    [
        "time,code\n1,200\n",
        lines((1, "ok", 3)),
        '{"ts": 1, "status": 200}\n',
        b"\x00\xff\xfe",
        "[]",
    ],
)
def test_what_is_no_traffic_is_said_with_what_it_should_be_like(tmp_path, text):
    """A wrong mapping is no silence."""
    with pytest.raises(recorded.Unreadable, match='"status": 200'):
        read(tmp_path, text)


def test_a_folder_and_a_missing_file_are_unreadable(tmp_path):
    """With the system's own words."""
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(recorded.Unreadable, match="cannot be read"):
            recorded.read(path)


_ANY = st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=9))
_ROW = st.fixed_dictionaries({}, optional=dict.fromkeys(("at", "status", "ms", "client"), _ANY))


@settings(max_examples=150, deadline=None)
@given(st.lists(_ROW | _ANY, max_size=8))
def test_whatever_lines_hold_is_read_or_refused_in_words(tmp_path_factory, rows):
    """What comes out is always in order and counts only what can be."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    try:
        found = read(tmp_path_factory.mktemp("any"), text)
    except recorded.Unreadable as wrong:
        assert str(wrong)
        return
    times = [one.at for one in found.intervals]
    assert times == sorted(set(times))
    for one in found.intervals:
        assert 0 <= one.errors <= one.requests
        assert all(0 <= ms < float("inf") for ms in one.latencies_ms)

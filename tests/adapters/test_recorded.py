"""Recorded traffic is read as it is: what makes no sense is counted, what is no traffic is said."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitstop.adapters.telemetry.recorded import Unreadable, read


def test_seconds_come_in_order_though_lines_do_not_quite(tmp_path):
    """Several seconds of disorder; older than that is left out, and counted."""
    rows = [(12.5, 200), (10.2, 500), (11.0, 200), (10.9, 200), (30.0, 200), (12.0, 200)]
    file = tmp_path / "a.jsonl"
    file.write_text("".join(f'{{"at": {at}, "status": {s}, "ms": 5}}\n' for at, s in rows))
    found = read(file)
    assert [(one.at, one.requests, one.errors) for one in found] == [
        (10.0, 2, 1),
        (11.0, 1, 0),
        (12.0, 1, 0),
        (30.0, 1, 0),
    ]
    assert dict(found.left_out) == {"more than 5 s out of order": 1}


def test_what_makes_no_sense_is_counted_by_its_reason(tmp_path):
    """Half lines, no numbers, times that cannot be; a request whose duration cannot be may have failed."""
    file = tmp_path / "a.csv"
    rows = [
        "1,200,5",
        "2,200",
        "x,200,5",
        "3,504,-1",
        "4,200,nan",
        "4,200,",
        "9e12,200,5",
        "nan,200,5",
        "5,99,5",
        "6,200,1e9",
    ]
    file.write_text("at,status,ms\n" + "\n".join(rows) + "\n")
    found = read(file)
    heard = [(one.at, one.requests, one.errors, list(one.latencies_ms)) for one in found]
    assert heard == [(1.0, 1, 0, [5.0]), (3.0, 1, 1, []), (4.0, 2, 0, []), (6.0, 1, 0, [])]
    assert dict(found.left_out) == {
        "not a whole line of {at, status, ms}": 1,
        "no number where one belongs": 1,
        "a duration that cannot be": 3,
        "a time or a status that cannot be": 2,
        "a clock gone astray": 1,
    }


@given(st.binary(max_size=300))
def test_whatever_the_file_holds_it_is_traffic_or_said_to_be_none(tmp_path_factory, data):
    """Nothing else comes out."""
    file = tmp_path_factory.mktemp("r") / "x"
    file.write_bytes(data)
    try:
        assert all(one.requests > 0 for one in read(file))
    except Unreadable as no:
        assert str(file) in str(no)


def test_a_packed_file_is_read_and_a_torn_one_is_said(tmp_path):
    """Half of it is not taken for the whole."""
    import gzip

    line = json.dumps({"at": 1, "status": 200, "ms": 5}) + "\n"
    whole = gzip.compress((line * 5000).encode())
    (tmp_path / "a.gz").write_bytes(whole)
    assert sum(one.requests for one in read(tmp_path / "a.gz")) == 5000
    (tmp_path / "a.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Unreadable, match=r"a\.gz"):
        list(read(tmp_path / "a.gz"))

"""Lines are durable, chained, and never doubled."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from pitstop.journal.chain import broken_at, link
from pitstop.journal.store import Journal, JournalError, read

BY = "a <a@x>"
json_data = st.dictionaries(
    st.text(max_size=5),
    st.one_of(st.none(), st.booleans(), st.integers(-(2**50), 2**50), st.text(max_size=20)),
    max_size=4,
)


@pytest.fixture
def path(tmp_path):
    """A file for a journal, in a folder with a hostile name."""
    folder = tmp_path / "a?b#c %41 ü"
    folder.mkdir()
    return str(folder / "run.db")


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(json_data, min_size=1, max_size=6))
def test_any_lines_chain_and_verify(datas):
    """seq counts from 1, the first prev is null, every hash is the canonical one."""
    journal = Journal(":memory:", "run", create=True)
    for data in datas:
        journal.append("note", data, by=BY)
    lines = journal.lines()
    assert [line["seq"] for line in lines] == list(range(1, len(datas) + 1))
    assert lines[0]["prev"] is None
    assert broken_at(lines) is None
    assert [line["data"] for line in lines] == datas


def test_a_changed_a_missing_and_a_shortened_line_are_seen(path):
    """Changed and missing by the chain; a shortened journal by the head in the tag."""
    journal = Journal(path, "run", create=True)
    for number in range(4):
        journal.append("note", {"n": number}, by=BY)
    lines = journal.lines()
    changed = [dict(line) for line in lines]
    changed[1]["data"] = {"n": 7}
    assert broken_at(changed)[0] == 2
    assert broken_at(lines[:1] + lines[2:])[0] == 2
    forged = [dict(line) for line in lines]
    forged[1]["data"] = {"n": 7}
    forged[1]["hash"] = link(forged[1])
    assert broken_at(forged)[0] == 3
    journal.close()


def test_the_hash_is_sha256_over_canonical_json(path):
    """As outside checks compute it."""
    import hashlib

    journal = Journal(path, "run", create=True)
    line, _ = journal.append("note", {"b": 1, "a": "ü"}, by=BY)
    rest = {k: v for k, v in line.items() if k != "hash"}
    assert line["hash"] == hashlib.sha256(rfc8785.dumps(rest)).hexdigest()
    journal.close()


def test_what_may_stand_once_stands_once_also_between_processes(path):
    """The second writer gets the line that is there."""
    one, two = Journal(path, "run", create=True), Journal(path, "run")
    first, new = one.append("finished", {"value": 1}, by=BY, once="finished:x")
    second, again = two.append("finished", {"value": 2}, by=BY, once="finished:x")
    assert [new, again] == [True, False]
    assert first == second
    one.close()
    two.close()


def test_many_writers_lose_nothing(path):
    """Every line is there, and the chain holds."""
    journals = [Journal(path, "run", create=True) for _ in range(4)]

    def write(journal):
        for number in range(25):
            journal.append("note", {"n": number}, by=BY)

    threads = [threading.Thread(target=write, args=(journal,)) for journal in journals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = read(path)
    assert len(lines) == 100
    assert broken_at(lines) is None
    for journal in journals:
        journal.close()


def test_time_never_runs_backwards_in_a_journal(path):
    """A clock that jumps back leaves the order of times whole."""
    journal = Journal(path, "run", create=True)
    now = datetime(2026, 1, 2, tzinfo=UTC)
    journal.append("note", {}, by=BY, at=now)
    line, _ = journal.append("note", {}, by=BY, at=now - timedelta(hours=1))
    assert line["at"] == "2026-01-02T00:00:00.000Z"
    journal.close()


def test_garbage_and_absence_are_said_in_one_sentence(path, tmp_path):
    """Never a stack trace of somebody else's."""
    with pytest.raises(JournalError, match="cannot be used"):
        read(str(tmp_path / "nowhere.db"))
    with open(path, "wb") as file:
        file.write(b"garbage" * 1000)
    with pytest.raises(JournalError, match="not a database"):
        read(path)
    with pytest.raises(JournalError):
        Journal(path, "run")

"""What the team's commands print, read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitstop.adapters.platforms.shell import answers
from pitstop.adapters.platforms.shell.answers import Answer

GARBAGE = [
    "",
    "  \n\n",
    "v12",
    "Error: not logged in",
    "<html>503</html>",
    "v12 not-hexadecimal",
    "v12 abc1234 yesterday",
    "{",
    "{}",
    '{"id": "v12"}',
    '{"id": "", "commit": "abc1234"}',
    '{"id": ["v12"], "commit": "abc1234"}',
    '{"id": "v12", "commit": "abc1234", "at": "noon"}',
    '{"id": "v12", "commit": "abc1234", "healthy": "yes"}',
    '{"id": "v\\u001b[2J", "commit": "abc1234"}',
    "x" * 300 + " abc1234",
]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("v12 ABC1234", Answer("v12", "abc1234")),
        ("warming up\nv12\tabc1234  \n\n", Answer("v12", "abc1234")),
        (
            "v12 abc1234 2026-01-02T05:04:05+02:00",
            Answer("v12", "abc1234", "2026-01-02T03:04:05Z"),
        ),
        ("v12 abc1234 2026-01-02 03:04:05", Answer("v12", "abc1234", "2026-01-02T03:04:05Z")),
        ('{"id": 12, "commit": "abc1234", "extra": 1}', Answer("12", "abc1234")),
        ('{\n "id": "v12",\n "commit": "abc1234"\n}\n', Answer("v12", "abc1234")),
        ('done\n{"id": "v12", "commit": "abc1234", "healthy": true}\nbye', None),
        ("none", None),
        ("null\n", None),
    ],
)
def test_words_and_json_are_read(said: str, expected: Answer | None) -> None:
    """The last line that says it counts; times become UTC."""
    if "bye" in said:
        expected = Answer("v12", "abc1234", healthy=True)
    assert answers.one(said) == expected


@pytest.mark.parametrize("said", GARBAGE)
def test_what_does_not_say_it_is_no_answer(said: str) -> None:
    """Silence and noise are never read as a deployment, nor as none."""
    with pytest.raises(ValueError, match=r"\w"):
        answers.one(said)


def test_a_list_is_lines_or_an_array() -> None:
    """Newest first, as the platform gives it."""
    both = [Answer("b", "abcd2"), Answer("a", "abcd1")]
    objects = [{"id": each.id, "commit": each.commit} for each in both]

    assert answers.many("b abcd2\n\na abcd1\n") == both
    assert answers.many(json.dumps(objects, indent=1)) == both
    assert answers.many("\n".join(json.dumps(each) for each in objects)) == both
    assert answers.many("") == answers.many("[]") == []
    for garbage in ("b abcd2\nError: rate limit", "[1]", '{"id": "b"}', '{"id', "[" * 99999):
        with pytest.raises(ValueError, match=r"\w"):
            answers.many(garbage)


def test_a_candidate_has_an_id_and_an_address() -> None:
    """Without an address nothing can be tried on it."""
    assert answers.candidate("up\nd2 http://localhost:1/x\n") == ("d2", "http://localhost:1/x")
    assert answers.candidate('{"id": 2, "url": "https://two"}') == ("2", "https://two")
    for garbage in ("", "d2", "d2 localhost", '{"id": 2}'):
        with pytest.raises(ValueError, match=r"\w"):
            answers.candidate(garbage)


@given(st.text(max_size=60))
def test_whatever_is_printed_never_breaks_the_reader(said: str) -> None:
    """An answer, or half a sentence that can be printed."""
    for read in (answers.one, answers.many, answers.candidate):
        try:
            read(said)
        except ValueError as odd:
            assert str(odd).isprintable()

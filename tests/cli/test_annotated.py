"""The writer of pitstop.toml: whatever was seen, the file loads and says it back."""

from __future__ import annotations

import tomllib

from hypothesis import example, given
from hypothesis import strategies as st

from pitstop import bootstrap
from pitstop.cli import annotated
from pitstop.cli.detect.facts import Database, Fact, Found, may_hold_secret

TEXT = st.text(min_size=1, max_size=200)
FACT = st.builds(Fact, TEXT, TEXT, TEXT)
FACTS = st.lists(FACT, max_size=2).map(tuple)


@given(start=FACTS, where=TEXT, database=st.builds(Database, st.just("sqlite"), TEXT, file=TEXT))
@example(
    (Fact('a "b" \\ \x7f \U0001f6a8 # c', "\n[x]"),), "\r\n\u2028a\tb", Database("sqlite", "\n")
)
def test_whatever_was_seen_the_file_loads(start, where, database):
    """Quotes, line ends, signs that no comment can hold, halves of signs."""
    seen = Fact("/health", where, where)
    found = Found(
        name="shop",
        main=Fact("main", where),
        remote=Fact("origin", where),
        start=start,
        build=start,
        health=(seen,),
        listen=(Fact("127.0.0.1:1", where),),
        setup=start,
        targeted=start,
        smoke=start,
        databases=(database,),
    )

    text = annotated.text(found, with_schema=True)

    tables = tomllib.loads(text)
    bootstrap.check(tables, text)
    if start:
        as_text = start[0].value.encode(errors="replace").decode()
        assert tables["platform"]["start"] == tables["checks"]["smoke"] == as_text
    assert all(
        line.startswith("#") or len(line) <= 100 for line in text.splitlines() if "# " in line
    )


@given(st.text(max_size=80))
def test_looking_for_passwords_ends_whatever_the_text(text):
    """And an address with one in it is found wherever it stands."""
    may_hold_secret(text)
    assert may_hold_secret(f"{text} postgres://shop:hunter2@db/shop")

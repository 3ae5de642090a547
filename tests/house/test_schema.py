"""The JSON Schema says what ``bootstrap.load`` does, and what the documents say."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pitstop import bootstrap, config
from pitstop.cli import schema

ROOT = Path(__file__).parents[2]
EXAMPLE = re.search(r"```toml\n(.*?)```", (ROOT / "docs/configuration.md").read_text(), re.DOTALL)[
    1
]
WRITTEN = sorted((ROOT / "tests/cli/written").glob("*.toml"))
SCHEMA = schema.schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
LEAST = '[service]\nname = "shop"\n[platform]\nuse = "simulated"\n'
LOCAL = '[service]\nname = "shop"\n[platform]\nuse = "local"\nstart = "./serve"\n'


def tables_of(text: str) -> dict[str, Any]:
    """Return the tables of a configuration, dates as text: so editors and records see them."""
    return json.loads(json.dumps(tomllib.loads(text), default=lambda day: day.isoformat()))


def loads(text: str) -> bool:
    """Return whether pitstop takes a configuration."""
    try:
        bootstrap.check(tables_of(text), text)
    except config.ConfigurationError:
        return False
    return True


def fits(text: str) -> bool:
    """Return whether the schema takes it."""
    return VALIDATOR.is_valid(tables_of(text))


def keys(
    part: dict[str, Any], table: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every key that the schema knows, with its table and its description."""
    if "$ref" in part:
        part = SCHEMA["$defs"][part["$ref"].rpartition("/")[2]]
    for one in part.get("oneOf", ()):
        yield from keys(one, table)
    for name, below in part.get("properties", {}).items():
        inner = {**below, **below.get("items", {})}
        named = inner.get("$ref", "").rpartition("/")[2]
        mapped = inner.get("additionalProperties", False)
        leaf = named in ("Secret", "Plugin") or ("description" in below and mapped and table)
        if inner.keys() & {"$ref", "oneOf", "additionalProperties"} and not (
            leaf or _choice(inner)
        ):
            yield from keys(inner, (*table, name))
        else:
            yield (*table, name), below.get("description", "")
    if isinstance(part.get("additionalProperties"), dict):
        yield from keys(part["additionalProperties"], (*table, "team"))


def _choice(part: dict[str, Any]) -> bool:
    """Return whether a key takes text or a secret, rather than being a table of its own."""
    kinds = part.get("anyOf") or part.get("oneOf") or []
    return any(kind.get("$ref", "").endswith("/Secret") for kind in kinds)


def of_the_example() -> dict[str, Any]:
    """Return the schema with the kinds of tables that the annotated example shows."""
    tables, shown_kinds = tomllib.loads(EXAMPLE), copy.deepcopy(SCHEMA)
    for table in bootstrap.providers():
        kinds = shown_kinds["properties"][table]["oneOf"]
        kinds[:] = [
            one for one in kinds if one["properties"]["use"]["const"] == tables[table]["use"]
        ]
    return shown_kinds


def shown() -> dict[tuple[str, ...], str]:
    """Return the comment beside each key of the annotated example."""
    found, table = {}, ()
    for line in EXAMPLE.splitlines():
        if header := re.match(r"\[\[?([\w.]+)\]", line):
            table = tuple(header[1].split("."))
        elif key := re.match(r"(\w+) = ", line):
            found[*table, key[1]] = line.rpartition("#")[2].strip() if "  #" in line else ""
    return found


def test_it_is_a_schema_and_what_is_printed_is_it():
    """Of the draft that it names; for editors, without a repository."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    done = subprocess.run(
        [sys.executable, "-m", "pitstop", "init", "--schema"], cwd="/", capture_output=True
    )
    assert (done.returncode, json.loads(done.stdout)) == (0, SCHEMA)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_what_init_writes_fits(path):
    """And so does the annotated example."""
    assert (fits(path.read_text()), fits(EXAMPLE)) == (True, True)


def test_every_key_is_described_as_in_the_annotated_example():
    """One wording: the text below the key in the source, which the comment beside it repeats."""
    assert [key for key, said in keys(SCHEMA) if not said] == []
    comments, described = shown(), dict(keys(of_the_example()))
    assert set(comments) - set(described) == set()
    odd = [key for key, said in comments.items() if described[key] not in said and key[-1] != "use"]
    assert odd == []
    for table, kinds in bootstrap.providers().items():
        assert [use for use in kinds if use not in comments[table, "use"]] == []


def test_every_key_stands_in_the_annotated_example():
    """Of the kinds of tables that it shows; the others have pages of their own."""
    missing = dict(keys(of_the_example())).keys() - shown().keys()
    assert missing == {("audiences", "team", "plugin"), ("telemetry", "memory", "cgroup")}


def test_defaults_are_written_as_they_are_typed():
    """An editor that fills one in writes what loads."""
    gate = SCHEMA["$defs"]["Gate"]["properties"]
    assert {name: one["default"] for name, one in gate.items() if "default" in one} == {
        "baseline": "30m",
        "warmup": "30s",
        "soak": "30s",
        "deadline": "10m",
        "min_requests": 50,
        "acceptable_ms": 25,
        "unacceptable_ms": 50,
        "memory_block": "20s",
        "canary": False,
    }
    assert "null" not in schema.text()


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (LEAST, True),
        (LOCAL, True),
        (EXAMPLE, True),
        (LOCAL.replace('start = "./serve"', ""), False),
        (LOCAL.replace("./serve", ""), False),
        (LEAST + 'start = "./serve"', False),
        (LEAST.replace("simulated", "lokal"), False),
        (LEAST.replace('use = "simulated"', ""), False),
        (LEAST.replace('name = "shop"', ""), False),
        ('[platform]\nuse = "simulated"', False),
        ('[service]\nname = "shop"', False),
        ("", False),
        (LEAST + "[hue]\na = 1", False),
        ("hue = 1\n" + LEAST, False),
        (LEAST.replace("[platform]", "hue = 1\n[platform]"), False),
        (LEAST.replace('"shop"', "7"), False),
        (LEAST + "[checks]\nsmoke = 1", False),
        (LEAST + "[checks]\nsmoke = ['make']", False),
        (LEAST + "[checks]\nsmoke = 'make'\nwithin = '90s'", True),
        (LEAST + "[checks]\nwithin = 90", False),
        (LEAST + "[checks]\nwithin = 1979-05-27", False),
        (LEAST + "[approval]\nrequired = 'no'", False),
        (LEAST + "[approval]\nrequired = false\nwithin = ' 1.5 h '", True),
        (LEAST + "[approval]\nescalate_to = []", True),
        (LEAST + "[approval]\nescalate_to = 'team'", False),
        (LEAST + "[approval]\nescalate_to = ['team']\n[audiences.team]", True),
        (LEAST + "[gate]\nmin_requests = 0", False),
        (LEAST + "[gate]\nmin_requests = 1", True),
        (LEAST + "[gate]\nmin_requests = true", False),
        (LEAST + "[gate]\nmin_requests = '1'", False),
        (LEAST + "[gate]\nsoak = '99999999999999999999d'", False),
        ("gate = 1\n" + LEAST, False),
        ("audiences = []\n" + LEAST, False),
        (LEAST + "[audiences.team]", True),
        (LEAST + "[audiences]\nteam = 'x'", False),
        (LEAST + "[audiences.team]\nwebhook = 'http://127.0.0.1/x'", True),
        (LEAST + "[audiences.team]\nwebhook = { env = 'HOOK' }", True),
        (LEAST + "[audiences.team]\nwebhook = { env = 'HOOK', value = 'x' }", False),
        (LEAST + "[audiences.team]\nwebhook = { }", False),
        (LEAST + "[audiences.team]\nwebhook = 7", False),
        (LOCAL + "keep = 1", False),
        (LOCAL + "keep = 100\nlisten = '[::1]:80'\nhealth = '/a?b=c'\ndrain = '0s'", True),
        (LOCAL + "health = 'health'", False),
        (LOCAL + "health = '/a b'", False),
        (LOCAL + "listen = '127.0.0.1'", False),
        (LOCAL + "listen = ':80'", False),
        (LOCAL + "listen = 'x:0'", False),
        (LOCAL + "listen = 'x:65535'", True),
        (LOCAL + "listen = 'x:65536'", False),
    ],
)
def test_the_schema_takes_what_pitstop_takes(text, good):
    """And refuses what it refuses."""
    assert (loads(text), fits(text)) == (good, good)


SAID = st.text(st.sampled_from("0123456789.smhd :/-_ab[]"), max_size=8)


def quoted(text: str) -> str:
    """Return a text as TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


@given(SAID | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6))
@example("a.lock")
@example("a.lock/b")
@example("٣s")
@example("x" * 101)
@example("99999999.99999999d")
@example("x:00065535")
@example("x:٣")
def test_they_agree_on_any_text_there_may_be(text):
    """For durations, names, branches, addresses and paths alike."""
    for rows in (
        f"{LEAST}[gate]\nsoak = {quoted(text)}",
        LEAST.replace('"shop"', quoted(text)),
        LEAST.replace("[platform]", f"main = {quoted(text)}\n[platform]"),
        f"{LOCAL}listen = {quoted(text)}",
        f"{LOCAL}health = {quoted(text)}",
    ):
        assert fits(rows) == loads(rows), rows

"""Every request that is sent to Railway is one that Railway's own published description accepts."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import graphql
import pytest

from pitstop.adapters.platforms.railway import documents, statuses
from pitstop.testing.railway import graph

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT.parent / "shared" / "railway" / "schema.graphql"
OPERATIONS = [
    name for name in documents.names() if not documents.document(name).startswith("fragment")
]
OURS = graph.schema()


@pytest.fixture(scope="module")
def published() -> graphql.GraphQLSchema:
    """Railway's whole schema, where it lies beside the checkout."""
    if not PUBLISHED.exists():
        pytest.skip("Railway's published schema is not beside this checkout (../shared/railway)")
    # one type of theirs deprecates a field that its interface does not: not our matter
    return graphql.build_schema(PUBLISHED.read_text(), assume_valid=True)


def problems(schema: graphql.GraphQLSchema, name: str) -> list[str]:
    """Return what a schema says against an operation."""
    document = graphql.parse(documents.document(name))
    deprecated = [graphql.NoDeprecatedCustomRule]
    found = graphql.validate(schema, document) + graphql.validate(schema, document, deprecated)
    return [error.message for error in found]


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_double_understands_every_operation(name):
    """Each stands in a file of its name, and is sent somewhere."""
    assert problems(OURS, name) == []
    parsed = graphql.parse(documents.document(name))
    [operation] = [
        one for one in parsed.definitions if isinstance(one, graphql.OperationDefinitionNode)
    ]
    assert operation.name.value == name
    folder = ROOT / "src/pitstop/adapters/platforms/railway"
    assert any(f'"{name}"' in path.read_text() for path in folder.glob("*.py"))


def test_railway_accepts_every_operation(published):
    """Against the whole published schema: no error, and nothing that is going away."""
    wrong = {name: found for name in OPERATIONS if (found := problems(published, name))}
    assert (wrong, len(OPERATIONS) > 20) == ({}, True)


def test_an_operation_that_railway_does_not_have_is_found_out(published):
    """This test can fail: two pages of Railway's documentation select fields of a Boolean."""
    wrong = graphql.parse('mutation { deploymentRollback(id: "x") { id status } }')
    assert graphql.validate(published, wrong)


def test_the_double_s_schema_is_a_part_of_the_published_one(published):
    """Each type, field, argument and value of it, with the same types and nothing required left out."""
    found = list(itertools.chain.from_iterable(_odd(kind, published) for kind in _kinds(OURS)))
    assert found == []


def test_the_thirteen_statuses_are_those_of_the_schema(published):
    """And each has a meaning here."""
    theirs = set(published.type_map["DeploymentStatus"].values)
    assert set(statuses.MEANING) == theirs
    assert len(theirs) == 13


def test_no_graphql_stands_anywhere_else():
    """One place: the .graphql files; no string of the code holds an operation."""
    pattern = re.compile(r"\b(query|mutation|subscription)\s+\w*\s*[({]")
    folder = ROOT / "src/pitstop/adapters"
    assert [path.name for path in folder.rglob("*.py") if pattern.search(path.read_text())] == []


def _kinds(schema: graphql.GraphQLSchema) -> list[Any]:
    return [kind for name, kind in schema.type_map.items() if not name.startswith("__")]


def _odd(kind: Any, published: graphql.GraphQLSchema) -> list[str]:
    theirs = published.type_map.get(kind.name)
    if type(theirs) is not type(kind):
        return [kind.name]
    if isinstance(kind, graphql.GraphQLEnumType):
        return [f"{kind.name}.{value}" for value in kind.values if value not in theirs.values]
    odd = []
    for name, field in getattr(kind, "fields", {}).items():
        other = theirs.fields.get(name)
        if other is None or str(other.type) != str(field.type):
            odd.append(f"{kind.name}.{name}")
            continue
        here, there = getattr(field, "args", {}), getattr(other, "args", {})
        odd += [
            f"{kind.name}.{name}({each})"
            for each in here.keys() | there.keys()
            if (
                each in here
                and (each not in there or str(here[each].type) != str(there[each].type))
            )
            or (each not in here and graphql.is_required_argument(there[each]))
        ]
    return odd

"""What arguments hold is counted before it is coerced, and bounded for the operation as a whole."""

import hashlib
import json
from typing import Any

import orjson
import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLScalarType, parse_type
from graphql.utilities import type_from_ast

from schema.built import GRAPHQL
from schema.errors import RequestRefused
from schema.execution.documents import Documents
from schema.execution.variables import Variables
from schema.limits.input_size import InputSize, measure_of
from schema.limits.limits import LIMITS
from server.demo import registry
from tests.support.services.api import running

OBJECTS, VALUES = LIMITS.input_objects, LIMITS.input_values
BODY = 100_000


def size(type_name, value):
    size = InputSize()
    type_: Any = type_from_ast(GRAPHQL, parse_type(type_name))
    measure_of(type_)(value, size)
    return size.objects, size.values


@pytest.mark.parametrize(
    ("type_name", "value", "objects", "values"),
    [
        ("Int", 1, 0, 1),
        ("Int", [1, 2, 3], 0, 1),
        ("[Int!]!", [1, 2, 3], 0, 4),
        ("[Int]", 1, 0, 1),
        ("[Int]", None, 0, 1),
        ("[[Int]]", [[], [1], [2, 3]], 0, 1 + 1 + 2 + 3),
        ("ContextFilter", {}, 1, 0),
        ("ContextFilter", "wrong", 0, 1),
        ("ContextFilter", {"nothing": {"at": ["all"]}}, 1, 1),
        ("ContextFilter", {"name": {"eq": "x", "in": ["y", "z"]}}, 2, 4),
        ("ContextFilter", {"or": [{"name": {"eq": "x"}}, {"not": {}}]}, 5, 2),
        ("ContextFilter", {"or": {"name": {"eq": "x"}}}, 3, 1),
        ("ContextFilter", {"connections": {"some": {"source": 1, "status": None}}}, 3, 2),
        ("[ContextOrder!]", [{"field": "NAME"}] * 3, 3, 4),
        ("JSON", {"a": [1, {"b": "text"}], "c": {}}, 0, 6),
        ("JSON", "text", 0, 1),
        ("OpenConnectionInput", {"source": "x", "config": {"a": [1, 2]}}, 1, 5),
    ],
)
def test_input_objects_and_other_values_are_counted_at_every_depth(
    type_name, value, objects, values
):
    assert size(type_name, value) == (objects, values)


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("[ContextFilter]", [{}] * 10 * OBJECTS),
        ("JSON", [[]] * 10 * VALUES),
        ("JSON", {"a": [{"b": []}] * 10 * VALUES}),
    ],
)
def test_counting_stops_beyond_the_limits(type_name, value):
    class Watched(list):
        looks = 0

        def __iter__(self):
            for each in super().__iter__():
                Watched.looks += 1
                yield each

    objects, values = size(type_name, Watched(value) if isinstance(value, list) else value)

    assert objects == OBJECTS + 1 or values > VALUES
    assert type_name == "JSON" or Watched.looks == OBJECTS + 2


def roots(field, times=20):
    return " ".join(f"a{n}: {field}" for n in range(times))


FILTERED = "query($v: [ConnectionFilter!]) {" + roots(
    "connections(first: 1, filter: { or: $v }) { totalCount }"
)
ONE_OF = "query($v: [String!]) {" + roots(
    "connections(first: 1, filter: { targetService: { in: $v } }) { totalCount }"
)
OPENED = "mutation($v: JSON) {" + roots(
    'openConnection(input: { source: "x", targetService: "x", config: $v }) { errors { code } }'
)
REPOSITORIES = "mutation($v: [String!]) {" + roots(
    'recordInstallation(input: { installationId: "1", accountId: "1", accountLogin: "x",'
    " accountType: USER, repositorySelection: SELECTED, selectedRepositories: $v })"
    " { errors { code } }"
)
PERMISSIONS = REPOSITORIES.replace("String", "InstallationPermissionInput").replace(
    "selectedRepositories", "permissions"
)
ORDERED = "query($v: [ConnectionOrder!]) {" + roots(
    "connections(first: 1, orderBy: $v) { totalCount }"
)
USES = "mutation($v: [RecordConnectionUseInput!]!) {" + roots(
    "recordConnectionUse(inputs: $v) { errors { code } }"
)
IDS = "query($v: [ID!]!) {" + roots("nodes(ids: $v) { id }")
IN_A_LITERAL = (
    'mutation($v: JSON) { openConnection(input: { source: "x", targetService: "x", config: {'
    + " ".join(f"a{n}: $v" for n in range(150))
    + "} }) { errors { code } }"
)
LEFT_OUT = (
    "query($v: [ContextFilter!]) { __typename"
    " contexts(filter: { or: $v }) @skip(if: true) { totalCount }"
)
# Of each kind one item, which is repeated as often as a body has room for.
KINDS = {
    "filters": (FILTERED, {"errorCount": {"eq": 1}}),
    "empty filters": (FILTERED, {}),
    "filters of nothing": (FILTERED, {"or": None}),
    "filters that are none": (FILTERED, 1),
    "strings": (ONE_OF, "a"),
    "strings that are none": (ONE_OF, 1),
    "nulls": (ONE_OF, None),
    "numbers in JSON": (OPENED, 1),
    "objects in JSON": (OPENED, {"a": {}}),
    "repositories": (REPOSITORIES, "a/b"),
    "permissions": (PERMISSIONS, {"name": "A", "access": "x"}),
    "orderings": (ORDERED, {"field": "NAME"}),
    "uses": (USES, {"connectionId": "a"}),
    "ids": (IDS, "a"),
    "variables in a literal": (IN_A_LITERAL, 1),
    "filters of a field that is left out": (LEFT_OUT, {}),
}


def as_long_as_a_body(query, item):
    room = BODY - len(json.dumps({"query": query + "}", "variables": {"v": []}}))
    return [item] * (room // (len(orjson.dumps(item)) + 1))


@pytest.fixture
def nothing_is_coerced(monkeypatch):
    """Whatever coerces a value, of a variable or a literal, fails the test."""

    def fail(*_):
        raise AssertionError("a value was coerced")

    for type_ in (GraphQLScalarType, GraphQLEnumType, GraphQLInputObjectType):
        for name in ("coerce_input_value", "parse_value", "out_type"):
            if hasattr(type_, name):
                monkeypatch.setattr(type_, name, fail)
    monkeypatch.setattr(Variables, "coerce", fail)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_body_full_of_one_kind_of_value_is_refused_before_it_is_coerced(
    tmp_path, kind, nothing_is_coerced
):
    query, item = KINDS[kind]
    sent = {"query": query + "}", "variables": {"v": as_long_as_a_body(query, item)}}
    body = orjson.dumps(sent)

    async with running(tmp_path / "registry.db") as api:
        headers = {"content-type": "application/json"}
        answer = await api.client.post("/graphql", content=body, headers=headers)

    [error] = answer.json()["errors"]
    assert 0.9 * BODY < len(body) <= BODY
    assert error["extensions"]["code"] in ("TOO_LARGE", "TOO_COSTLY")
    assert error["extensions"]["measured"] > error["extensions"]["allowed"]
    assert len(answer.content) < 300


@pytest.mark.parametrize(
    ("field", "item", "limit", "fitting"),
    [
        # Beside the items each field has an input object, or its other values, the variable and the list.
        ("filters", {}, "input_objects", OBJECTS // 20 - 1),
        ("repositories", "a/b", "input_values", VALUES // 20 - 5 - 2),
        ("strings", "a", "input_values", VALUES // 20 - 1 - 2),
    ],
)
def test_what_twenty_fields_share_counts_twenty_times(field, item, limit, fitting):
    documents = Documents(introspection=True)
    operation = documents.prepare(KINDS[field][0] + "}").operation(None)

    documents.check_cost(operation, {"v": [item] * fitting})
    with pytest.raises(RequestRefused) as refused:
        documents.check_cost(operation, {"v": [item] * (fitting + 1)})

    [error] = refused.value.formatted()
    assert error["extensions"]["limit"] == limit
    assert error["extensions"]["measured"] == getattr(LIMITS, limit) + 20
    assert error["message"].endswith(f"; {getattr(LIMITS, limit)} are allowed")


@pytest.mark.parametrize("default", ["[{}{}{}{}{}{}{}{}{}{}]", "{or: [{}{}{}{}{}{}{}{}{}]}"])
def test_the_default_of_a_variable_counts_as_one_that_is_sent(default):
    documents = Documents(introspection=True)
    query = FILTERED.replace("!])", f"!] = {default * 1})").replace(
        "filter: { or: $v }",
        "filter: { or: $v, and: $v, not: { or: $v, and: $v, not: { or: $v } } }",
    )
    operation = documents.prepare(query + "}").operation(None)

    documents.check_cost(operation, {"v": []})
    with pytest.raises(RequestRefused) as refused:
        documents.check_cost(operation, {})

    assert refused.value.formatted()[0]["extensions"]["measured"] == 20 * (3 + 5 * 10)


def test_a_document_whose_literals_hold_too_much_is_refused_when_it_is_prepared():
    documents = Documents(introspection=True)
    fragment = (
        "fragment f on Actor { contexts(filter: { or: [" + "{} " * 100 + "] }) { totalCount } }"
    )
    spread = " ".join(f"a{n}: actors(first: 1) {{ nodes {{ ...f }} }}" for n in range(20))

    with pytest.raises(RequestRefused) as refused:
        documents.prepare(f"{{ {spread} }} {fragment}")

    [error] = refused.value.formatted()
    assert error["extensions"]["limit"] == "input_objects"
    assert OBJECTS < error["extensions"]["measured"] <= 20 * 101


@pytest.mark.parametrize("compiled", [True, False])
async def test_what_the_cost_says_of_filters_is_what_was_evaluated(tmp_path, compiled):
    query = (
        "query($f: ContextFilter) { actors(first: 7) { nodes {"
        " contexts(first: 3, filter: $f) { nodes { id } } } }"
        " nothing: contexts(first: 1, filter: $f) @include(if: false) { totalCount } }"
    )
    parts = {"or": [{"name": {"contains": "e"}}, {"name": {"contains": "a"}}]}
    sent = {"query": query, "variables": {"f": parts}, "extensions": {"cost": True}}

    async with running(tmp_path / "registry.db", compiled=compiled) as api:
        await registry.fill(api.service.db)
        answer = (await api.client.post("/graphql", json=sent)).json()

    actors = answer["data"]["actors"]["nodes"]
    returned = len(actors) + sum(len(actor["contexts"]["nodes"]) for actor in actors)
    assert answer["extensions"]["cost"] == {
        "requested": 7 + 7 * (3 + 5),
        "actual": returned + len(actors) * 5,
        "limit": LIMITS.cost,
    }


@pytest.mark.parametrize("named_by", ["documentId", "sha256"])
async def test_variables_of_a_persisted_document_are_counted_too(tmp_path, named_by):
    query = FILTERED + "}"
    hash_ = hashlib.sha256(query.encode()).hexdigest()
    (tmp_path / "documents.json").write_text(json.dumps({"filtered": query}))
    persisted = {"persistedQuery": {"version": 1, "sha256Hash": hash_}}
    sent: dict[str, Any] = (
        {"documentId": "filtered"} if named_by == "documentId" else {"extensions": persisted}
    )

    async with running(
        tmp_path / "registry.db", documents=str(tmp_path / "documents.json"), documents_only=True
    ) as api:
        bodies = [
            sent | {"variables": {"v": [{}] * count}} for count in (OBJECTS // 20 - 1, OBJECTS)
        ]
        fitting, refused = [
            (await api.client.post("/graphql", json=body)).json() for body in bodies
        ]

    assert "errors" not in fitting
    assert refused["errors"][0]["extensions"]["limit"] == "input_objects"

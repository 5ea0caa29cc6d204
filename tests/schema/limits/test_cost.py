"""The cost of an operation: known before it runs, limited, and reported on request."""

import contextlib
import json
import re
from dataclasses import replace

import pytest
from graphql import get_introspection_query

from resolvers.policy import Policy
from schema.errors import RequestRefused
from schema.execution.documents import Documents
from schema.limits.limits import LIMITS
from schema.limits.variable_amounts import evaluate
from server.demo import registry
from tests.support.corpus import non_canonical, operations, pool
from tests.support.corpus.sharing import counts
from tests.support.paths import ROOT
from tests.support.services.api import running

DOCS = (ROOT / "docs/api.md").read_text()
TYPES = "__schema { types { fields { args { type { ofType { name } } } } } }"


@pytest.fixture
def documents():
    return Documents(introspection=True, policy=Policy(page_default=20, page_max=100))


def requested(documents, query, variables):
    operation = documents.prepare(query).operation(None)
    return evaluate(operation.cost.amount, variables)


@pytest.mark.parametrize(
    ("query", "points"),
    [
        ("{ __typename viewer { capabilities } }", 0),
        ('{ context(chittyId: "x") { name } }', 1),
        ('{ context(chittyId: "x") { name owner { email } } }', 2),
        ('{ node(id: "x") { id } }', 1),
        ('{ node(id: "x") { ... on Context { owner { id } } ... on Actor { id } } }', 2),
        ('{ nodes(ids: ["x", "y", "z"]) { ... on Context { owner { id } } } }', 6),
        ('{ nodes(ids: "x") { id } }', 1),
        ("{ actors { nodes { id } } }", 20),
        ("{ actors(first: 3) { nodes { id } } }", 3),
        ("{ actors(last: 3) { nodes { id } } }", 3),
        ("{ actors(first: null, last: 3) { nodes { id } } }", 3),
        ("{ actors(first: 3) { edges { cursor } } }", 3),
        ("{ actors(first: 3) { edges { cursor node { id } } } }", 3),
        ("{ actors(first: 3) { edges { node { id } } nodes { id } } }", 6),
        ("{ actors(first: 3) { totalCount pageInfo { endCursor } } }", 1),
        ("{ actors(first: 3) { nodes { contexts { totalCount } } } }", 6),
        ("{ actors(first: 3) { nodes { contexts(first: 4) { nodes { owner { id } } } } } }", 27),
        ("{ connections(first: 5) { nodes { source { __typename } } } }", 10),
        ("{ connections(first: 5) { nodes { source { ... on Context { owner { id } } } } } }", 15),
        ("{ installations(first: 5) { nodes { permissions { name } } } }", 5),
        ("{ a: actors(first: 3) { nodes { id } } b: actors(first: 4) { nodes { id } } }", 7),
        ("{ actors(first: 0) { nodes { id } } }", 1),
        ("{ actors(first: 101) { nodes { id } } }", 100),
        ("{ actors(first: 3) { nodes { id } } actors(first: 3) { nodes { email } } }", 3),
        ("{ ...f ...f } fragment f on Query { actors(first: 3) { nodes { id } } }", 3),
        ("{ actors(first: 3) { nodes @skip(if: true) { id } } }", 1),
        ("{ actors(first: 3) @include(if: false) { nodes { id } } viewer { capabilities } }", 0),
        ('mutation { deleteContext(input: { chittyId: "x" }) { errors { code } } }', 0),
        ('mutation { deleteContext(input: { chittyId: "x" }) { context { owner { id } } } }', 2),
        ("{ actors(first: 3, filter: {}) { nodes { id } } }", 3 + 1),
        ("{ actors(first: 3, filter: { status: { eq: ACTIVE } }) { nodes { id } } }", 3 + 2),
        ('{ actors(first: 1, filter: { email: { in: ["a", "b"] } }) { totalCount } }', 1 + 2),
        ("{ actors(first: 1, filter: { or: [{ status: {} }, { email: {} }] }) { totalCount } }", 6),
        (
            "{ actors(first: 3) { nodes { contexts(first: 4, filter: { name: { eq: 1 } }) {"
            " totalCount } } } }".replace("1 }", '"x" }'),
            3 * (1 + 1 + 2),
        ),
        ("{ actors(first: 3, orderBy: [{ field: CREATED_AT }]) { nodes { id } } }", 3),
        ('{ neighborhood(of: "x") { truncated } }', 200),
        ('{ neighborhood(of: "x") { center { id } nodes { id } } }', 1 + 200),
        ('{ neighborhood(of: "x", maxNodes: 5) { nodes { id } edges { relation } } }', 5 + 3 * 5),
        ('{ neighborhood(of: "x", maxNodes: 0) { nodes { id } } }', 0),
        ('{ neighborhood(of: "x", maxNodes: 2000000000) { nodes { id } } }', 1_000),
        (
            '{ neighborhood(of: "x", maxNodes: 5) { nodes { ... on Context { owner { id } }'
            " ... on Actor { contexts(first: 4) { nodes { id } } } } } }",
            5 * (1 + 4),
        ),
        ('{ shortestPath(from: "x", to: "y") { relation } }', 5_000 + 6),
        ('{ shortestPath(from: "x", to: "y", maxDepth: 3) { relation } }', 5_000 + 3),
        ("{ services(first: 3) { nodes { name contexts(first: 2) { nodes { id } } } } }", 3 * 3),
        ("{ registryStats { connections { byStatus { count } } } }", 5_000),
        ("{ actors { groups(by: STATUS) { count } } }", 5_000 + 100),
        ("{ actors { groups(by: [STATUS, ACTOR_TYPE], first: 7) { count } } }", 5_000 + 7),
        (
            "{ actors(first: 3) { nodes { id } groups(by: STATUS, first: 7) { count } } }",
            5_000 + 3 + 7,
        ),
        ("{ actors { groups(by: STATUS, first: null) { count } } }", 5_000 + 100),
        ("{ actors { groups(by: STATUS, first: 0) { count } } }", 5_000 + 1),
        ("{ actors { groups(by: STATUS, first: 2000000000) { count } } }", 5_000 + 1_000),
        ("{ contexts { groups(by: OWNER, first: 5) { owner { id } count } } }", 5_000 + 10),
        (
            "{ contexts { groups(by: OWNER, first: 5) { owner { contexts(first: 4) { nodes { id } } } } } }",
            5_000 + 5 * (1 + 1 + 4),
        ),
        (
            "{ actors(first: 3) { nodes { contexts { groups(by: STATUS, first: 5) { count } } } } }",
            5_000 + 3 * (1 + 5),  # one statement reads for all parents
        ),
        (
            "{ actors(first: 3) { nodes { contexts {"
            " a: groups(by: STATUS, first: 5) { count } b: groups(by: OWNER, first: 5) { count } } } } }",
            2 * 5_000 + 3 * (1 + 5 + 5),
        ),
        ("{ services(first: 3) { nodes { stats { total } } } }", 5_000 + 3),
        ('{ search(text: "x", first: 3) { nodes { id } totalCount } }', 1_000 + 3),
        (
            '{ node(id: "x") { ... on Actor { contexts { groups(by: STATUS, first: 1) { count } } }'
            " ... on Context { connections { groups(by: STATUS, first: 1) { count } } } } }",
            2 * 5_000 + 2,
        ),
    ],
)
def test_each_object_that_may_be_returned_and_each_part_of_a_filter_costs_a_point(
    documents, query, points
):
    assert requested(documents, query, {}) == points


PAGE = "query($n: Int) { actors(first: $n) { nodes { id } } }"
BACK = "query($n: Int, $l: Int) { actors(first: $n, last: $l) { nodes { id } } }"
NESTED = (
    "query($n: Int = 7) { actors(first: $n) { nodes { contexts(last: $n) { nodes { id } } } } }"
)
FILTERED = (
    "query($f: ActorFilter, $n: [String!]) { actors(first: 3, filter: { not: $f, email: { in: $n } })"
    " { nodes { contexts(first: 2) { totalCount } } } again: actors(first: 1, filter: $f) { totalCount } }"
)
DEFAULT = 'query($f: ContextFilter = { name: { eq: "x" } }) { contexts(first: 1, filter: $f) { totalCount } }'
IDS = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
USES = (
    "mutation($uses: [RecordConnectionUseInput!]!)"
    " { recordConnectionUse(inputs: $uses) { connections { installation { id } } } }"
)
MAYBE = (
    "query($a: Boolean!, $b: Boolean = true) { actors(first: 3) {"
    " nodes { id contexts(first: 2) @include(if: $a) { nodes @skip(if: $b) { id } } } } }"
)
TWICE = (
    "query($a: Boolean!) { actors(first: 3) @include(if: $a) { nodes { id } }"
    " ... @skip(if: $a) { actors(first: 3) { nodes { contexts(first: 2) { nodes { id } } } } } }"
)

GROUPED = (
    "query($n: Int, $a: Boolean = true) { actors(first: 1) @include(if: $a) {"
    " groups(by: STATUS, first: $n) { count } } }"
)
AROUND = 'query($n: Int! = 7) { neighborhood(of: "x", maxNodes: $n) { nodes { id } } }'
SPREAD_TWICE = (
    "query($a: Boolean!) { ...f @skip(if: $a) ...f }"
    " fragment f on Query { actors(first: 50) { nodes { id } } }"
)


@pytest.mark.parametrize(
    ("query", "variables", "points"),
    [
        (PAGE, {}, 20),
        (PAGE, {"n": None}, 20),
        (PAGE, {"n": 5}, 5),
        (PAGE, {"n": 100.0}, 100),
        (PAGE, {"n": 2**31}, 100),
        (PAGE, {"n": -1}, 1),
        (PAGE, {"n": "90"}, 20),
        (BACK, {"n": None, "l": 9}, 9),
        (BACK, {"l": 9}, 9),
        (NESTED, {}, 7 + 49),
        (NESTED, {"n": 3}, 3 + 9),
        (NESTED, {"n": None}, 20 + 400),
        (FILTERED, {}, 3 + 2 + 3 + 1),
        (FILTERED, {"f": {"status": {"eq": "ACTIVE"}}, "n": ["a"]}, 3 + 2 + 3 + 1 + 2 * 2),
        (FILTERED, {"f": {"or": [{}, {}, {}]}}, 3 + 2 + 3 + 1 + 2 * 4),
        (FILTERED, {"f": ["wrong"]}, 3 + 2 + 3 + 1),
        (DEFAULT, {}, 1 + 2),
        (DEFAULT, {"f": {}}, 1 + 1),
        (DEFAULT, {"f": None}, 1),
        (IDS, {"ids": ["a", "b"]}, 2),
        (IDS, {"ids": "a"}, 1),
        (IDS, {"ids": []}, 0),
        (USES, {"uses": [{"connectionId": "a"}, {"connectionId": "b"}]}, 4),
        (MAYBE, {"a": False}, 3),
        (MAYBE, {"a": True}, 3 + 3),
        (MAYBE, {"a": True, "b": False}, 3 + 3 * 2),
        (TWICE, {"a": True}, 3),
        (TWICE, {"a": False}, 3 + 3 * 2),
        (GROUPED, {}, 5_000 + 100),
        (GROUPED, {"n": 5}, 5_000 + 5),
        (GROUPED, {"n": 5, "a": False}, 0),
        (AROUND, {}, 7),
        (AROUND, {"n": 3}, 3),
        (AROUND, {"n": "wrong"}, 200),
        (SPREAD_TWICE, {"a": True}, 50),
        (SPREAD_TWICE, {"a": False}, 50),
    ],
)
def test_costs_that_depend_on_variables_are_computed_for_each_request(
    documents, query, variables, points
):
    assert requested(documents, query, variables) == points


def test_an_operation_is_analysed_once_and_not_for_each_request(documents):
    operation = documents.prepare(NESTED).operation(None)

    object.__setattr__(operation.node, "selection_set", None)

    assert [evaluate(operation.cost.amount, {"n": n}) for n in (1, 2, 3)] == [2, 6, 12]


@pytest.fixture
async def api(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        await registry.fill(api.service.db)
        yield api


async def with_cost(api, query, **variables):
    sent = {"query": query, "variables": variables, "extensions": {"cost": True}}
    return (await api.client.post("/graphql", json=sent)).json()


async def test_the_cost_is_reported_on_request_only(api):
    query = "{ contexts(first: 50) { nodes { name owner { email } } } }"

    plain = await api.post(query)
    answer = await with_cost(api, query)
    params = {"query": query, "extensions": '{"cost": true}'}
    by_get = (await api.client.get("/graphql", params=params)).json()

    returned = 2 * len(plain["data"]["contexts"]["nodes"])
    assert plain.keys() == {"data"}
    assert answer == by_get
    assert answer["data"] == plain["data"]
    assert answer["extensions"]["cost"] == {
        "requested": 100,
        "actual": returned,
        "limit": LIMITS.cost,
    }


@pytest.mark.parametrize("wish", [False, None, 1, "true", {}])
async def test_only_the_value_true_requests_the_cost(api, wish):
    sent = {"query": "{ __typename }", "extensions": {"cost": wish}}

    answer = await api.client.post("/graphql", json=sent)

    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    ("query", "actual"),
    [
        ('{ nothing: contextByName(name: "-") { owner { id } } }', 0),
        ("{ contexts(first: 2) { edges { cursor node { owner { id } } } totalCount } }", 4),
        ("{ contexts(first: 2) { totalCount pageInfo { endCursor } } }", 0),
        ("{ contexts(first: 0) { nodes { id } } }", 0),
        ("{ connections(first: 3) { nodes { source { __typename ... on Node { id } } } } }", 6),
        ('{ __type(name: "PageInfo") { fields { type { ofType { name } } } } }', 11),
    ],
)
@pytest.mark.parametrize("compiled", [True, False])
async def test_the_actual_cost_is_what_was_returned(tmp_path, query, actual, compiled):
    async with running(tmp_path / "registry.db", compiled=compiled) as api:
        await registry.fill(api.service.db)
        answer = await with_cost(api, query)

    assert answer["extensions"]["cost"]["actual"] == actual


async def test_an_operation_over_the_limit_is_refused_with_its_cost_and_nothing_is_read(api):
    query = (
        "query($n: Int!) { actors(first: $n) { nodes { contexts(first: $n) {"
        " nodes { connections(first: $n) { nodes { targetService } } } } } } }"
    )

    refused = await with_cost(api, query, n=100)
    fitting = await with_cost(api, query, n=36)

    assert refused == {
        "errors": [
            {
                "message": "the operation costs 1010100 points; 50000 are allowed",
                "extensions": {
                    "code": "TOO_COSTLY",
                    "limit": "cost",
                    "measured": 1_010_100,
                    "allowed": 50_000,
                },
            }
        ]
    }
    cost = fitting["extensions"]["cost"]
    assert cost["requested"] == 36 + 36**2 + 36**3
    assert 0 < cost["actual"] < cost["requested"]


async def test_twenty_groups_of_whole_lists_are_refused_before_anything_is_read(api):
    def groups(number: int) -> str:
        fields = (
            f'g{each}: connections(first: 1, filter: {{ targetService: {{ contains: "{each}" }} }})'
            " { groups(by: CREATED_DAY) { count } }"
            for each in range(number)
        )
        return f"{{ {' '.join(fields)} }}"

    refused = await api.post(groups(20))
    fitting = await api.post(groups(9))

    [error] = refused["errors"]
    assert error["message"] == "the operation costs 102040 points; 50000 are allowed"
    assert error["extensions"]["code"] == "TOO_COSTLY"
    assert len(fitting["data"]) == 9


def test_an_operation_may_cost_as_much_as_the_limit_and_no_point_more():
    documents = Documents(introspection=True, limits=replace(LIMITS, cost=3))
    fits, exceeds = (
        documents.prepare(f"{{ actors(first: {first}) {{ nodes {{ id }} }} }}").operation(None)
        for first in (3, 4)
    )

    assert documents.check_cost(fits, {}) == 3
    with pytest.raises(RequestRefused):
        documents.check_cost(exceeds, {})


def test_an_introspection_may_return_as_much_as_the_limit_and_no_object_more(documents):
    query = "{ __schema { queryType { name } } }"
    points = requested(documents, query, {})

    for limit, fits in ((points, True), (points - 1, False)):
        limited = Documents(introspection=True, limits=replace(LIMITS, introspection=limit))
        operation = limited.prepare(query).operation(None)
        with contextlib.nullcontext() if fits else pytest.raises(RequestRefused):
            assert limited.check_cost(operation, {}) == points


async def test_a_mutation_over_the_limit_changes_nothing(tmp_path):
    register = "registerActor(input: { actorType: AI }) { actor { contexts { nodes { id } } } }"
    async with running(tmp_path / "registry.db", max_cost=20) as api:
        answer = await api.post(f"mutation {{ {register} }}")
        [(actors,)] = await api.rows("SELECT count(*) FROM actors")

    assert answer["errors"][0]["extensions"]["measured"] == 21
    assert actors == 0


async def test_an_introspection_costs_exactly_what_it_returns(api):
    answer = await with_cost(api, get_introspection_query())

    cost = answer["extensions"]["cost"]
    assert cost["requested"] == cost["actual"] > 1_000


@pytest.mark.parametrize(
    "query",
    [
        "{" + " ".join(f"a{n}: {TYPES}" for n in range(20)) + "}",
        "{ __schema { types { inputFields { type {"
        + " ".join(f"a{n}: inputFields {{ type {{ name }} }}" for n in range(30))
        + "} } } } }",
    ],
)
async def test_an_introspection_that_returns_too_much_is_refused(tmp_path, query):
    async with running(tmp_path / "registry.db", max_cost=10_000) as api:
        answer = await api.post(query)

    [error] = answer["errors"]
    assert error["extensions"] == {
        "code": "TOO_COSTLY",
        "limit": "cost",
        "measured": error["extensions"]["measured"],
        "allowed": 10_000,
    }


@pytest.mark.parametrize("count", counts(150, by_default=20))
async def test_no_operation_returns_more_than_its_requested_cost(tmp_path, count):
    path = tmp_path / "registry.db"
    non_canonical.fill_canonical(path, seed=5)
    room = {"max_cost": 10**9, "max_aliases": 300, "max_directives": 100}
    async with running(path, compiled=False, **room) as generic, running(path, **room) as compiled:
        found = pool.read(path)
        costs = []
        for number in range(count):
            operation = operations.query(found, 5, number)
            sent = {"query": operation.document, "variables": operation.variables}
            sent |= {"operationName": operation.name, "extensions": {"cost": True}}
            answers = [await api.client.post("/graphql", json=sent) for api in (generic, compiled)]
            both = [answer.json().get("extensions") for answer in answers]
            assert both[0] == both[1], json.dumps(sent)
            costs += [each["cost"] for each in both[:1] if each]

    assert [cost for cost in costs if cost["actual"] > cost["requested"]] == []
    assert sum(cost["actual"] > 0 for cost in costs) > count * 0.4


def test_the_example_in_the_docs_costs_what_they_say(documents):
    [(query, points)] = re.findall(
        r"```graphql\n([^`]*)```\n\ncosts ([\d,]+) points", DOCS, re.DOTALL
    )

    assert requested(documents, query, {}) == int(points.replace(",", ""))

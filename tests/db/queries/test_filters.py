"""Filters mean what the contract says, over every kind of stored value."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, TABLES, Table
from tests.support.expectations.oracle import Oracle, ordered, snake
from tests.support.expectations.random_filters import Filters, fields, operators
from tests.support.registries import random_registries
from tests.support.registries.random_registries import Registry
from tests.support.services.api import Api, running

KEYS = {
    ACTORS: "chittyId",
    CONTEXTS: "chittyId",
    INSTALLATIONS: "installationId",
    CONNECTIONS: "connectionId",
}
COLUMNS = [
    pytest.param(table, name, id=f"{table.row.__name__}.{name}")
    for table in TABLES
    for name, kind in fields(table).items()
    if kind.name.endswith("Filter") and "and" not in operators(kind)
]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return random_registries.made(seed=7)


@pytest.fixture(scope="module")
def stored(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filters") / "registry.db"

    async def fill() -> None:
        async with running(path) as api:
            await random_registries.store(api, registry)

    asyncio.run(fill())
    return path


@pytest.fixture
async def api(stored: Path) -> AsyncIterator[Api]:
    async with running(stored) as api:
        yield api


async def listed(api: Api, table: Table[Any], given: Any) -> list[Any]:
    """The keys that a list with this filter shows, and that its totalCount agrees."""
    kind = table.row.__name__
    answer = await api.ask(
        f"query ($filter: {kind}Filter) {{"
        f" {table.name}(first: 100, filter: $filter) {{ totalCount nodes {{ {KEYS[table]} }} }} }}",
        filter=given,
    )
    page = answer[table.name]
    assert page["totalCount"] == len(page["nodes"])
    return [node[KEYS[table]] for node in page["nodes"]]


def expected(registry: Registry, table: Table[Any], given: Any) -> list[str]:
    rows = ordered(table, Oracle(registry).listed(table, given), [])
    return [str(getattr(row, table.key)) for row in rows]


@pytest.mark.parametrize(("table", "name"), COLUMNS)
async def test_every_operator_of_a_field_finds_what_python_finds(
    api, registry, table: Table[Any], name: str
):
    filters = Filters(registry, seed=11)

    for operator, kind in operators(fields(table)[name]).items():
        for _ in range(4):
            given = {name: {operator: filters.operand(table, snake(name), operator, kind)}}

            assert await listed(api, table, given) == expected(registry, table, given), given


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_any_combination_of_operators_finds_what_python_finds(
    api, registry, table: Table[Any]
):
    filters = Filters(registry, seed=13)

    for _ in range(90):
        given = filters.over(table)

        assert await listed(api, table, given) == expected(registry, table, given), given


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_relations_of_relations_find_what_python_finds(api, registry, table: Table[Any]):
    filters = Filters(registry, seed=19)
    sizes = set()

    for _ in range(60):
        given = filters.led_over(table, relations=4)
        found = await listed(api, table, given)
        sizes.add(len(found))

        assert found == expected(registry, table, given), given

    assert len(sizes) > 3


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_a_row_meets_either_a_condition_or_its_negation(api, registry, table: Table[Any]):
    filters = Filters(registry, seed=17)

    for _ in range(30):
        given = filters.over(table)
        met = await listed(api, table, given)
        not_met = await listed(api, table, {"not": given})
        both = await listed(api, table, {"or": [given, {"not": given}]})

        assert sorted(met + not_met) == sorted(both), given
        assert set(both) >= set(expected(registry, table, {})), given


async def test_a_null_operand_is_refused_with_advice(api):
    answer = await api.post("{ actors(filter: { email: { eq: null } }) { totalCount } }")

    assert answer["data"] == {"actors": None}
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "BAD_FILTER"
    assert error["path"] == ["actors"]
    assert "use isNull" in error["message"]


async def test_a_null_part_is_as_good_as_absent(api, registry):
    nothing: dict[str, Any] = {
        "status": None,
        "and": None,
        "not": None,
        "contexts": None,
        "email": {},
    }

    assert await listed(api, ACTORS, nothing) == expected(registry, ACTORS, {})
    assert await listed(api, ACTORS, {"contexts": {"some": None}}) == expected(registry, ACTORS, {})


@pytest.mark.parametrize(
    ("given", "finds_all"),
    [
        ({}, True),
        ({"and": []}, True),
        ({"or": []}, False),
        ({"not": {}}, False),
        ({"or": [{}]}, True),
        ({"chittyId": {"in": []}}, False),
        ({"not": {"email": {"in": []}}}, True),
        ({"capabilities": {"containsAny": []}}, False),
        ({"capabilities": {"containsAll": []}}, True),
    ],
)
async def test_an_empty_and_matches_every_row_and_an_empty_or_none(
    api, registry, given, finds_all: bool
):
    found = await listed(api, ACTORS, given)

    assert found == (expected(registry, ACTORS, {}) if finds_all else [])


def nested(depth: int) -> dict[str, Any]:
    return {"not": nested(depth - 1)} if depth else {"status": {"eq": "ACTIVE"}}


async def test_a_filter_may_nest_ten_deep_and_no_deeper(api):
    asked = "query ($filter: ActorFilter) { actors(filter: $filter) { totalCount } }"

    deep = await api.post(asked, filter=nested(10))
    too_deep = await api.post(asked, filter=nested(11))

    assert "errors" not in deep
    assert too_deep["errors"][0]["extensions"]["code"] == "FILTER_TOO_LARGE"
    assert too_deep["errors"][0]["path"] == ["actors"]


async def test_a_filter_may_have_two_hundred_parts_and_no_more(api):
    asked = "query ($filter: ActorFilter) { actors(filter: $filter) { totalCount } }"
    most = [{"email": {"contains": str(number)}} for number in range(99)]

    large = await api.post(asked, filter={"or": most, "email": {"isNull": False}})
    too_large = await api.post(asked, filter={"or": most, "email": {"isNull": False, "not": ""}})

    assert "errors" not in large
    assert too_large["errors"][0]["extensions"]["code"] == "FILTER_TOO_LARGE"


async def test_relations_may_be_followed_ten_deep_in_the_database(api):
    given: dict[str, Any] = {"status": {"in": ["ACTIVE", "DELETED"]}}
    for depth in range(10):
        given = {"installations": {"some": given}} if depth % 2 else {"contexts": {"none": given}}

    answer = await api.post(
        "query ($filter: ContextFilter) { contexts(filter: $filter) { totalCount } }", filter=given
    )

    assert "errors" not in answer


RELATED = {
    "Actor.contexts": (ACTORS, "contexts", CONTEXTS),
    "Actor.connections": (ACTORS, "connections", CONNECTIONS),
    "Actor.suspendedInstallations": (ACTORS, "suspendedInstallations", INSTALLATIONS),
    "Context.connections": (CONTEXTS, "connections", CONNECTIONS),
    "Context.installations": (CONTEXTS, "installations", INSTALLATIONS),
    "Installation.connections": (INSTALLATIONS, "connections", CONNECTIONS),
    "Installation.contexts": (INSTALLATIONS, "contexts", CONTEXTS),
}
ANY_STATE: dict[str, Any] = {
    "Actor": {"status": {"in": ["ACTIVE", "SUSPENDED", "DELETED"]}},
    "Context": {"or": [{"deletedAt": {"isNull": True}}, {"deletedAt": {"isNull": False}}]},
    "Installation": {"not": {"uninstalledAt": {"lt": "0001-01-01T00:00:00Z"}}},
    "Connection": {"and": [{"disconnectedAt": {}}]},
}


@pytest.mark.parametrize(("parent", "name", "child"), RELATED.values(), ids=RELATED)
@pytest.mark.parametrize("names_end", [False, True])
async def test_a_relation_page_shows_deleted_rows_only_if_its_own_filter_names_the_fields(
    api, registry, parent: Table[Any], name: str, child: Table[Any], names_end: bool
):
    inner = ANY_STATE[child.row.__name__] if names_end else {}
    oracle = Oracle(registry)

    answer = await api.ask(
        f"query ($outer: {parent.row.__name__}Filter, $inner: {child.row.__name__}Filter) {{"
        f" found: {parent.name}(first: 100, filter: $outer) {{ nodes {{ {KEYS[parent]}"
        f" {name}(first: 100, filter: $inner) {{ totalCount nodes {{ {KEYS[child]} }} }} }} }} }}",
        outer=ANY_STATE[parent.row.__name__],
        inner=inner,
    )

    shown = {node[KEYS[parent]]: node[name] for node in answer["found"]["nodes"]}
    assert len(shown) == len(registry.of(parent))
    for row in registry.of(parent):
        rows = oracle.listed(child, inner, oracle.related(parent, name, row)[1])
        page = shown[str(getattr(row, parent.key))]
        assert [node[KEYS[child]] for node in page["nodes"]] == [
            str(getattr(each, child.key)) for each in ordered(child, rows, [])
        ]
        assert page["totalCount"] == len(rows)


@pytest.mark.parametrize("quantifier", ["some", "none"])
@pytest.mark.parametrize(("parent", "name", "child"), RELATED.values(), ids=RELATED)
async def test_some_and_none_match_deleted_rows_only_if_they_name_the_fields_themselves(
    api, registry, parent: Table[Any], name: str, child: Table[Any], quantifier: str
):
    nothing: dict[str, Any] = {}

    for outer in (nothing, ANY_STATE[parent.row.__name__]):
        for inner in (nothing, ANY_STATE[child.row.__name__]):
            given = {**outer, name: {quantifier: inner}}

            assert await listed(api, parent, given) == expected(registry, parent, given)


async def test_a_to_one_relation_leads_to_its_target_whatever_its_status(api, registry):
    gone = {row.chitty_id for row in registry.of(ACTORS) if row.status == "deleted"}
    owned = [row for row in registry.of(CONTEXTS) if row.owner_chitty_id in gone]
    live = {row.chitty_id for row in owned if row.status != "deleted"}

    answer = await api.ask(
        "{ contexts(first: 100) { nodes { chittyId owner { chittyId status } } } }"
    )
    found = await listed(api, CONTEXTS, {"owner": {"status": {"eq": "DELETED"}}})

    owners = {node["chittyId"]: node["owner"] for node in answer["contexts"]["nodes"]}
    assert live
    assert {key for key, owner in owners.items() if owner["status"] == "DELETED"} == live
    assert set(found) == live


async def test_an_absent_variable_leaves_its_operator_out(api, registry):
    answer = await api.ask(
        "query ($name: String) { actors(filter: { email: { eq: $name } }) { totalCount } }"
    )

    assert answer["actors"]["totalCount"] == len(expected(registry, ACTORS, {}))

"""Filters mean what the contract says, over every kind of stored value."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, TABLES, Table
from tests.support.corpus import non_canonical
from tests.support.engines.engine import present
from tests.support.expectations.oracle import Oracle, ordered, snake
from tests.support.expectations.random_filters import Filters, fields, operators
from tests.support.registries import random_registries
from tests.support.registries.databases import new_registry
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


pytestmark = pytest.mark.asyncio(loop_scope="module")


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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
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
        given = filters.over(table, depth=min(3, present().relations))

        assert await listed(api, table, given) == expected(registry, table, given), given


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_relations_of_relations_find_what_python_finds(api, registry, table: Table[Any]):
    filters = Filters(registry, seed=19)
    sizes = set()

    for _ in range(60):
        given = filters.led_over(table, relations=min(4, present().relations))
        found = await listed(api, table, given)
        sizes.add(len(found))

        assert found == expected(registry, table, given), given

    assert len(sizes) > 3


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_a_row_meets_either_a_condition_or_its_negation(api, registry, table: Table[Any]):
    filters = Filters(registry, seed=17)

    for _ in range(30):
        given = filters.over(table, depth=min(3, present().relations))
        met = await listed(api, table, given)
        not_met = await listed(api, table, {"not": given})
        both = await listed(api, table, {"or": [given, {"not": given}]})

        assert sorted(met + not_met) == sorted(both), given
        assert set(both) >= set(expected(registry, table, {})), given


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


@pytest.mark.files_only("engines over HTTP bound how deep an expression is, and refuse this one")
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


SINCE = "2026-04-17T09:30:00.400Z"
ANY_INSTALLATION: dict[str, Any] = {"uninstalledAt": {}}
ANY_ACTOR: dict[str, Any] = {"status": {}}
ANY_CONNECTION: dict[str, Any] = {"status": {}}
NULLS: dict[str, tuple[Table[Any], dict[str, Any], Callable[[Any], bool]]] = {
    "not of a text finds what has another value": (
        ACTORS,
        {"email": {"not": "Ada"}, **ANY_ACTOR},
        lambda row: row.email is not None and row.email != "Ada",
    ),
    "the negation of an equal text finds what has none too": (
        ACTORS,
        {"not": {"email": {"eq": "Ada"}}, **ANY_ACTOR},
        lambda row: row.email != "Ada",
    ),
    "the negation of not finds what has none too": (
        ACTORS,
        {"not": {"email": {"not": "Ada"}}, **ANY_ACTOR},
        lambda row: row.email in (None, "Ada"),
    ),
    "the negation of a text in a list finds what has none too": (
        ACTORS,
        {"not": {"email": {"in": ["Ada", "ADA"]}}, **ANY_ACTOR},
        lambda row: row.email not in ("Ada", "ADA"),
    ),
    "the negation of isNull finds what has one": (
        ACTORS,
        {"not": {"email": {"isNull": True}}, **ANY_ACTOR},
        lambda row: row.email is not None,
    ),
    "an instant is compared where there is one": (
        INSTALLATIONS,
        {"suspendedAt": {"lte": SINCE}, **ANY_INSTALLATION},
        lambda row: row.suspended_at is not None and row.suspended_at <= SINCE,
    ),
    "the negation of a later instant finds what has none too": (
        INSTALLATIONS,
        {"not": {"suspendedAt": {"gt": SINCE}}, **ANY_INSTALLATION},
        lambda row: row.suspended_at is None or row.suspended_at <= SINCE,
    ),
    "not of an enumeration": (
        CONNECTIONS,
        {"connectionType": {"not": "API"}, **ANY_CONNECTION},
        lambda row: row.connection_type != "api",
    ),
    "a relation that leads nowhere does not match": (
        CONNECTIONS,
        {"installation": {}, **ANY_CONNECTION},
        lambda row: row.installation_id is not None,
    ),
    "the negation of a relation finds what it leads nowhere from": (
        CONNECTIONS,
        {"not": {"installation": {}}, **ANY_CONNECTION},
        lambda row: row.installation_id is None,
    ),
    "a source of the other type does not match": (
        CONNECTIONS,
        {"sourceActor": {}, **ANY_CONNECTION},
        lambda row: row.source_type == "actor",
    ),
    "the negation of a source finds those of the other type": (
        CONNECTIONS,
        {"not": {"sourceActor": {}}, **ANY_CONNECTION},
        lambda row: row.source_type == "context",
    ),
}


async def test_null_is_neither_equal_nor_unequal_and_is_found_by_a_negation(api, registry):
    for said, (table, given, holds) in NULLS.items():
        rows = ordered(table, registry.of(table), [])
        wanted = [str(getattr(row, table.key)) for row in rows if holds(row)]

        assert await listed(api, table, given) == wanted, said
        assert 0 < len(wanted) < len(rows), said


async def test_a_null_that_another_program_stored_is_null_for_filters_too(tmp_path: Path):
    new_registry(tmp_path / "registry.db")
    non_canonical.loosen(tmp_path / "registry.db")
    expected_totals: list[tuple[dict[str, Any], int]] = [
        ({"actorType": {"not": "AI"}}, 0),
        ({"not": {"actorType": {"eq": "AI"}}}, 1),
        ({"actorType": {"in": ["AI", "HUMAN", "SERVICE", "SYSTEM"]}}, 0),
        ({"capabilities": {"isEmpty": True}}, 1),
        ({"capabilities": {"isEmpty": False}}, 0),
        ({"not": {"capabilities": {"contains": "admin"}}}, 1),
    ]

    async with running(tmp_path / "registry.db") as api:
        await api.put("INSERT INTO actors (chitty_id, status) VALUES ('ada', 'active')")
        for given, total in expected_totals:
            query = "query ($filter: ActorFilter) { actors(filter: $filter) { totalCount } }"

            assert await api.ask(query, filter=given) == {"actors": {"totalCount": total}}, given

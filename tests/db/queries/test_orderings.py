"""Orderings: every one of the contract, alone and together, walked page by page both ways."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, TABLES, Table
from tests.support.expectations.oracle import Oracle, ordered
from tests.support.expectations.printed_schema import PRINTED
from tests.support.registries import random_registries
from tests.support.registries.random_registries import Registry
from tests.support.services.api import Api, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIZES = range(1, 8)
Ordering = list[tuple[str, str]]


def offered(table: Table[Any]) -> list[str]:
    """The columns that a table can be ordered by, as the schema has them."""
    values: dict[str, Any] = PRINTED.type_map[f"{table.row.__name__}OrderField"].values  # type: ignore[attr-defined]
    return [name.lower() for name in values]


SINGLE = [
    pytest.param(table, [(column, direction)], id=f"{table.name} by {column} {direction}")
    for table in TABLES
    for column in offered(table)
    for direction in ("ASC", "DESC")
]
SEVERAL: list[tuple[Table[Any], Ordering]] = [
    (ACTORS, [("last_seen_at", "DESC"), ("display_name", "ASC")]),
    (ACTORS, [("display_name", "ASC"), ("last_seen_at", "DESC"), ("session_count", "ASC")]),
    (ACTORS, [("session_count", "DESC"), ("display_name", "DESC"), ("updated_at", "ASC")]),
    (CONTEXTS, [("created_at", "ASC"), ("updated_at", "DESC")]),
    (INSTALLATIONS, [("account_login", "DESC"), ("updated_at", "ASC")]),
    (CONNECTIONS, [("last_used_at", "ASC"), ("last_health_check", "DESC")]),
    (
        CONNECTIONS,
        [("last_used_at", "DESC"), ("last_health_check", "DESC"), ("error_count", "ASC")],
    ),
    (CONNECTIONS, [("target_service", "ASC"), ("request_count", "DESC"), ("last_used_at", "ASC")]),
]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return random_registries.made(3, actors=18, installations=18, contexts=18, connections=24)


@pytest.fixture(scope="module")
def stored(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("orderings") / "registry.db"

    async def fill() -> None:
        async with running(path) as api:
            await random_registries.store(api, registry)

    asyncio.run(fill())
    return path


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=[False, True], ids=["generic", "compiled"]
)
async def api(stored: Path, request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    async with running(stored, compiled=request.param) as api:
        yield api


async def walked(
    api: Api, table: Table[Any], order: Ordering, size: int, *, backward: bool = False
) -> list[str]:
    """The ids of a whole list, put together from pages of this size."""
    kind = table.row.__name__
    amount, place = ("last", "before") if backward else ("first", "after")
    asked = f"""
        query ($size: Int, $cursor: String, $order: [{kind}Order!]) {{
          page: {table.name}({amount}: $size, {place}: $cursor, orderBy: $order) {{
            nodes {{ id }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
          }}
        }}
    """
    by = [{"field": column.upper(), "direction": direction} for column, direction in order]
    pages: list[list[str]] = []
    cursor = None
    for _ in range(100):
        page = (await api.ask(asked, size=size, cursor=cursor, order=by))["page"]
        pages.append([node["id"] for node in page["nodes"]])
        cursor = page["pageInfo"]["startCursor" if backward else "endCursor"]
        if not page["pageInfo"]["hasPreviousPage" if backward else "hasNextPage"]:
            break
    assert all(len(page) == size for page in pages[:-1])
    assert pages[-1]
    return list(itertools.chain(*(reversed(pages) if backward else pages)))


async def keys(api: Api, table: Table[Any], ids: list[str]) -> list[str]:
    """The keys of the rows with these global ids."""
    key = "".join(
        part.title() if place else part for place, part in enumerate(table.key.split("_"))
    )
    asked = (
        f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {table.row.__name__} {{ {key} }} }} }}"
    )
    found = (await api.ask(asked, ids=ids))["nodes"]
    return [node[key] for node in found]


def expected(registry: Registry, table: Table[Any], order: Ordering) -> list[str]:
    rows = ordered(table, Oracle(registry).listed(table, {}), order)
    return [str(getattr(row, table.key)) for row in rows]


@pytest.mark.parametrize(("table", "order"), SINGLE)
async def test_every_ordering_is_whole_over_pages_both_ways(
    api, registry, table: Table[Any], order: Ordering
):
    wanted = expected(registry, table, order)

    for size, backward in ((1, False), (3, True), (4, False)):
        found = await walked(api, table, order, size, backward=backward)

        assert await keys(api, table, found) == wanted, (size, backward)


@pytest.mark.parametrize(
    ("table", "order"),
    SEVERAL,
    ids=[f"{table.name} {order}" for table, order in SEVERAL],
)
async def test_several_orderings_at_once_are_whole_over_pages_of_every_size(
    api, registry, table: Table[Any], order: Ordering
):
    wanted = expected(registry, table, order)

    for size in SIZES:
        for backward in (False, True):
            found = await walked(api, table, order, size, backward=backward)

            assert await keys(api, table, found) == wanted, (size, backward)


@pytest.mark.parametrize("order", [[], [("last_used_at", "DESC")], [("last_used_at", "ASC")]])
async def test_pages_of_a_relation_are_complete_for_each_of_many_parents(
    api, registry, order: Ordering
):
    oracle = Oracle(registry)
    by = [{"field": column.upper(), "direction": direction} for column, direction in order]
    asked = """
        query ($size: Int, $after: String, $order: [ConnectionOrder!]) {
          contexts(first: 100) { nodes { chittyId
            connections(first: $size, after: $after, orderBy: $order) {
              edges { cursor node { connectionId } } pageInfo { hasNextPage hasPreviousPage }
            }
          } }
        }
    """

    async def found(size: int, after: str | None) -> dict[str, Any]:
        answer = await api.ask(asked, size=size, after=after, order=by)
        return {node["chittyId"]: node["connections"] for node in answer["contexts"]["nodes"]}

    cursors = {
        edge["node"]["connectionId"]: edge["cursor"]
        for page in (await found(100, None)).values()
        for edge in page["edges"]
    }
    linked = {
        context.chitty_id: [
            row.connection_id
            for row in ordered(
                CONNECTIONS,
                oracle.listed(CONNECTIONS, {}, oracle.related(CONTEXTS, "connections", context)[1]),
                order,
            )
        ]
        for context in oracle.listed(CONTEXTS, {})
    }

    assert max(map(len, linked.values())) > 1
    for after in [None, *cursors]:
        place = None if after is None else cursors[after]
        everywhere = ordered(CONNECTIONS, registry.of(CONNECTIONS), order)
        rank = {row.connection_id: number for number, row in enumerate(everywhere)}
        for key, page in (await found(1, place)).items():
            rest = [each for each in linked[key] if after is None or rank[each] > rank[after]]
            assert [edge["node"]["connectionId"] for edge in page["edges"]] == rest[:1]
            assert page["pageInfo"]["hasNextPage"] is (len(rest) > 1)
            assert page["pageInfo"]["hasPreviousPage"] is (len(rest) < len(linked[key]))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_without_an_ordering_the_newest_comes_first(api, registry, table: Table[Any]):
    found = await keys(api, table, await walked(api, table, [], 4))

    assert found == expected(registry, table, [])
    assert found == expected(registry, table, [(table.newest, "DESC")])


async def test_ties_are_broken_by_the_key_in_the_last_direction_given(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        for number in (2, 3, 1):
            await api.put(
                "INSERT INTO actors (chitty_id, actor_type, display_name, created_at, updated_at)"
                " VALUES (:id, 'ai', 'ada', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')",
                id=f"CHITTY-{number}",
            )
        down = ["CHITTY-3", "CHITTY-2", "CHITTY-1"]

        async def found(*order: tuple[str, str]) -> list[str]:
            return await keys(api, ACTORS, await walked(api, ACTORS, list(order), 2))

        assert await found() == down
        assert await found(("display_name", "DESC")) == down
        assert await found(("display_name", "ASC")) == down[::-1]
        assert await found(("display_name", "ASC"), ("created_at", "DESC")) == down
        assert await found(("display_name", "DESC"), ("created_at", "ASC")) == down[::-1]


@pytest.mark.parametrize("times", [2, 900])
async def test_an_ordering_that_names_a_field_twice_is_refused_by_its_name(api, times):
    repeated = [{"field": "NAME"}, {"field": "CREATED_AT"}] + [{"field": "NAME"}] * (times - 1)
    query = "query($order: [ContextOrder!]) { contexts(orderBy: $order) { totalCount } }"

    answer = await api.post(query, order=repeated)

    [error] = answer["errors"]
    assert error["message"] == "orderBy names NAME twice: name each field once"
    assert (error["path"], error["extensions"]) == (["contexts"], {"code": "BAD_ORDER"})


async def test_a_direction_left_out_is_ascending(api, registry):
    answer = await api.ask(
        "{ contexts(first: 100, orderBy: [{ field: NAME }]) { nodes { chittyId } } }"
    )

    found = [node["chittyId"] for node in answer["contexts"]["nodes"]]
    assert found == expected(registry, CONTEXTS, [("name", "ASC")])

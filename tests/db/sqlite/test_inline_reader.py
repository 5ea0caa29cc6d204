"""Small reads by key: answered at once, however busy the connections for larger ones are."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db.errors import Unavailable
from db.program import Program, Statement, rows
from db.sqlite.database import SQLiteDatabase
from tests.support.expectations.statement_counts import RecordedRegistry, fill, watched
from tests.support.registries.databases import elsewhere, new_registry

POINT = """{ context(chittyId: "CHITTY-CONTEXT-000001-AAAA") { name owner { chittyId } } }"""
PAGE = "{ contexts(first: 1) { nodes { name } } }"
NAME = "SELECT name FROM contexts WHERE chitty_id = 'CHITTY-CONTEXT-000001-AAAA'"
RENAMED = "UPDATE contexts SET name = 'changed' WHERE chitty_id = 'CHITTY-CONTEXT-000001-AAAA'"


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[RecordedRegistry]:
    """Three of everything."""
    async with watched(tmp_path / "registry.db") as watching:
        await fill(watching, 3)
        yield watching


async def test_a_few_rows_are_read_while_all_pooled_connections_are_in_use(registry):
    lent = [await registry.db.borrow(), await registry.db.borrow()]

    await asyncio.wait_for(registry.asked(POINT), 10)
    found = registry.answer
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(registry.asked(PAGE), 0.05)
    for session in lent:
        registry.db.give_back(session)
    await asyncio.wait_for(registry.asked(PAGE), 10)

    assert found == {"context": {"name": "c1", "owner": {"chittyId": "CHITTY-ACTOR-000001-AAAA"}}}
    assert registry.answer["contexts"]["nodes"]


async def test_an_inline_read_sees_one_snapshot_and_the_next_one_sees_later_writes(
    registry,
):
    def twice() -> Program[list[str]]:
        ((before,),) = (yield [Statement(NAME)])[0]
        with elsewhere(registry.db.path) as other:
            other.execute(RENAMED)
        ((after,),) = (yield [Statement(NAME)])[0]
        return [str(before), str(after)]

    inside = await registry.db.read(twice(), few=True)
    outside = await registry.db.read(rows(Statement(NAME)), few=True)

    assert inside == ["c1", "c1"]
    assert outside == [("changed",)]


async def test_a_failed_inline_read_leaves_no_transaction_open(registry):
    def fails() -> Program[None]:
        yield [Statement(NAME)]
        raise ValueError("given up")

    for _ in range(3):
        with pytest.raises(ValueError, match="given up"):
            await registry.db.read(fails(), few=True)

    assert await registry.db.read(rows(Statement(NAME)), few=True) == [("c1",)]


async def test_a_closed_database_says_so(tmp_path: Path):
    new_registry(tmp_path / "registry.db")
    database = await SQLiteDatabase.open(tmp_path / "registry.db")
    await database.close()

    with pytest.raises(Unavailable, match="shutting down"):
        await database.read(rows(Statement(NAME)), few=True)


@pytest.mark.parametrize(
    "query",
    [
        "{ "
        + " ".join(f'c{n}: context(chittyId: "CHITTY-C-{n}") {{ id }}' for n in range(9))
        + " }",
        '{ nodes(ids: ["x"]) { id } }',
        '{ actor(chittyId: "CHITTY-ACTOR-000001-AAAA") { contexts { nodes { id } } } }',
    ],
    ids=["nine lookups", "a list of ids", "a page"],
)
async def test_a_read_of_more_rows_waits_for_a_pooled_connection(registry, query: str):
    lent = [await registry.db.borrow(), await registry.db.borrow()]

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(registry.asked(query), 0.05)

    for session in lent:
        registry.db.give_back(session)

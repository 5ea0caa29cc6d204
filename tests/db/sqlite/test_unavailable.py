"""When the database cannot be written or a read takes too long: said so, and everything else goes on."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from db import patience
from db.errors import BootRefused, Locked
from db.migrating import migrator
from server.demo import registry
from tests.support.registries.databases import adding, elsewhere, opened, registry_at
from tests.support.services.api import running
from tests.support.services.server_process import TIMEOUT_SECONDS

pytestmark = pytest.mark.waits

COUNT = "{ actors { totalCount } }"
REGISTER = """
    mutation { registerActor(input: { actorType: AI }) { actor { id } errors { code path message } } }
"""
USE = """
    mutation {
      recordConnectionUse(inputs: [{ connectionId: "11111111-1111-4111-8111-111111111111" }]) {
        errors { code path }
      }
    }
"""
MANY = """
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, data, created_at, updated_at)
    SELECT 'CHITTY-CONTEXT-' || n, 'c' || n, (SELECT min(chitty_id) FROM actors), '["a", "b"]',
        '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'
    FROM (WITH RECURSIVE up (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < 30000)
        SELECT n FROM up)
"""
SLOW = (
    '{ contexts(filter: { data: { containsAny: ["c"] } }) { totalCount } viewer { capabilities } }'
)

WAITS = "start waits for another program"


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Another program's connection, in the midst of a transaction that writes."""
    registry_at(path)
    with elsewhere(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


async def count_of_actors(path: Path) -> object:
    """Start a server, and ask it for the number of actors."""
    async with running(path) as api:
        return await api.ask(COUNT)


async def test_while_another_process_holds_the_database_writes_are_unavailable_and_reads_go_on(
    tmp_path,
):
    path = tmp_path / "registry.db"
    async with running(path) as api:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            refused = (await api.ask(REGISTER))["registerActor"]
            count = await api.ask(COUNT)
            other.execute("ROLLBACK")
        accepted = (await api.ask(REGISTER))["registerActor"]

    assert refused["actor"] is None
    [error] = refused["errors"]
    assert (error["code"], error["path"]) == ("UNAVAILABLE", ["input"])
    assert "another program has held the database for 5 s: try again" in error["message"]
    assert count == {"actors": {"totalCount": 0}}
    assert (accepted["errors"], accepted["actor"] is None) == ([], False)


async def test_a_first_start_waits_for_another_program_that_writes_but_not_for_ever(
    tmp_path, caplog: pytest.LogCaptureFixture
):
    path, hurried = tmp_path / "registry.db", tmp_path / "hurried.db"
    async with opened(hurried) as db:
        with writing(path) as other, writing(hurried):
            starting = asyncio.create_task(count_of_actors(path))
            with pytest.raises(BootRefused, match="is locked by another program") as refused:
                await patience.write(db, partial(adding, "a"), seconds=0)
            while WAITS not in caplog.messages and not starting.done():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            has_waited = not starting.done()
            other.execute("ROLLBACK")
        count = await asyncio.wait_for(starting, TIMEOUT_SECONDS)
        await patience.write(db, partial(adding, "a"), seconds=0)

    assert has_waited
    assert isinstance(refused.value.__cause__, Locked)
    assert count == {"actors": {"totalCount": 0}}


async def test_below_the_free_space_floor_the_server_starts_and_reads_but_does_not_write(
    tmp_path,
):
    path = tmp_path / "registry.db"
    async with running(path):
        pass

    async with running(path, min_free_mb=2**40) as api:
        refused = (await api.ask(REGISTER))["registerActor"]
        use = await api.ask(USE)
        count = await api.ask(COUNT)

    [error] = refused["errors"]
    assert (error["code"], error["path"]) == ("UNAVAILABLE", ["input"])
    assert "writing has stopped" in error["message"]
    assert use["recordConnectionUse"]["errors"] == [{"code": "UNAVAILABLE", "path": ["inputs"]}]
    assert count == {"actors": {"totalCount": 0}}


async def test_a_query_that_reads_too_long_is_cut_off_and_the_next_one_is_answered(tmp_path):
    async with running(tmp_path / "registry.db", read_seconds=0.01) as api:
        await registry.fill(api.service.db)
        await api.put(MANY)
        slow = await api.post(SLOW)
        for _ in range(100):  # a busy machine may take longer than the limit even for this
            count = await api.post(COUNT)
            if "errors" not in count:
                break

    [error] = slow["errors"]
    assert slow["data"] == {"contexts": None, "viewer": {"capabilities": ["admin"]}}
    assert (error["extensions"]["code"], error["path"]) == ("TIMEOUT", ["contexts", "totalCount"])
    assert "0.01 s" in error["message"]
    assert count == {"data": {"actors": {"totalCount": 38}}}


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "generic"])
async def test_a_text_that_is_not_utf_8_is_told_apart_from_a_fault_until_it_is_repaired(
    tmp_path, compiled: bool
):
    path = tmp_path / "registry.db"
    async with running(path, compiled=compiled) as api:
        await registry.fill(api.service.db)
        await api.put("UPDATE actors SET display_name = CAST(x'61ff62' AS TEXT)")
        answer = await api.post("{ actors(first: 1) { nodes { displayName } } }")
    found = migrator.check(path)
    migrator.repair(path)
    async with running(path, compiled=compiled) as api:
        repaired = await api.ask("{ actors(first: 1) { nodes { displayName } } }")

    [error] = answer["errors"]
    assert error["extensions"]["code"] == "UNREADABLE"
    assert "a stored text is not UTF-8" in error["message"]
    assert [each.problem for each in found.repairs] == ["no text"]
    assert repaired == {"actors": {"nodes": [{"displayName": "a\ufffdb"}]}}

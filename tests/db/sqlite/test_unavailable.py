"""When the database cannot be written or a read takes too long: said so, and everything else goes on."""

import sqlite3
from contextlib import closing

from server.demo import registry
from tests.support.services.api import running

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
    assert [(error["code"], error["path"]) for error in refused["errors"]] == [
        ("UNAVAILABLE", ["input"])
    ]
    assert count == {"actors": {"totalCount": 0}}
    assert (accepted["errors"], accepted["actor"] is None) == ([], False)


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

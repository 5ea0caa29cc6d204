"""Following the log of changes: who does is told of each commit that adds to it, whoever made it."""

import asyncio
import statistics
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from db.sqlite.database import SQLiteDatabase
from db.sqlite.followers import LOOK_SECONDS
from tests.support.registries.databases import ADD, adding, elsewhere, opened

pytestmark = pytest.mark.waits

SOON = 60  # seconds: a busy machine may take long
TOUCH_OTHER_TABLE = "INSERT INTO server_keys (name, value, created_at) VALUES (?, 'x', 'now')"


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SQLiteDatabase]:
    async with opened(tmp_path / "registry.db") as db:
        yield db


async def told(following: AsyncGenerator[int]) -> int:
    return await asyncio.wait_for(anext(following), SOON)


async def test_what_is_there_already_is_told_first(db: SQLiteDatabase):
    await db.write(adding("ADA", "BERT"))

    async with aclosing(db.follow(0)) as following:
        assert await told(following) == 2


async def test_every_commit_of_the_process_is_told(db: SQLiteDatabase):
    async with aclosing(db.follow(0)) as following:
        for number in range(1, 20):
            await db.write(adding(f"ACTOR-{number}"))
            assert await told(following) == number


async def test_every_commit_of_another_program_is_told(db: SQLiteDatabase):
    async with aclosing(db.follow(0)) as following:
        with elsewhere(db.path) as other:
            for number in range(1, 6):
                other.execute(ADD, {"name": f"ACTOR-{number}"})
                assert await told(following) == number


async def test_several_follow_at_once_each_from_its_own_place(db: SQLiteDatabase):
    await db.write(adding("ADA"))
    async with aclosing(db.follow(0)) as first, aclosing(db.follow(1)) as second:
        assert await told(first) == 1
        waiting = asyncio.ensure_future(anext(second))
        await asyncio.sleep(0)
        assert not waiting.done()

        await db.write(adding("BERT"))

        assert await asyncio.wait_for(waiting, SOON) == 2
        assert await told(first) == 2


async def test_a_commit_that_one_has_seen_is_told_to_the_others_too(db: SQLiteDatabase):
    await db.write(adding("ADA"))
    async with aclosing(db.follow(0)) as first, aclosing(db.follow(1)) as second:
        assert await told(first) == 1
        waiting = asyncio.ensure_future(anext(second))
        await asyncio.sleep(3 * LOOK_SECONDS)
        with elsewhere(db.path) as other:
            other.execute(ADD, {"name": "BERT"})

        assert await told(first) == 2  # before the other one has looked
        assert await asyncio.wait_for(waiting, SOON) == 2


async def test_a_commit_that_changes_no_row_of_the_registry_is_not_told(db: SQLiteDatabase):
    async with aclosing(db.follow(0)) as following:
        waiting = asyncio.ensure_future(anext(following))
        with elsewhere(db.path) as other:
            other.execute(TOUCH_OTHER_TABLE, ("another",))
            other.execute(ADD, {"name": "ADA"})

        assert await asyncio.wait_for(waiting, SOON) == 1


async def test_it_ends_when_the_database_closes(db: SQLiteDatabase):
    async with aclosing(db.follow(0)) as following:
        waiting = asyncio.ensure_future(anext(following))
        await asyncio.sleep(0)

        await db.close()

        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(waiting, SOON)


async def test_nobody_looks_where_nobody_follows(db: SQLiteDatabase):
    statements: list[str] = []
    db._inline._connection.set_trace_callback(statements.append)
    await asyncio.sleep(3 * LOOK_SECONDS)
    assert statements == []

    async with aclosing(db.follow(0)) as following:
        waiting = asyncio.ensure_future(anext(following))
        while statements.count("PRAGMA data_version") < 5:  # noqa: ASYNC110 - SQLite tells of no look
            await asyncio.sleep(LOOK_SECONDS / 10)
        waiting.cancel()
        await asyncio.wait([waiting])
    counted = len(statements)
    await asyncio.sleep(3 * LOOK_SECONDS)

    # While nothing is written, the log itself is read once, at the beginning.
    assert len([each for each in statements if "FROM changes" in each]) == 1
    assert len(statements) == counted


@pytest.mark.thorough
async def test_commits_of_the_process_are_told_within_20_ms_and_others_within_250(
    db: SQLiteDatabase,
):
    own, others = [], []
    async with aclosing(db.follow(0)) as following:
        with elsewhere(db.path) as other:
            for number in range(40):
                await db.write(adding(f"OWN-{number}"))
                since = time.perf_counter()
                await told(following)
                own.append(time.perf_counter() - since)
                other.execute(ADD, {"name": f"OTHER-{number}"})
                since = time.perf_counter()
                await told(following)
                others.append(time.perf_counter() - since)

    assert statistics.median(own) < 0.02
    assert statistics.median(others) < 0.25

"""Reading: one snapshot, a limit on its time, and nothing left behind by a read that was given up."""

import asyncio
import gc
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from db.errors import EngineError, ReadTimeout, Unavailable
from db.program import Program, Statement, rows
from db.sqlite.database import SQLiteDatabase
from tests.support.registries.databases import (
    ADD,
    NAMES,
    adding,
    counting,
    elsewhere,
    endless,
    names,
    opened,
    snapshot,
)

TIMEOUT_SECONDS = 120


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


@pytest.fixture
async def db(path: Path) -> AsyncIterator[SQLiteDatabase]:
    """One connection to read with, and a limit that no test waits for."""
    async with opened(path, readers=1, read_seconds=600.0) as database:
        yield database


async def soon(db: SQLiteDatabase) -> list[str]:
    """The names, which must come although the pool has one connection only.

    Where the limit is short, a busy machine may take longer even for this.
    """
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            with suppress(ReadTimeout):
                return await db.read(names())


async def given_up(db: SQLiteDatabase, program: Program[object], seconds: float) -> None:
    reading = asyncio.ensure_future(db.read(program))
    await asyncio.sleep(seconds)
    reading.cancel()
    await asyncio.wait([reading], timeout=TIMEOUT_SECONDS)


async def no_snapshot_is_held(path: Path) -> bool:
    """Waits until the whole log could be written back, which a snapshot on it prevents."""
    with elsewhere(path) as connection:
        while True:
            held_up, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not held_up:
                return True
            await asyncio.sleep(0.01)


async def test_a_reader_refuses_to_write(db):
    with pytest.raises(EngineError, match="readonly"):
        await db.read(adding("ada"))

    assert await soon(db) == []
    assert await db.read(rows(Statement("PRAGMA query_only"))) == [(1,)]


async def test_each_connection_refuses_to_write_however_many_programs_it_is_first_lent_for(path):
    async with opened(path, readers=3) as db, AsyncExitStack() as held:
        sessions = [await held.enter_async_context(snapshot(db)) for _ in range(3)]

        for session in sessions:
            found = await asyncio.gather(*(session.run(names()) for _ in range(3)))
            with pytest.raises(EngineError, match="readonly"):
                await session.run(adding("ada"))

            assert found == [[]] * 3


async def test_a_program_sees_one_state_while_others_commit_between_its_batches(db, path):
    def looking_twice() -> Program[tuple[int, int]]:
        (before,) = yield [Statement(NAMES)]
        with elsewhere(path) as connection:
            connection.execute(ADD, {"name": "ada"})
        (after,) = yield [Statement(NAMES)]
        return len(before), len(after)

    found = await db.read(looking_twice())

    assert found == (0, 0)
    assert await db.read(names()) == ["ada"]


async def test_every_program_of_a_snapshot_sees_one_state_and_the_next_snapshot_the_new_one(db):
    async with snapshot(db) as session:
        before = await session.run(names())
        await db.write(adding("ada"))
        after = await session.run(names())

    assert before == after == []
    assert await soon(db) == ["ada"]


async def test_a_session_waits_for_a_connection_and_then_gets_it(db):
    async with snapshot(db) as session:
        await session.run(names())
        waiting = [asyncio.ensure_future(db.read(names())) for _ in range(5)]
        await asyncio.sleep(0.05)
        done_early = [reading.done() for reading in waiting]

    assert done_early == [False] * 5
    assert await asyncio.wait_for(asyncio.gather(*waiting), TIMEOUT_SECONDS) == [[]] * 5


async def test_a_caller_who_stops_waiting_for_a_connection_takes_none_from_the_pool(db):
    async with snapshot(db):
        for _ in range(3):
            await given_up(db, names(), 0.001)

    assert await soon(db) == []


async def test_a_read_that_takes_too_long_is_cut_off_and_the_connection_goes_on(path):
    async with opened(path, readers=1, read_seconds=0.1) as db:
        with pytest.raises(ReadTimeout, match=r"longer than 0\.1 s: ask for less"):
            await asyncio.wait_for(db.read(endless()), TIMEOUT_SECONDS)

        assert await soon(db) == []


async def test_the_time_limit_counts_all_programs_of_a_session(path):
    async with opened(path, readers=1, read_seconds=0.2) as db:

        async def reading() -> None:
            async with snapshot(db) as session:
                for _ in range(1_000):
                    await session.run(counting(10_000))

        with pytest.raises(ReadTimeout):
            await reading()
        assert await soon(db) == []


async def test_many_short_statements_are_cut_off_like_a_long_one(path):
    def chatting() -> Program[None]:
        for number in range(300_000):
            yield [Statement(f"SELECT {number}")]

    async with opened(path, readers=1, read_seconds=0.1) as db:
        with pytest.raises(ReadTimeout):
            await db.read(chatting())


async def test_a_cancelled_read_stops_and_its_connection_is_lent_again(db):
    await given_up(db, endless(), 0.05)

    assert await soon(db) == []


async def test_three_hundred_reads_cancelled_at_random_leave_nothing_behind(path):
    chance = random.Random(300)
    async with opened(path, readers=2) as db:
        for _ in range(100):
            await asyncio.gather(
                *(given_up(db, counting(20_000), chance.uniform(0, 0.004)) for _ in range(3))
            )
        await db.write(adding("ada"))
        async with snapshot(db) as one, snapshot(db) as other:
            seen = [await one.run(names()), await other.run(names())]
        assert await soon(db) == ["ada"]
        assert await asyncio.wait_for(no_snapshot_is_held(path), TIMEOUT_SECONDS)

    assert seen == [["ada"], ["ada"]]


async def test_a_cancelled_program_leaves_the_others_of_its_session_alone(db):
    async with snapshot(db) as session:
        stopped = asyncio.ensure_future(session.run(endless()))
        wanted = asyncio.ensure_future(session.run(names()))
        await asyncio.sleep(0.05)
        stopped.cancel()

        assert await asyncio.wait_for(wanted, TIMEOUT_SECONDS) == []


async def test_a_program_still_running_when_its_session_is_left_is_stopped(db):
    async with snapshot(db) as session:
        straggler = asyncio.ensure_future(session.run(endless()))
        await asyncio.sleep(0.05)

    with pytest.raises(Unavailable):
        await asyncio.wait_for(straggler, TIMEOUT_SECONDS)
    assert await soon(db) == []


async def test_a_session_given_back_cannot_read_in_the_next_ones_snapshot(db):
    async with snapshot(db) as left:
        await left.run(names())

    async with snapshot(db) as session:
        await session.run(names())
        with pytest.raises(Unavailable):
            await left.run(names())


async def test_closing_stops_running_reads_and_refuses_waiting_and_new_ones(path):
    async with opened(path, readers=1, read_seconds=600.0) as db:
        reads = [asyncio.ensure_future(db.read(endless())) for _ in range(3)]
        await asyncio.sleep(0.05)

        await asyncio.wait_for(db.close(), TIMEOUT_SECONDS)
        reads.append(asyncio.ensure_future(db.read(counting(1))))
        outcomes = await asyncio.wait_for(
            asyncio.gather(*reads, return_exceptions=True), TIMEOUT_SECONDS
        )

    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 4


async def test_a_session_given_back_after_closing_raises_nothing(path):
    lost: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
    async with opened(path, readers=1) as db, snapshot(db) as session:
        await session.run(names())
        await db.close()

        with pytest.raises(Unavailable):
            await session.run(names())
    await asyncio.sleep(0.05)
    gc.collect()  # asyncio reports an error that nobody looked at when it is collected

    assert lost == []

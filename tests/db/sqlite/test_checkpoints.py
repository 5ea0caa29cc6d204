"""The write-ahead log: emptied when nobody writes, and kept short while others read for long."""

import asyncio
import itertools
import logging
from pathlib import Path

import pytest

from db.errors import Overloaded
from db.program import Statement, rows
from db.sqlite.checkpoints import LONG_SNAPSHOT_SECONDS, WRITING_PER_WAITING, LogLimits
from db.sqlite.database import SQLiteDatabase
from db.transfer import exports
from tests.support.registries.databases import (
    NAMES,
    adding,
    counting,
    endless,
    names,
    opened,
    snapshot,
)
from tests.support.running.waiting import eventually

pytestmark = pytest.mark.waits

TIMEOUT_SECONDS = 120
EVENT = "write-ahead log cannot be emptied"
LONG = "x" * 20_000
SMALL = LogLimits(idle=100_000, busy=200_000, most=400_000, blocked_seconds=0.2)
NEVER = 2**62


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


async def grow(db: SQLiteDatabase, above: int) -> None:
    """Write until the log is longer than this."""
    number = 0
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while db.statistics().log_bytes <= above:
            await db.write(adding(f"{number:04}{LONG}"))
            number += 1


def is_empty(db: SQLiteDatabase) -> bool:
    return db.statistics().log_bytes == 0


async def test_when_nobody_writes_a_long_log_is_emptied_and_a_short_one_is_left_alone(
    path, tmp_path
):
    async with (
        opened(path, log_limits=LogLimits(idle=100_000)) as db,
        opened(tmp_path / "other.db", log_limits=LogLimits(idle=1_000_000)) as other,
    ):
        await grow(other, 150_000)
        await grow(db, 150_000)

        await eventually(lambda: is_empty(db))

        assert other.statistics().log_bytes > 150_000
        assert len(await db.read(names())) > 0


async def test_the_log_of_a_database_behind_a_link_is_found(path, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    async with opened(tmp_path / "elsewhere" / "registry.db"):
        path.symlink_to(tmp_path / "elsewhere" / "registry.db")
    async with opened(path, log_limits=SMALL) as db:
        await grow(db, 250_000)

        await eventually(lambda: is_empty(db))


async def test_while_reads_always_overlap_the_log_is_emptied_between_two_writes(path):
    async with opened(path, log_limits=LogLimits(idle=NEVER, busy=200_000)) as db:
        await grow(db, 300_000)
        others = [asyncio.ensure_future(work(db)) for work in (_read_without_a_gap, _write_on)]

        await eventually(lambda: db.statistics().log_bytes < 200_000)

        assert db.statistics().reads_refused == {}
        for each in others:
            each.cancel()


async def _read_without_a_gap(db: SQLiteDatabase) -> None:
    """Begin each snapshot before the last one ends."""
    last = None
    while True:
        session = await db.borrow()
        await session.run(names())
        if last is not None:
            db.give_back(last)
        last = session
        await asyncio.sleep(0.01)


async def _write_on(db: SQLiteDatabase) -> None:
    for number in itertools.count():
        await db.write(adding(f"w{number:04}"))
        await asyncio.sleep(0.005)


async def test_an_export_is_never_stopped_and_the_log_is_emptied_once_it_ends(path, caplog):
    async with opened(path, log_limits=SMALL) as db:
        with exports.snapshot(path) as exporting:
            before = exporting.execute(NAMES).fetchall()
            await grow(db, 500_000)
            with caplog.at_level(logging.WARNING):
                await eventually(lambda: EVENT in caplog.messages)
                blocked = db.statistics()
                tried_on = blocked.log_blocked_seconds + WRITING_PER_WAITING * 0.1
                await eventually(lambda: db.statistics().log_blocked_seconds > tried_on)
            after = exporting.execute(NAMES).fetchall()
        await eventually(lambda: is_empty(db) and db.statistics().log_blocked_seconds == 0)

    assert before == after == []
    assert blocked.log_bytes > 500_000
    assert blocked.log_blocked_seconds > SMALL.blocked_seconds
    (warning,) = [each for each in caplog.records if each.message == EVENT]
    assert vars(warning)["bytes"] > 500_000
    assert "end the program" in vars(warning)["advice"]


async def test_above_the_limit_long_reads_of_requests_are_stopped_and_others_go_on(path):
    limits = LogLimits(idle=NEVER, busy=200_000, most=400_000)
    async with opened(path, readers=3, log_limits=limits) as db:
        idle, running = await db.borrow(), await db.borrow()
        await idle.run(names())
        endless_read = asyncio.ensure_future(running.run(endless()))
        await asyncio.sleep(LONG_SNAPSHOT_SECONDS)
        await grow(db, 450_000)
        young = await db.borrow()
        seen = await young.run(names())

        with pytest.raises(Overloaded, match="old rows for so long: try again"):
            await asyncio.wait_for(endless_read, TIMEOUT_SECONDS)
        with pytest.raises(Overloaded):
            await idle.run(names())

        assert db.statistics().reads_refused == {"log_size": 2}
        assert await young.run(names()) == seen
        for session in (idle, running, young):
            db.give_back(session)
        await eventually(lambda: is_empty(db))
        assert await db.read(counting(1)) == 1


async def test_below_the_limit_no_read_is_stopped(path):
    limits = LogLimits(idle=NEVER, busy=200_000, most=NEVER, blocked_seconds=0.2)
    async with opened(path, log_limits=limits) as db, snapshot(db) as session:
        await session.run(names())
        await grow(db, 500_000)
        await eventually(lambda: db.statistics().log_blocked_seconds > LONG_SNAPSHOT_SECONDS)

        assert await session.run(names()) == []


async def test_no_two_states_have_one_change_token_while_the_log_is_emptied_again_and_again(path):
    limits = LogLimits(idle=0, busy=0)
    states: dict[bytes, int] = {}
    emptied = 0
    async with opened(path, log_limits=limits) as one, opened(path, log_limits=limits) as other:
        for number in range(60):
            await (one, other)[number % 2].write(adding(f"{number:04}"))
            if number % 20 == 10:
                await eventually(lambda: is_empty(one))
                emptied += 1
            for worker in (one, other):
                token = await worker.change_token()
                assert token is not None
                assert states.setdefault(token, number) == number
        ((count,),) = await one.read(rows(Statement("SELECT count(*) FROM actors")))

    assert (count, emptied) == (60, 3)

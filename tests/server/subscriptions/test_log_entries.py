"""The newest entries of the log decide whether a listener with a filter has to read."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db.queries.conditions import EVERYTHING, All, AnyOf, Compare, Not
from db.sqlite.database import SQLiteDatabase
from server.subscriptions.log_tail import MOST_ENTRIES, LogTail, Stopping
from tests.support.registries.databases import adding, opened

pytestmark = pytest.mark.waits

SOON = 60  # seconds: a busy machine may take long
OF_ACTORS = Compare("kind", "in_unindexed", '["actors"]')
OF_OTHERS = Compare("kind", "in_unindexed", '["contexts", "connections"]')


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SQLiteDatabase]:
    async with opened(tmp_path / "registry.db") as db:
        yield db


@pytest.fixture
async def tail(db: SQLiteDatabase) -> AsyncIterator[LogTail]:
    tail = LogTail(db)
    tail.start(0)
    yield tail
    await tail.close()


async def grown(tail: LogTail, newest: int) -> None:
    """Wait until it knows of so many changes."""
    deadline = asyncio.get_running_loop().time() + SOON
    assert await tail.has_grown(newest - 1, deadline)


async def test_entries_decide_what_they_can(db: SQLiteDatabase, tail: LogTail):
    await db.write(adding("ADA", "BERT"))
    await grown(tail, 2)

    assert tail.may_meet(EVERYTHING, 0)
    assert tail.may_meet(OF_ACTORS, 1)
    assert not tail.may_meet(OF_OTHERS, 0)
    assert not tail.may_meet(EVERYTHING, 2)
    assert tail.may_meet(All((OF_ACTORS, Compare("key", "eq", "BERT"))), 0)
    assert not tail.may_meet(All((OF_ACTORS, Compare("key", "eq", "BERT"))), 2)
    assert not tail.may_meet(Compare("operation", "eq", "deleted"), 0)


@pytest.mark.parametrize(
    "condition", [Compare("actor", "eq", "X"), AnyOf((OF_OTHERS,)), Not(OF_ACTORS)]
)
async def test_what_entries_cannot_decide_is_read(db: SQLiteDatabase, tail: LogTail, condition):
    await db.write(adding("ADA"))
    await grown(tail, 1)

    assert tail.may_meet(condition, 0)


@pytest.mark.files_only("it writes thousands of rows at once, as no server does")
async def test_more_than_the_entries_that_are_kept_is_read(db: SQLiteDatabase, tail: LogTail):
    await db.write(adding(*[f"ACTOR-{number:05}" for number in range(MOST_ENTRIES + 5)]))
    await grown(tail, MOST_ENTRIES + 5)

    assert tail.may_meet(OF_OTHERS, 4)
    assert not tail.may_meet(OF_OTHERS, 5)


async def test_a_stop_ends_every_wait(tail: LogTail):
    waiting = asyncio.ensure_future(tail.has_grown(0, asyncio.get_running_loop().time() + SOON))
    await asyncio.sleep(0)

    tail.end_all()

    with pytest.raises(Stopping):
        await waiting

"""The end of the log, as all listeners of one worker share it."""

import asyncio
from pathlib import Path

import pytest

from db.queries.conditions import All, Compare
from server.subscriptions.log_tail import LogTail
from tests.support.registries.databases import ADD, adding, elsewhere, opened

SOON = 60  # seconds: a busy machine may take long


@pytest.mark.parametrize("condition", [All(()), Compare("kind", "eq", "actors")])
async def test_who_begins_to_listen_takes_no_change_from_those_who_do(tmp_path: Path, condition):
    async with opened(tmp_path / "registry.db") as db:
        tail = LogTail(db)
        await db.write(adding("ADA"))
        tail.start(1)
        with elsewhere(db.path) as other:
            other.execute(ADD, {"name": "BERT"})
            tail.start(2)  # before it was read

            deadline = asyncio.get_running_loop().time() + SOON
            assert await tail.has_grown(1, deadline)
            assert tail.may_meet(condition, 1)
        await tail.close()


async def test_what_follows_is_among_the_entries_after_a_pause(tmp_path: Path):
    async with opened(tmp_path / "registry.db") as db:
        tail = LogTail(db)
        tail.start(0)
        tail.stop_following()
        await db.write(adding("ADA", "BERT"))
        tail.start(2)
        await db.write(adding("CARL"))

        deadline = asyncio.get_running_loop().time() + SOON
        assert await tail.has_grown(2, deadline)
        assert tail.may_meet(Compare("key", "eq", "CARL"), 2)
        assert not tail.may_meet(Compare("key", "eq", "ADA"), 2)
        assert tail.may_meet(Compare("key", "eq", "DORA"), 1)  # not known any more: read it
        await tail.close()

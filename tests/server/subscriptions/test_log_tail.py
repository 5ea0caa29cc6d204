"""The end of the log, as all listeners of one worker share it."""

import asyncio
from pathlib import Path

import pytest

from db import attribution
from db.queries.conditions import All, Compare
from server.subscriptions.log_tail import LogTail
from tests.support.engines.engine import present
from tests.support.registries.databases import ADD, NOW, adding, elsewhere, opened
from tests.support.services.commands import command

LONG_AGO = {"actor": None, "cause": "test", "request_id": None, "at": NOW}
LATER = "2026-01-02"
PRUNED = All((Compare("key", "eq", "ADA"), Compare("operation", "eq", "updated")))
SOON = 60  # seconds: a busy machine may take long


@pytest.mark.parametrize("condition", [All(()), Compare("kind", "eq", "actors")])
async def test_who_begins_to_listen_takes_no_change_from_those_who_do(tmp_path: Path, condition):
    async with opened(tmp_path / "registry.db") as db:
        tail = LogTail(db)
        await db.write(adding("ADA"))
        tail.start(1)
        with elsewhere(tmp_path / "registry.db") as other:
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


async def test_what_was_pruned_before_it_was_seen_is_passed_over_by_nobody(tmp_path: Path):
    async with opened(tmp_path / "registry.db") as db:
        tail = LogTail(db)
        tail.start(0)
        await asyncio.sleep(0)
        with elsewhere(tmp_path / "registry.db") as other:
            other.execute(attribution.FILL, LONG_AGO)
            for name in ("ADA", "BERT"):
                other.execute(ADD, {"name": name})
                other.execute("UPDATE actors SET display_name = 'x' WHERE chitty_id = ?", (name,))
            other.execute(attribution.EMPTY)
        url = present().url(tmp_path / "registry.db")
        pruned = command("audit", "prune", "--before", LATER, "--database", url)
        assert pruned.returncode == 0, pruned.stderr

        deadline = asyncio.get_running_loop().time() + SOON
        assert await tail.has_grown(0, deadline)
        assert tail.may_meet(PRUNED, 0)
        await tail.close()

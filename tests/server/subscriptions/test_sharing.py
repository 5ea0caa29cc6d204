"""What listening costs: nothing while nothing happens, and one read for all who listen to the same."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from db.sqlite.followers import LOOK_SECONDS
from tests.support.registries.databases import adding
from tests.support.requests.event_streams import listening
from tests.support.services.local_server import LocalServer, serving

pytestmark = [
    pytest.mark.waits,
    pytest.mark.files_only("it counts the statements that SQLite's connections run"),
]

CHANGES = """
    subscription Live($after: String, $filter: ChangeFilter) {
      changes(after: $after, filter: $filter) { cursor entity { id ... on Actor { displayName } } }
    }
"""
COUNTED = 0.5  # seconds


class Reads:
    """The statements that a server's connections run, but for SQLite's counter of commits."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    @classmethod
    async def of(cls, server: LocalServer) -> "Reads":
        reads = cls()
        db: Any = server.app.service.db
        db._inline._connection.set_trace_callback(reads._take)
        for thread in db._pool._threads:
            await thread.hop(lambda connection: connection.set_trace_callback(reads._take))
        return reads

    def _take(self, sql: str) -> None:
        # Looked after from time to time.
        is_of_others = "waiting_installations" in sql or "outgoing_webhooks" in sql
        if sql not in ("PRAGMA data_version", "BEGIN", "ROLLBACK") and not is_of_others:
            self.statements.append(sql)

    def of_changes(self) -> int:
        """How many have looked for changes that a viewer sees."""
        return sum("change.sequence >" in each for each in self.statements)


async def test_nothing_is_read_while_nothing_happens(tmp_path: Path):
    async with serving(tmp_path / "registry.db") as server:
        reads = await Reads.of(server)
        await asyncio.sleep(COUNTED)
        without = list(reads.statements)
        async with listening(server.url, CHANGES):
            reads.statements.clear()
            await asyncio.sleep(COUNTED)
            during = list(reads.statements)

    assert without == []
    assert len(during) <= 1  # the follower's first look
    assert COUNTED > 2 * LOOK_SECONDS


async def test_who_listens_to_the_same_shares_one_read(tmp_path: Path):
    async with serving(tmp_path / "registry.db") as server, AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(listening(server.url, CHANGES)) for _ in range(20)
        ]
        reads = await Reads.of(server)
        for name in ("ADA", "BERT", "CARL"):
            await server.app.service.db.write(adding(name))
            told = [await stream.next() for stream in streams]
            assert told == told[:1] * 20
        assert reads.of_changes() == 3


async def test_listeners_who_come_back_with_other_cursors_share_what_follows(tmp_path: Path):
    async with serving(tmp_path / "registry.db") as server, AsyncExitStack() as stack:
        db = server.app.service.db
        await db.write(adding("ADA", "BERT"))
        async with listening(server.url, CHANGES) as stream:
            place = stream.last_id
            await db.write(adding("CARL"))
            cursor = (await stream.next())["data"]["changes"]["cursor"]
        streams = [
            await stack.enter_async_context(listening(server.url, CHANGES, after=each))
            for each in (place, cursor)
        ]
        assert (await streams[0].next())["data"]["changes"]["cursor"] == cursor
        reads = await Reads.of(server)
        await db.write(adding("DORA"))
        assert await streams[0].next() == await streams[1].next()
        assert reads.of_changes() == 1


async def test_a_filter_that_meets_nothing_new_reads_nothing(tmp_path: Path):
    async with serving(tmp_path / "registry.db") as server, AsyncExitStack() as stack:
        db = server.app.service.db
        filters = [
            {"kinds": ["CONTEXT", "CONNECTION"]},
            {"operations": ["DELETED"]},
            {"entityId": "QWN0b3I6Tk9CT0RZ"},
        ]
        for each in filters:
            await stack.enter_async_context(listening(server.url, CHANGES, filter=each))
        witness = await stack.enter_async_context(listening(server.url, CHANGES))
        reads = await Reads.of(server)
        await db.write(adding("ADA"))
        await witness.next()
        await db.write(adding("BERT"))
        await witness.next()

        assert reads.of_changes() == 2


async def test_rows_of_the_reader_are_read_with_the_events_of_one_commit(tmp_path: Path):
    async with (
        serving(tmp_path / "registry.db") as server,
        listening(server.url, CHANGES) as stream,
    ):
        reads = await Reads.of(server)
        await server.app.service.db.write(adding(*[f"ACTOR-{n:02}" for n in range(50)]))
        for _ in range(50):
            await stream.next()

    assert reads.of_changes() <= 2
    assert len(reads.statements) <= 12

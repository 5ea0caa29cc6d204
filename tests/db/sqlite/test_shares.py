"""Who gets a connection to read with, when many want one: turns, halves, and an end to every wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from db.database import Session
from db.errors import Overloaded
from db.sqlite import reader_pool
from db.sqlite.database import SQLiteDatabase
from tests.support.registries.databases import names, opened
from tests.support.running.waiting import eventually

pytestmark = pytest.mark.waits

TIMEOUT_SECONDS = 120
# For tests whose waits must end: the longest that a share waits before another gives way is half of it.
BRIEF = 0.1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


class Clients:
    """They borrow sessions, and `order` says whose turn came when."""

    def __init__(self, db: SQLiteDatabase) -> None:
        self.db = db
        self.order: list[str] = []
        self.sessions: dict[str, list[Session]] = {}
        self.asked: list[asyncio.Task[Session]] = []

    async def borrow(self, share: str) -> Session:
        session = await self.db.borrow(share=share)
        self.order.append(share)
        self.sessions.setdefault(share, []).append(session)
        return session

    def ask(self, *shares: str) -> list[asyncio.Task[Session]]:
        """Borrow later, in this order."""
        asked = [asyncio.ensure_future(self.borrow(share)) for share in shares]
        self.asked += asked
        return asked

    async def read_on(self, share: str) -> None:
        """Read for as long as that is let."""
        session = await self.borrow(share)
        try:
            while True:
                await session.run(names())
                await asyncio.sleep(0.005)
        finally:
            self.db.give_back(session)

    def give_back(self, share: str) -> None:
        self.db.give_back(self.sessions[share].pop())

    async def have_had(self, turns: int) -> None:
        await eventually(lambda: len(self.order) == turns)


@asynccontextmanager
async def clients(path: Path, **options: Any) -> AsyncIterator[Clients]:
    async with opened(path, **options) as db:
        those = Clients(db)
        yield those
    await asyncio.gather(*those.asked, return_exceptions=True)


async def queued(db: SQLiteDatabase, count: int) -> None:
    await eventually(lambda: db.statistics().reads_waiting == count)


async def test_a_read_that_would_wait_too_long_is_refused(path):
    async with clients(path, readers=1, wait_seconds=BRIEF) as those:
        await those.borrow("ada")

        with pytest.raises(Overloaded, match=r"no connection .* was free for 0\.1 s: try again"):
            await asyncio.wait_for(those.borrow("bob"), TIMEOUT_SECONDS)
        those.give_back("ada")
        await those.borrow("bob")

        figures = those.db.statistics()
        assert (figures.reads_waiting, dict(figures.reads_refused)) == (0, {"wait": 1})


async def test_the_figures_say_how_many_wait_and_for_how_long(path):
    async with clients(path, readers=1) as those:
        idle = those.db.statistics()
        await those.borrow("ada")
        those.ask("bob", "ada", "bob")

        await queued(those.db, 3)
        await eventually(lambda: those.db.statistics().longest_read_wait > 0.01)

    assert (idle.reads_waiting, idle.longest_read_wait) == (0, 0.0)


async def test_clients_take_turns_however_many_reads_one_of_them_has_queued(path):
    async with clients(path, readers=1) as those:
        await those.borrow("ada")
        asked = those.ask("ada", "ada", "ada", "bob", "cyd", "bob")
        await queued(those.db, 6)

        for turns in range(2, 8):
            those.give_back(those.order[-1])
            await those.have_had(turns)
        await asyncio.gather(*asked)

    assert those.order == ["ada", "ada", "bob", "cyd", "ada", "bob", "ada"]


async def test_a_client_alone_may_use_all_connections(path):
    async with clients(path, readers=4) as those:
        for _ in range(4):
            await asyncio.wait_for(those.borrow("ada"), TIMEOUT_SECONDS)

        assert those.db.statistics().readers_in_use == 4


async def test_while_others_wait_a_client_is_brought_back_to_half_of_the_connections(path):
    async with clients(path, readers=4, wait_seconds=0.6) as those:
        reads = [asyncio.ensure_future(those.read_on("ada")) for _ in range(4)]
        await those.have_had(4)

        for _ in range(2):
            await asyncio.wait_for(those.borrow("bob"), TIMEOUT_SECONDS)
        with pytest.raises(Overloaded):
            await asyncio.wait_for(those.borrow("bob"), TIMEOUT_SECONDS)

        assert [read.done() for read in reads] == [False, False, True, True]
        for stopped in reads[2:]:
            with pytest.raises(Overloaded, match=r"others wait to read, .* try again"):
                await stopped
        assert those.db.statistics().reads_refused == {"share": 2, "wait": 1}
        for read in reads[:2]:
            read.cancel()
        await asyncio.wait(reads)


async def test_a_snapshot_that_is_stopped_between_two_reads_is_lent_to_the_one_who_waits(path):
    async with clients(path, readers=2, wait_seconds=3.0) as those:
        for _ in range(2):
            held = await those.borrow("ada")
            await held.run(names())

        waiting = those.ask("bob")[0]
        await eventually(lambda: those.db.statistics().reads_refused["share"] == 1)
        with pytest.raises(Overloaded):
            await held.run(names())
        those.give_back("ada")

        assert await (await waiting).run(names()) == []


async def test_a_client_that_reads_long_gets_no_second_connection_while_another_comes_and_goes(
    path,
):
    async with clients(path, readers=2, wait_seconds=600.0) as those:
        await those.borrow("bob")
        those.give_back("bob")
        await those.borrow("ada")
        await asyncio.sleep(2 * reader_pool.LONG_SECONDS)

        those.ask("ada")
        await queued(those.db, 1)
        await asyncio.wait_for(those.borrow("bob"), TIMEOUT_SECONDS)

        assert those.order == ["bob", "ada", "bob"]


async def test_a_client_whose_last_read_was_long_gets_half_of_the_connections_from_the_start(path):
    async with clients(path, readers=2, wait_seconds=600.0) as those:
        await those.borrow("bob")
        await those.borrow("ada")
        await asyncio.sleep(2 * reader_pool.LONG_SECONDS)
        for share in ("ada", "bob"):
            those.give_back(share)

        those.ask("ada", "ada")
        await queued(those.db, 1)
        await asyncio.wait_for(those.borrow("cyd"), TIMEOUT_SECONDS)

        assert those.order == ["bob", "ada", "ada", "cyd"]


@pytest.mark.parametrize("later", [0.1, 0.3])
async def test_a_client_that_reads_long_has_all_connections_again_once_the_others_are_gone(
    path, later
):
    async with clients(path, readers=2, wait_seconds=0.4) as those:
        await those.borrow("bob")
        those.give_back("bob")
        await those.borrow("ada")
        await asyncio.sleep(later)

        await asyncio.wait_for(those.borrow("ada"), TIMEOUT_SECONDS)

        assert those.db.statistics().reads_refused == {}


async def test_a_client_alone_may_use_all_connections_though_the_server_reads_for_itself(path):
    async with clients(path, readers=2, wait_seconds=600.0) as those:
        await those.db.read(names())
        await those.borrow("ada")
        await asyncio.sleep(2 * reader_pool.LONG_SECONDS)

        await asyncio.wait_for(those.borrow("ada"), TIMEOUT_SECONDS)

        assert those.db.statistics().readers_in_use == 2


async def test_a_full_queue_drops_the_last_read_of_the_client_that_has_most_in_it(path):
    most = reader_pool.MOST_WAITING
    async with clients(path, readers=1) as those:
        await those.borrow("ada")
        many = those.ask(*["ada"] * most)
        await queued(those.db, most)

        few = those.ask("bob")
        await eventually(many[-1].done)
        newcomer = those.ask("ada")
        await eventually(newcomer[0].done)

        assert sum(asked.done() for asked in [*many, *few]) == 1
        for dropped in (many[-1], newcomer[0]):
            with pytest.raises(Overloaded, match="too many reads are waiting: try again"):
                await dropped
        figures = those.db.statistics()
        assert (figures.reads_waiting, dict(figures.reads_refused)) == (most, {"queue_full": 2})


async def test_among_clients_with_one_read_each_a_full_queue_refuses_the_newcomer(path):
    most = reader_pool.MOST_WAITING
    async with clients(path, readers=1) as those:
        await those.borrow("ada")
        many = those.ask(*map(str, range(most)))
        await queued(those.db, most)

        with pytest.raises(Overloaded):
            await asyncio.wait_for(those.borrow("bob"), TIMEOUT_SECONDS)

        assert not any(asked.done() for asked in many)


async def test_a_caller_who_is_cancelled_as_its_turn_comes_gives_the_connection_on(path):
    async with clients(path, readers=1) as those:
        await those.borrow("ada")
        gone, patient = those.ask("bob", "cyd")
        await queued(those.db, 2)

        those.give_back("ada")
        gone.cancel()
        await asyncio.wait_for(patient, TIMEOUT_SECONDS)

        assert gone.cancelled()
        assert those.order == ["ada", "cyd"]

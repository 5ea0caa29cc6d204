"""What is read over HTTP: the wanted state or a newer one, by so many at once, and by those who follow it."""

import asyncio
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import FrameType

import pytest

from db.commands import actors
from db.consistency import At, Level
from db.errors import BadRequest, EngineLimit, Overloaded, ReadTimeout, Unavailable
from db.model import words
from db.program import Program, Rows, Statement, rows
from db.queries.searches import KINDS
from db.remote import followers
from db.remote.database import RemoteDatabase
from db.remote.programs import MANY_ROWS
from db.remote.turns import Turns
from resolvers import search
from resolvers.operation_context import OperationContext
from resolvers.pages import PageArguments
from resolvers.permissions import Viewer
from tests.support.registries.databases import registry_at
from tests.support.services.sqlite_transport import Engine, SQLiteTransport, remote_database

COUNT = Statement("SELECT count(*) FROM actors")
NUMBERS = """
    WITH RECURSIVE numbers (number) AS (
        SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < :count
    )
    SELECT number FROM numbers
"""
OWNER = """
    INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)
    VALUES ('CHITTY-ACTOR-ADA', 'human', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')
"""
CONTEXTS = f"""
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)
    SELECT 'CHITTY-CONTEXT-' || number, 'context ' || number, 'CHITTY-ACTOR-ADA',
        '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'
    FROM ({NUMBERS})
"""
NEAREST = At(Level.NONE)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """An empty registry on an engine over HTTP."""
    async with remote_database(tmp_path / "registry.db") as opened:
        yield opened


async def register(db: RemoteDatabase, number: int) -> None:
    await db.write(actors.insert({"chitty_id": f"CHITTY-ACTOR-{number}", "actor_type": "human"}))


def twice() -> Program[list[Rows]]:
    """Count the actors in two batches."""
    (first,) = yield [COUNT]
    (second,) = yield [COUNT]
    return [first, second]


async def test_a_copy_may_be_old_unless_the_read_must_see_a_write(engine):
    db, transport = engine
    await register(db, 1)

    old = await db.read(rows(COUNT), at=NEAREST)
    seen = await db.read(rows(COUNT), at=At(Level.NONE, mark=await db.mark()))

    assert (old, seen) == ([(0,)], [(1,)])
    assert [at.level for _, at in transport.sent[-2:]] == [Level.NONE, Level.WEAK]


async def test_a_mark_of_a_database_that_was_replaced_is_asked_for_once_at_each_level(engine):
    db, transport = engine
    before = len(transport.sent)

    assert await db.read(rows(COUNT), at=At(Level.NONE, mark=10**9)) == [(0,)]

    levels = [at.level for _, at in transport.sent[before:]]
    assert levels == [Level.NONE, Level.WEAK, Level.STRONG]


async def test_a_session_tells_that_its_batches_saw_different_states(engine):
    db, transport = engine
    whole, torn = await db.borrow(), await db.borrow()
    await whole.run(twice())
    reads: Iterator[int] = iter(range(10))

    async def write_before_the_second() -> None:
        if next(reads) == 1:
            await register(db, 1)

    transport.before_read = write_before_the_second

    assert await torn.run(twice()) == [[(0,)], [(1,)]]
    assert (whole.is_torn, torn.is_torn) == (False, True)


async def test_a_session_that_was_given_back_reads_no_more(engine):
    db, _ = engine
    session = await db.borrow()
    db.give_back(session)
    db.give_back(session)

    with pytest.raises(Unavailable, match="stopped"):
        await session.run(rows(COUNT))

    assert db.statistics().readers_in_use == 0


async def test_a_session_reads_no_longer_than_it_may(tmp_path):
    registry_at(tmp_path / "registry.db")
    transport = SQLiteTransport(tmp_path / "registry.db")
    db = RemoteDatabase(transport, read_seconds=0.01)
    transport.before_read = lambda: asyncio.sleep(0.02)

    with pytest.raises(ReadTimeout, match=r"0\.01 s"):
        await db.read(twice())

    await db.close()


def of_thread(count: int) -> Program[int]:
    """Read so many rows; the thread on which the Program goes on with them."""
    yield [Statement(NUMBERS, {"count": count})]
    return threading.get_ident()


@pytest.mark.parametrize(("count", "is_loop"), [(MANY_ROWS, True), (MANY_ROWS + 1, False)])
async def test_a_program_goes_on_with_many_rows_where_it_holds_nobody_up(engine, count, is_loop):
    db, _ = engine

    thread = await db.read(of_thread(count))

    assert (thread == threading.get_ident()) is is_loop


async def test_what_a_program_raises_of_many_rows_arrives(engine):
    db, _ = engine

    def failing() -> Program[None]:
        yield [Statement(NUMBERS, {"count": MANY_ROWS + 1})]
        raise BadRequest("BAD_SEARCH", "too long")

    with pytest.raises(BadRequest, match="too long"):
        await db.read(failing())


async def test_a_program_that_nobody_waits_for_any_more_ends_on_its_thread(engine):
    db, _ = engine
    begun, goes_on, ended = threading.Event(), threading.Event(), threading.Event()

    def slow() -> Program[None]:
        try:
            yield [Statement(NUMBERS, {"count": MANY_ROWS + 1})]
            begun.set()
            goes_on.wait()
            yield [COUNT]
        finally:
            ended.set()

    reading = asyncio.create_task(db.read(slow()))
    await asyncio.to_thread(begun.wait)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    goes_on.set()

    del reading
    await asyncio.to_thread(ended.wait)
    assert await db.read(rows(COUNT)) == [(0,)]


async def test_a_search_of_many_own_rows_ranks_none_of_them_on_the_event_loop(tmp_path):
    file = tmp_path / "registry.db"
    registry_at(file)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(OWNER)
        connection.execute(CONTEXTS, {"count": 2 * MANY_ROWS})
    viewer = Viewer("CHITTY-ACTOR-ADA", ())
    ranked: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is words.rank.__code__:
            ranked.append(frame.f_locals["text"])

    async with (
        remote_database(file) as (db, _),
        OperationContext(db=db, cursor_key=b"key", viewer=viewer) as ctx,
    ):
        looking = search.page(ctx, "context 7", KINDS, PageArguments(first=5))
        sys.setprofile(note)  # of this thread alone
        try:
            page = await ctx.read(looking)
        finally:
            sys.setprofile(None)

    assert page.found[0].text == "context 7"
    assert page.rows > MANY_ROWS
    assert ranked == []


async def test_the_token_changes_with_each_write_and_is_shared_for_a_moment(engine):
    db, transport = engine
    empty = await db.change_token()
    await register(db, 1)
    own = await db.change_token(within=60.0)
    asked = len(transport.sent)

    again = {await db.change_token(within=60.0) for _ in range(10)}

    assert empty != own
    assert again == {own}
    assert len(transport.sent) == asked


async def test_those_who_ask_for_the_token_at_once_share_an_answer(engine):
    db, transport = engine

    tokens = await asyncio.gather(*(db.change_token(within=60.0) for _ in range(20)))

    assert len(set(tokens)) == 1
    assert len(transport.sent) == 1


@pytest.mark.parametrize("within", [0.0, 1.0])
async def test_the_token_is_refused_while_there_is_no_leader(engine, within):
    db, transport = engine
    transport.has_leader = False

    with pytest.raises(Unavailable, match="no leader"):
        await db.change_token(within=within)


async def test_followers_are_told_of_own_writes_at_once(engine, monkeypatch):
    monkeypatch.setattr(followers, "LOOK_SECONDS", 3_600.0)
    db, _ = engine
    told = db.follow(0)
    next_change = asyncio.ensure_future(anext(told))
    await asyncio.sleep(0)

    await register(db, 1)

    assert await asyncio.wait_for(next_change, 60) == 1
    await told.aclose()


async def test_followers_are_told_of_what_others_write_once_the_nearest_copy_has_it(engine):
    db, transport = engine
    told = db.follow(0)
    next_change = asyncio.ensure_future(anext(told))
    other = RemoteDatabase(transport, wait_seconds=60.0)
    await register(other, 1)
    transport.catch_up()

    assert await asyncio.wait_for(next_change, 60) == 1
    await told.aclose()


@pytest.mark.parametrize(
    "failure", [Unavailable("no machine answers"), EngineLimit("too much"), KeyError("a fault")]
)
async def test_following_goes_on_whatever_a_look_meets(engine, monkeypatch, failure):
    monkeypatch.setattr(followers, "LOOK_SECONDS", 0.01)
    db, transport = engine
    failed = asyncio.Event()

    async def fail() -> None:
        transport.before_read = None
        failed.set()
        raise failure

    transport.before_read = fail
    told = db.follow(0)
    next_change = asyncio.ensure_future(anext(told))
    await asyncio.wait_for(failed.wait(), 60)
    await register(db, 1)
    transport.catch_up()

    assert await asyncio.wait_for(next_change, 60) == 1
    await told.aclose()


async def test_a_database_that_closes_ends_those_who_follow(tmp_path):
    async with remote_database(tmp_path / "registry.db") as (db, _):
        following = asyncio.ensure_future(anext(db.follow(0)))
        await asyncio.sleep(0)

    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(following, 60)


async def test_shares_take_turns_and_whoever_waits_too_long_is_refused():
    turns = Turns(wait_seconds=60.0, most=1)
    await turns.take("a")
    order: list[str] = []

    async def take(share: str) -> None:
        await turns.take(share)
        order.append(share)
        turns.give_back()

    waiting = [asyncio.ensure_future(take(share)) for share in ("a", "a", "b")]
    await asyncio.sleep(0)
    turns.give_back()
    await asyncio.gather(*waiting)

    assert order == ["a", "b", "a"]
    assert turns.taken == 0


async def test_a_read_is_refused_when_no_turn_comes_in_time():
    turns = Turns(wait_seconds=0.01, most=1)
    await turns.take("a")

    with pytest.raises(Overloaded, match="nothing was read"):
        await turns.take("b")

    assert turns.refused == {"wait": 1}
    assert turns.waiting == 0


async def test_whoever_stops_waiting_leaves_the_turn_to_others():
    turns = Turns(wait_seconds=60.0, most=1)
    await turns.take("a")
    gone, other = (asyncio.ensure_future(turns.take(share)) for share in ("b", "c"))
    await asyncio.sleep(0)

    gone.cancel()
    turns.give_back()
    with suppress(asyncio.CancelledError):
        await gone
    await asyncio.wait_for(other, 60)

    assert turns.taken == 1


async def test_a_turn_that_comes_together_with_a_cancellation_is_not_lost():
    turns = Turns(wait_seconds=60.0, most=1)
    await turns.take("a")
    gone = asyncio.ensure_future(turns.take("b"))
    await asyncio.sleep(0)

    turns.give_back()
    gone.cancel()
    with suppress(asyncio.CancelledError):
        await gone

    assert turns.taken == 0

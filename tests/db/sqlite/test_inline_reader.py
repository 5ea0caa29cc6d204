"""Short reads: answered at once, however busy the connections for longer ones are, and given up if long."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from db.errors import EngineError, NeedsThread, Unavailable
from db.program import (
    ENOUGH_CREDIT,
    MOST_CREDIT,
    SHORT_SECONDS,
    Program,
    ReadTimes,
    Rows,
    Statement,
    Values,
    rows,
    run,
)
from db.security.row_security import UNRESTRICTED
from db.sqlite import inline_reader
from db.sqlite.connection_thread import Faults
from db.sqlite.database import SQLiteDatabase
from db.sqlite.inline_reader import MOST_SECONDS, MOST_SECONDS_WITH_WAITS, InlineReader
from resolvers.operation_context import OperationContext
from resolvers.permissions import OPERATOR
from tests.support.expectations.statement_counts import RecordedRegistry, fill, watched
from tests.support.registries.databases import elsewhere, new_registry

POINT = """{ context(chittyId: "CHITTY-CONTEXT-000001-AAAA") { name owner { chittyId } } }"""
PAGE = "{ contexts(first: 1) { nodes { name } } }"
NAME = "SELECT name FROM contexts WHERE chitty_id = 'CHITTY-CONTEXT-000001-AAAA'"
RENAMED = "UPDATE contexts SET name = 'changed' WHERE chitty_id = 'CHITTY-CONTEXT-000001-AAAA'"


ENDLESS = (
    "WITH RECURSIVE endless (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM endless)"
    " SELECT count(*) FROM endless"
)

T = TypeVar("T")


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[RecordedRegistry]:
    """Three of everything."""
    async with watched(tmp_path / "registry.db") as watching:
        await fill(watching, 3)
        yield watching


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0
        self.per_look = 0.0

    def __call__(self) -> float:
        self.seconds += self.per_look
        return self.seconds


@dataclass
class Timed:
    """An inline reader with clocks that only tests advance: the time, and that of the CPU."""

    reader: InlineReader
    clock: Clock
    cpu: Clock

    def work(self, seconds: float) -> None:
        self.clock.seconds += seconds
        self.cpu.seconds += seconds

    def wait(self, seconds: float) -> None:
        self.clock.seconds += seconds

    def read(self, program: Program[T]) -> T:
        return self.reader.run(program, UNRESTRICTED, must_be_short=True)

    def names(self, between: Callable[[], None]) -> Program[list[Values]]:
        """Two statements, and what happens between them."""
        (first,) = yield [Statement(NAME)]
        between()
        (second,) = yield [Statement(NAME)]
        return first + second


@pytest.fixture
def timed(registry: RecordedRegistry) -> Iterator[Timed]:
    clock, cpu = Clock(), Clock()
    reader = InlineReader.open(registry.db.path, Faults(registry.db.path), clock, cpu)
    yield Timed(reader, clock, cpu)
    reader.close()


@pytest.fixture
def cpu(registry: RecordedRegistry) -> Clock:
    """The clock that pages are measured with; it stands still unless told otherwise."""
    clock = Clock()
    registry.documents.prepare(PAGE).operation(None).read_times = ReadTimes(clock=clock)
    return clock


@pytest.fixture
def no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop stops nothing, however slow the machine is."""
    monkeypatch.setattr(inline_reader, "MOST_SECONDS", 3_600.0)


@asynccontextmanager
async def lent(registry: RecordedRegistry, *, is_short: bool) -> AsyncIterator[None]:
    """All pooled connections are lent, for long or not."""
    sessions = [await registry.db.borrow(), await registry.db.borrow()]
    for session in sessions:
        session.is_short = is_short
    yield
    for session in sessions:
        registry.db.give_back(session)


async def test_a_few_rows_are_read_while_all_pooled_connections_are_in_use(registry):
    lent = [await registry.db.borrow(), await registry.db.borrow()]

    await asyncio.wait_for(registry.asked(POINT), 10)
    found = registry.answer
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(registry.asked(PAGE), 0.05)
    for session in lent:
        registry.db.give_back(session)
    await asyncio.wait_for(registry.asked(PAGE), 10)

    assert found == {"context": {"name": "c1", "owner": {"chittyId": "CHITTY-ACTOR-000001-AAAA"}}}
    assert registry.answer["contexts"]["nodes"]


async def test_an_inline_read_sees_one_snapshot_and_the_next_one_sees_later_writes(
    registry,
):
    def twice() -> Program[list[str]]:
        ((before,),) = (yield [Statement(NAME)])[0]
        with elsewhere(registry.db.path) as other:
            other.execute(RENAMED)
        ((after,),) = (yield [Statement(NAME)])[0]
        return [str(before), str(after)]

    inside = await registry.db.read(twice(), few=True)
    outside = await registry.db.read(rows(Statement(NAME)), few=True)

    assert inside == ["c1", "c1"]
    assert outside == [("changed",)]


async def test_a_failed_inline_read_leaves_no_transaction_open(registry):
    def fails() -> Program[None]:
        yield [Statement(NAME)]
        raise ValueError("given up")

    for _ in range(3):
        with pytest.raises(ValueError, match="given up"):
            await registry.db.read(fails(), few=True)

    assert await registry.db.read(rows(Statement(NAME)), few=True) == [("c1",)]


async def test_a_closed_database_says_so(tmp_path: Path):
    new_registry(tmp_path / "registry.db")
    database = await SQLiteDatabase.open(tmp_path / "registry.db")
    await database.close()

    with pytest.raises(Unavailable, match="shutting down"):
        await database.read(rows(Statement(NAME)), few=True)


@pytest.mark.parametrize(
    "query",
    [
        "{ "
        + " ".join(f'c{n}: context(chittyId: "CHITTY-C-{n}") {{ id }}' for n in range(9))
        + " }",
        '{ nodes(ids: ["x"]) { id } }',
        '{ actor(chittyId: "CHITTY-ACTOR-000001-AAAA") { contexts { nodes { id } } } }',
    ],
    ids=["nine lookups", "a list of ids", "a page"],
)
async def test_a_read_of_more_rows_waits_for_a_pooled_connection(registry, query: str):
    lent = [await registry.db.borrow(), await registry.db.borrow()]

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(registry.asked(query), 0.05)

    for session in lent:
        registry.db.give_back(session)


async def test_a_short_read_that_becomes_long_is_stopped_before_its_next_statement(timed):
    with pytest.raises(NeedsThread):
        timed.read(timed.names(lambda: timed.work(2 * MOST_SECONDS)))

    assert timed.read(timed.names(lambda: timed.work(MOST_SECONDS / 2))) == [("c1",), ("c1",)]


async def test_a_long_statement_is_stopped_where_it_is(timed):
    timed.clock.per_look = timed.cpu.per_look = MOST_SECONDS / 10

    with pytest.raises(NeedsThread):
        timed.read(rows(Statement(ENDLESS)))

    assert timed.cpu.seconds < 3 * MOST_SECONDS
    timed.clock.per_look = timed.cpu.per_look = 0.0
    assert timed.read(rows(Statement(NAME))) == [("c1",)]


async def test_a_short_read_may_wait_for_longer_than_it_may_take(timed):
    assert timed.read(timed.names(lambda: timed.wait(5 * MOST_SECONDS))) == [("c1",), ("c1",)]

    with pytest.raises(NeedsThread):
        timed.read(timed.names(lambda: timed.wait(2 * MOST_SECONDS_WITH_WAITS)))


async def test_a_few_rows_by_key_are_read_to_the_end(timed):
    program = timed.names(lambda: timed.work(10 * MOST_SECONDS_WITH_WAITS))

    assert timed.reader.run(program, UNRESTRICTED) == [("c1",), ("c1",)]


async def test_a_short_read_of_a_locked_database_is_left_to_a_thread(tmp_path: Path):
    path = new_registry(tmp_path / "registry.db")
    with elsewhere(path) as other:
        other.execute("PRAGMA journal_mode = DELETE")
    reader = InlineReader.open(path, Faults(path))

    with elsewhere(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(NeedsThread):
            reader.run(rows(Statement(NAME)), UNRESTRICTED, must_be_short=True)
        with pytest.raises(EngineError):
            reader.run(rows(Statement(NAME)), UNRESTRICTED)
    reader.close()


async def test_a_page_needs_no_pooled_connection_once_such_pages_have_been_short(
    registry, cpu, no_limit
):
    for _ in range(ENOUGH_CREDIT):
        await registry.asked(PAGE)

    async with lent(registry, is_short=True):
        await asyncio.wait_for(registry.asked(PAGE), 10)

    assert registry.answer["contexts"]["nodes"]


async def test_a_short_page_waits_for_a_pooled_connection_beside_long_reads(
    registry, cpu, no_limit
):
    for _ in range(ENOUGH_CREDIT):
        await registry.asked(PAGE)

    async with lent(registry, is_short=False):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(registry.asked(PAGE), 0.05)


async def test_a_page_that_took_long_makes_those_that_follow_wait_for_a_pooled_connection(
    registry, cpu, no_limit
):
    for _ in range(ENOUGH_CREDIT):
        await registry.asked(PAGE)
    cpu.per_look = 2 * SHORT_SECONDS
    await registry.asked(PAGE)

    async with lent(registry, is_short=True):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(registry.asked(PAGE), 0.05)


async def test_what_the_event_loop_gives_up_is_read_on_a_thread_and_counted_once(registry):
    def start() -> Program[Rows]:
        ctx.usage.statements += 1
        yield [Statement(NAME)]
        if threading.current_thread() is threading.main_thread():
            raise NeedsThread
        (found,) = yield [Statement(NAME)]
        return found

    times = ReadTimes(ENOUGH_CREDIT, Clock())
    async with OperationContext(db=registry.db, cursor_key=b"key", viewer=OPERATOR) as ctx:
        found = await ctx.read_measured(start, times)

    assert found == [("c1",)]
    assert ctx.usage.statements == 1
    assert times.credit == 1


def test_short_reads_earn_credit_and_long_ones_cost_it_but_failed_ones_do_not_count():
    clock = Clock()
    times = ReadTimes(40, clock)

    def program(seconds: float, *, fails: bool = False) -> Program[None]:
        yield []
        clock.seconds += seconds
        if fails:
            raise ValueError("given up")

    def credit(seconds: float, times_over: int = 1) -> int:
        for _ in range(times_over):
            run(times.measured(program(seconds)), lambda _: [])
        return times.credit

    with pytest.raises(ValueError, match="given up"):
        run(times.measured(program(0, fails=True)), lambda _: [])
    assert times.credit == 40
    assert credit(SHORT_SECONDS / 2) == 41
    assert credit(SHORT_SECONDS * 2) == 41 - ENOUGH_CREDIT
    assert credit(SHORT_SECONDS * 2) == 0
    assert credit(SHORT_SECONDS / 2, 2 * MOST_CREDIT) == MOST_CREDIT

"""No read of a copy sees a part of a transaction, and the copy grows while readers have connections open."""

import asyncio
import os
import signal
import sqlite3
import statistics
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from db import heartbeat
from db.errors import Unavailable
from db.model import instants
from db.program import Program, Statement
from db.replica.copies import Copies
from db.replica.database import ReplicaDatabase
from server.replica.follower import Following, Orders
from tests.support.other_programs import litestream
from tests.support.registries.databases import new_registry
from tests.support.services.replicas import processes_of

pytestmark = pytest.mark.waits

LOOKS, THOROUGH_LOOKS = 300, 10_000
KILLS, LOOKS_BETWEEN = 2, 50
ROWS = 400
FILL = "INSERT INTO balances (account, amount, padding) VALUES (?, 0, ?)"
# Every page of the table, in one transaction.
MOVE = "UPDATE balances SET amount = ?"
BALANCES = Statement("SELECT min(amount), max(amount), count(*) FROM balances")


@contextmanager
def written(database: Path) -> Iterator[None]:
    """Transactions that change all rows to the same number, and heartbeats, all the time."""
    stopped = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            number = 0
            while not stopped.wait(0.01):
                number += 1
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(MOVE, (number,))
                now = instants.canonical(datetime.now(UTC))
                connection.execute(heartbeat.BEAT, {"now": now, "before": now})
                connection.execute("COMMIT")

    writing = threading.Thread(target=write)
    writing.start()
    try:
        yield
    finally:
        stopped.set()
        writing.join()


@contextmanager
def followed(database: Path, bucket: Path) -> Iterator[None]:
    stopped = threading.Event()
    program = litestream.require_litestream()
    orders = Orders(str(database), str(bucket), program, "json", "error")
    following = Following(orders, Copies(database))
    running = threading.Thread(target=following.run, args=(stopped.is_set,))
    running.start()
    try:
        yield
    finally:
        stopped.set()
        running.join()


def balanced(source: Path) -> Path:
    """A registry with a table of many pages."""
    new_registry(source)
    with closing(sqlite3.connect(source, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE balances (account INTEGER PRIMARY KEY, amount, padding)")
        connection.execute("BEGIN")
        connection.executemany(FILL, [(number, "x" * 1_000) for number in range(ROWS)])
        connection.execute("COMMIT")
    return source


def balances() -> Program[tuple[int, int, int]]:
    first, again = yield [BALANCES, BALANCES]
    assert first == again
    ([(least, most, count)],) = yield [BALANCES]
    assert [(least, most, count)] == first
    return int(str(least)), int(str(most)), int(str(count))


async def test_no_read_is_torn_and_the_copy_goes_on(
    tmp_path: Path, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
):
    looks = THOROUGH_LOOKS if request.config.getoption("--thorough") else LOOKS
    source, bucket = balanced(tmp_path / "primary.db"), tmp_path / "bucket"
    with (
        written(source),
        litestream.replicating(source, bucket),
        followed(tmp_path / "replica.db", bucket),
    ):
        db = await ReplicaDatabase.open(tmp_path / "replica.db", readers=2, read_seconds=60)
        try:
            async with asyncio.timeout(900):
                await db.arrived()
                seen, lags = await looked(db, looks, states=looks // 100)
        finally:
            await db.close()

    assert [each for each in seen if each[0] != each[1] or each[2] != ROWS] == []
    numbers = [least for least, _, _ in seen]
    record_property("lag_p50_seconds", statistics.median(lags))
    record_property("lag_max_seconds", max(lags))
    record_property("states", len(set(numbers)))


async def looked(
    db: ReplicaDatabase, looks: int, *, states: int = 1
) -> tuple[list[tuple[int, int, int]], list[float]]:
    """What two clients read at once, as often, until they have seen so many states; and the lag each time."""
    seen: list[tuple[int, int, int]] = []
    lags: list[float] = []

    async def look() -> None:
        last = 0
        while len(seen) < looks or len({least for least, _, _ in seen}) < states:
            try:
                found = await db.read(balances())
            except Unavailable:
                await asyncio.sleep(0.01)
                continue
            assert found[0] >= last  # it never goes back
            last = found[0]
            seen.append(found)
            lags.append(db.lag or 0.0)
            await asyncio.sleep(0.002)

    async with asyncio.TaskGroup() as clients:
        clients.create_task(look())
        clients.create_task(look())
    return seen, lags


@pytest.mark.thorough
async def test_no_read_is_torn_when_litestream_is_killed_within_a_transaction(tmp_path: Path):
    source, bucket = balanced(tmp_path / "primary.db"), tmp_path / "bucket"
    database = tmp_path / "replica.db"
    torn = 0
    with written(source), litestream.replicating(source, bucket), followed(database, bucket):
        db = await ReplicaDatabase.open(database, readers=2, read_seconds=60)
        try:
            async with asyncio.timeout(300):
                await db.arrived()
                for _ in range(KILLS):
                    looking = asyncio.create_task(looked(db, LOOKS_BETWEEN))
                    torn += await killed_within(database)
                    for least, most, count in (await looking)[0]:
                        assert (least, count) == (most, ROWS)
        finally:
            await db.close()

    assert torn  # else nothing was shown


async def killed_within(database: Path) -> bool:
    """Kill litestream just after it has begun to write pages; whether the copy is torn then."""
    copies = Copies(database)
    while not (found := processes_of(database, "restore")) or copies.state().is_whole:  # noqa: ASYNC110
        await asyncio.sleep(0.001)  # another process writes it
    for each in found:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    return not copies.state().is_whole

"""Writing: in groups, each Program for itself, and nothing half-done whoever is cancelled."""

import asyncio
import random
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from db.errors import EngineError, ErrorCode, Overloaded, Problem, Refused, Unavailable
from db.program import Program, Rows, Statement, rows
from db.sqlite.connection_thread import MOST_KEPT_LOG_BYTES
from db.sqlite.database import SQLiteDatabase
from db.sqlite.writer import GROUP, MOST_WAITING
from tests.support.registries.databases import ADD, NOW, adding, elsewhere, names, opened

TIMEOUT_SECONDS = 120
FRAME_HEADER = 24
WAL_HEADER = 32

# Each Program looks before it writes: begun as a reader, it could not go on once another had written.
WRITE_ALONE = """
import asyncio, sys
from db.sqlite.connection_thread import MOST_KEPT_LOG_BYTES
from db.sqlite.database import SQLiteDatabase
from db.sqlite.writer import GROUP, MOST_WAITING
from db.program import Statement
from tests.support.registries.databases import ADD, NAMES

def looking_and_adding(name):
    yield [Statement(NAMES), Statement(ADD, {"name": name})]

async def main(path, name):
    db = await SQLiteDatabase.open(path)
    for number in range(200):
        await db.write(looking_and_adding(f"{name}-{number:03}"))
    await db.close()

asyncio.run(main(*sys.argv[1:]))
"""
ORPHAN = f"""
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)
    VALUES ('CHITTY-WORK', 'work', 'CHITTY-NOBODY', '{NOW}', '{NOW}')
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


@pytest.fixture
async def db(path: Path) -> AsyncIterator[SQLiteDatabase]:
    async with opened(path) as database:
        yield database


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program is writing meanwhile."""
    with elsewhere(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def stored(path: Path) -> list[str]:
    """The names that another program finds."""
    with elsewhere(path) as connection:
        found = connection.execute("SELECT chitty_id FROM actors ORDER BY chitty_id")
        return [name for (name,) in found]


def commits(path: Path) -> int:
    """How many transactions the log holds: the last frame of each tells the database's size."""
    log = path.with_name(f"{path.name}-wal").read_bytes()
    page_size, salts = int.from_bytes(log[8:12], "big"), log[16:24]
    starts = range(WAL_HEADER, len(log), FRAME_HEADER + page_size)
    frames = [log[start : start + FRAME_HEADER] for start in starts]
    return sum(frame[8:16] == salts and frame[4:8] != bytes(4) for frame in frames)


def failing(name: str, error: BaseException) -> Program[None]:
    """Add an actor, then raise this."""
    yield [Statement(ADD, {"name": name})]
    raise error


async def impatient(db: SQLiteDatabase) -> None:
    """Give up on a busy database at once."""
    await db.write(rows(Statement("PRAGMA busy_timeout = 10")))


async def outcome_of(writing: "asyncio.Future[None]") -> object:
    (outcome,) = await asyncio.wait_for(
        asyncio.gather(writing, return_exceptions=True), TIMEOUT_SECONDS
    )
    return outcome


async def test_a_write_is_visible_to_all_when_it_returns(db, path):
    await db.write(adding("ada"))

    assert stored(path) == await db.read(names()) == ["ada"]


async def test_why_nothing_was_written_is_asked_only_where_nothing_was(db):
    def adding_unless_there(name: str) -> Program[tuple[Rows, Rows]]:
        written, explained = yield [
            Statement(f"{ADD} ON CONFLICT DO NOTHING", {"name": name}, returning="chitty_id"),
            Statement("SELECT count(*) FROM actors", explains=True),
        ]
        return written, explained

    first = await db.write(adding_unless_there("ada"))
    second = await db.write(adding_unless_there("ada"))

    assert first == ([("ada",)], [])
    assert second == ([], [(1,)])


async def test_a_hundred_waiting_writes_are_committed_together(db, path):
    before = commits(path)

    await asyncio.gather(*(db.write(adding(f"{number:03}")) for number in range(100)))

    assert len(stored(path)) == 100
    assert 1 <= commits(path) - before <= 2


async def test_a_refused_and_a_failing_program_undo_only_themselves(db, path):
    before = commits(path)
    refused = Refused([Problem(ErrorCode.CONFLICT, ("name",), "taken")])
    programs = [
        adding("ada"),
        failing("bob", refused),
        adding("cyd", "ada"),
        failing("dan", ValueError("a fault")),
        adding("eve"),
    ]

    outcomes = await asyncio.gather(*map(db.write, programs), return_exceptions=True)

    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [type(None), Refused, EngineError, ValueError, type(None)]
    assert isinstance(outcomes[2].__cause__, sqlite3.IntegrityError)
    assert stored(path) == ["ada", "eve"]
    assert commits(path) - before <= 2


@pytest.mark.parametrize(
    "kind", [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError]
)
async def test_even_a_base_exception_undoes_only_its_own_writes(db, path, kind):
    others = [asyncio.ensure_future(db.write(adding(name))) for name in ("ada", "eve")]

    with pytest.raises(kind):
        await db.write(failing("bob", kind()))

    await asyncio.gather(*others)
    await asyncio.wait_for(db.write(adding("fay")), TIMEOUT_SECONDS)
    assert stored(path) == ["ada", "eve", "fay"]
    with locked(path):
        pass  # no transaction was left open


async def test_a_caller_who_is_cancelled_in_the_queue_has_written_nothing(db, path):
    with locked(path):
        stuck = asyncio.ensure_future(db.write(adding("ada")))
        await asyncio.sleep(0.05)
        queued = asyncio.ensure_future(db.write(adding("bob")))
        await asyncio.sleep(0)
        queued.cancel()

    await asyncio.wait_for(stuck, TIMEOUT_SECONDS)
    assert isinstance(await outcome_of(queued), asyncio.CancelledError)
    await db.write(adding("cyd"))
    assert stored(path) == ["ada", "cyd"]


async def test_a_caller_who_is_cancelled_during_the_commit_has_written_everything(db, path):
    with locked(path):
        committing = asyncio.ensure_future(db.write(adding("ada", "bob")))
        await asyncio.sleep(0.05)
        committing.cancel()
        assert isinstance(await outcome_of(committing), asyncio.CancelledError)

    await db.write(adding("cyd"))
    assert stored(path) == ["ada", "bob", "cyd"]


async def test_three_hundred_writes_cancelled_at_random_are_whole_or_absent(db, path):
    chance = random.Random(300)
    acknowledged: set[str] = set()

    async def writing(number: int) -> None:
        pair = f"{number:03}-a", f"{number:03}-b"
        await asyncio.wait_for(db.write(adding(*pair)), chance.uniform(0, 0.005))
        acknowledged.update(pair)

    for start in range(0, 300, 10):
        attempts = [writing(number) for number in range(start, start + 10)]
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} <= {type(None), TimeoutError}

    await db.write(adding("last"))
    found = set(stored(path)) - {"last"}
    assert acknowledged <= found
    assert all(name[:-1] + other in found for name in found for other in "ab")
    with locked(path):
        pass  # no transaction was left open


def test_two_processes_writing_two_hundred_times_each_lose_nothing(path):
    asyncio.run(_migrated(path))

    writers = [
        subprocess.Popen([sys.executable, "-c", WRITE_ALONE, str(path), name])
        for name in ("ada", "bob")
    ]
    codes = [writer.wait(timeout=TIMEOUT_SECONDS) for writer in writers]

    assert codes == [0, 0]
    assert stored(path) == [f"{name}-{n:03}" for name in ("ada", "bob") for n in range(200)]


async def _migrated(path: Path) -> None:
    async with opened(path):
        pass


async def test_a_database_locked_by_another_program_is_unavailable_until_it_is_unlocked(db, path):
    await impatient(db)

    with locked(path):
        with pytest.raises(Unavailable, match="try again"):
            await asyncio.wait_for(db.write(adding("ada")), TIMEOUT_SECONDS)
        assert await db.read(names()) == []
    await db.write(adding("bob"))

    assert stored(path) == ["bob"]


async def test_a_write_waits_for_another_program_to_finish(db, path):
    with locked(path):
        writing = asyncio.ensure_future(db.write(adding("ada")))
        await asyncio.sleep(0.05)
        waited = not writing.done()

    await asyncio.wait_for(writing, TIMEOUT_SECONDS)
    assert waited
    assert stored(path) == ["ada"]


async def test_below_the_free_space_floor_nothing_is_written_and_reads_go_on(path):
    async with opened(path) as db:
        await db.write(adding("ada"))

    async with opened(path, min_free_bytes=2**62) as db:
        with pytest.raises(Unavailable, match=r"only \d+ MB are free"):
            await db.write(adding("bob"))

        assert await db.read(names()) == ["ada"]


async def test_a_full_database_is_unavailable_and_takes_writes_again_once_it_has_room(db, path):
    await db.write(rows(Statement("PRAGMA max_page_count = 1")))  # as many pages as it has

    long = "x" * 3_000
    attempts = [db.write(adding(f"{number:03}{long}")) for number in range(50)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    await db.write(rows(Statement("PRAGMA max_page_count = 100000")))
    await db.write(adding("last"))

    written = [number for number, outcome in enumerate(outcomes) if outcome is None]
    refused = {type(outcome) for outcome in outcomes if outcome is not None}
    assert refused == {Unavailable}
    assert stored(path) == [*(f"{number:03}{long}" for number in written), "last"]


async def test_a_row_whose_parent_is_missing_is_kept_out(db, path):
    with pytest.raises(EngineError, match="FOREIGN KEY"):
        await db.write(rows(Statement(ORPHAN)))

    assert await db.read(rows(Statement("SELECT * FROM contexts"))) == []


async def test_a_commit_that_fails_leaves_nothing_behind_and_no_transaction_open(db, path):
    def failing_late() -> Program[None]:
        yield [Statement("PRAGMA defer_foreign_keys = ON"), Statement(ORPHAN)]

    with pytest.raises(EngineError, match="FOREIGN KEY"):
        await db.write(failing_late())
    await asyncio.wait_for(db.write(adding("ada")), TIMEOUT_SECONDS)

    assert stored(path) == ["ada"]
    assert await db.read(rows(Statement("SELECT * FROM contexts"))) == []


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("journal_size_limit", MOST_KEPT_LOG_BYTES),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("recursive_triggers", 1),
    ],
)
async def test_the_writing_connection_is_durable_and_keeps_its_log_short(db, pragma, value):
    assert await db.write(rows(Statement(f"PRAGMA {pragma}"))) == [(value,)]


async def test_a_write_that_would_wait_too_long_is_refused_and_never_done(path):
    async with opened(path, wait_seconds=0.1) as db:
        with locked(path):
            begun = asyncio.ensure_future(db.write(adding("ada")))
            await asyncio.sleep(0.05)
            late = [asyncio.ensure_future(db.write(adding(name))) for name in ("bob", "cyd")]
            for writing in late:
                with pytest.raises(
                    Overloaded, match=r"nothing was written.* for 0\.1 s: try again"
                ):
                    await asyncio.wait_for(writing, TIMEOUT_SECONDS)
            waited = db.statistics()
            assert not begun.done()

        await asyncio.wait_for(begun, TIMEOUT_SECONDS)
        await asyncio.wait_for(db.write(adding("dan")), TIMEOUT_SECONDS)

    assert (waited.writes_waiting, dict(waited.writes_refused)) == (0, {"wait": 2})
    assert stored(path) == ["ada", "dan"]


async def test_no_more_writes_wait_than_the_queue_takes_and_the_others_are_refused_at_once(path):
    async with opened(path) as db:
        with locked(path):
            begun = asyncio.ensure_future(db.write(adding("ada")))
            await asyncio.sleep(0.05)
            queued = [
                asyncio.ensure_future(db.write(adding(f"{number:04}")))
                for number in range(MOST_WAITING)
            ]
            await asyncio.sleep(0)
            with pytest.raises(Overloaded, match=r"nothing was written.*too many .* try again"):
                await db.write(adding("bob"))
            figures = db.statistics()

        await asyncio.wait_for(asyncio.gather(begun, *queued), TIMEOUT_SECONDS)

    assert (figures.writes_waiting, dict(figures.writes_refused)) == (
        MOST_WAITING,
        {"queue_full": 1},
    )
    assert figures.longest_write_wait > 0
    assert len(stored(path)) == MOST_WAITING + 1


async def test_a_full_queue_drops_the_last_write_of_the_client_that_has_most_in_it(path):
    async with opened(path) as db:
        with locked(path):
            begun = asyncio.ensure_future(db.write(adding("ada")))
            await asyncio.sleep(0.05)
            many = [
                asyncio.ensure_future(db.write(adding(f"{number:04}"), share="ada"))
                for number in range(MOST_WAITING)
            ]
            await asyncio.sleep(0)
            few = asyncio.ensure_future(db.write(adding("bob"), share="bob"))
            assert isinstance(await outcome_of(many.pop()), Overloaded)

        await asyncio.wait_for(asyncio.gather(begun, few, *many), TIMEOUT_SECONDS)

    assert "bob" in stored(path)
    assert f"{MOST_WAITING - 1:04}" not in stored(path)


async def test_clients_take_turns_to_write_however_many_writes_one_of_them_has_queued(db, path):
    with locked(path):
        begun = asyncio.ensure_future(db.write(adding("ada")))
        await asyncio.sleep(0.05)
        many = [
            asyncio.ensure_future(db.write(adding(f"{number:04}"), share="ada"))
            for number in range(3 * GROUP)
        ]
        await asyncio.sleep(0)
        few = asyncio.ensure_future(db.write(adding("bob"), share="bob"))

    await asyncio.wait_for(few, TIMEOUT_SECONDS)

    assert sum(writing.done() for writing in many) < 2 * GROUP
    await asyncio.wait_for(asyncio.gather(begun, *many), TIMEOUT_SECONDS)
    assert len(stored(path)) == 3 * GROUP + 2


async def test_a_write_that_was_cancelled_before_it_was_late_is_not_counted_as_refused(path):
    async with opened(path, wait_seconds=0.1) as db:
        with locked(path):
            begun = asyncio.ensure_future(db.write(adding("ada")))
            await asyncio.sleep(0.05)
            gone, late = (asyncio.ensure_future(db.write(adding(name))) for name in ("bob", "cyd"))
            await asyncio.sleep(0)
            gone.cancel()
            assert isinstance(await outcome_of(late), Overloaded)

        await asyncio.wait_for(begun, TIMEOUT_SECONDS)

        assert db.statistics().writes_refused == {"wait": 1}


async def test_closing_writes_what_is_queued_and_refuses_new_writes(path):
    async with opened(path) as db:
        waiting = [asyncio.ensure_future(db.write(adding(f"{n:03}"))) for n in range(300)]
        await asyncio.sleep(0)
        await db.close()
        await asyncio.gather(*waiting)

        with pytest.raises(Unavailable, match="shutting down"):
            await db.write(adding("late"))

    assert len(stored(path)) == 300
    assert not path.with_name(f"{path.name}-wal").exists()


async def test_a_loop_that_is_stopped_while_writing_still_closes_the_file(path):
    async with opened(path) as db:
        with locked(path):
            writing = asyncio.ensure_future(db.write(adding("ada")))
            await asyncio.sleep(0.05)
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
        await asyncio.wait_for(db.close(), TIMEOUT_SECONDS)

    assert isinstance(await outcome_of(writing), asyncio.CancelledError)
    assert stored(path) == ["ada"]
    assert not path.with_name(f"{path.name}-wal").exists()

"""Old changes are removed in portions, and no row loses what its later changes build on."""

import asyncio
import hashlib
import json
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from db import change_log
from db.history import append_only, checkpoint, pruning
from db.history.change_lines import LINE, line_of
from db.program import Statement
from db.sqlite.database import SQLiteDatabase
from tests.support.corpus.sharing import seeds
from tests.support.registries.databases import elsewhere, new_registry, opened
from tests.support.registries.histories import day, prune_some

FIRST = (
    "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at) VALUES (?, 'human', ?, ?)"
)
RENAME = "UPDATE actors SET display_name = ?, updated_at = ? WHERE chitty_id = ?"
DELETE = "DELETE FROM actors WHERE chitty_id = ?"
STATES = "SELECT sequence, key, after FROM changes WHERE sequence <= ? ORDER BY sequence"
LINES = f"SELECT {LINE} FROM changes AS change ORDER BY sequence"
LATER = "2027-01-01T00:00:00.000Z"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return new_registry(tmp_path / "registry.db")


@pytest_asyncio.fixture
async def db(file: Path) -> AsyncIterator[SQLiteDatabase]:
    async with opened(file) as db:
        yield db


def write(file: Path, *statements: tuple[str, tuple[Any, ...]]) -> None:
    with elsewhere(file) as connection:
        for sql, values in statements:
            connection.execute(sql, values)


def sequences(file: Path) -> list[int]:
    with elsewhere(file) as connection:
        return [
            number for (number,) in connection.execute("SELECT sequence FROM changes ORDER BY 1")
        ]


def states(file: Path, sequences: list[int]) -> dict[int, dict[Any, Any]]:
    """All rows as they were right after each of these changes."""
    with elsewhere(file) as connection:
        return {each: _state(connection, each) for each in sequences}


def _state(connection: sqlite3.Connection, sequence: int) -> dict[Any, Any]:
    found = {key: after for _, key, after in connection.execute(STATES, (sequence,))}
    return {key: json.loads(after) for key, after in found.items() if after is not None}


async def test_changes_before_an_instant_are_removed_but_the_base_of_each_row(file, db):
    write(file, (FIRST, ("A", day(1), day(1))), (FIRST, ("B", day(1), day(1))))
    write(file, *((RENAME, (f"name {n}", day(n), "A")) for n in range(2, 6)))

    assert await pruning.prune(db, day(4)) == 4

    assert sequences(file) == [2, 4, 5, 6]
    with elsewhere(file) as connection:
        bases = connection.execute(
            "SELECT key, at, operation, cause, actor, before, after ->> 'display_name'"
            " FROM changes WHERE sequence <= 4"
        ).fetchall()
    assert bases == [
        ("B", day(1), "created", "prune", None, None, None),
        ("A", day(3), "created", "prune", None, None, "name 3"),
    ]
    assert (await db.read(change_log.extent())).before == 4
    growth = await db.read(checkpoint.growth())
    assert (growth.changes, growth.bases, growth.removed) == (2, 2, 2)
    assert growth.oldest_at == day(4)


async def test_a_row_that_is_gone_leaves_no_base(file, db):
    write(file, (FIRST, ("A", day(1), day(1))), (DELETE, ("A",)), (FIRST, ("B", day(2), day(2))))

    await pruning.prune(db, LATER)

    assert sequences(file) == [3]


async def test_the_newest_change_stays_and_numbers_go_on_from_it(file, db):
    write(file, (FIRST, ("A", day(1), day(1))), (DELETE, ("A",)))

    await pruning.prune(db, LATER)
    write(file, (FIRST, ("B", day(2), day(2))))

    assert sequences(file) == [1, 2, 3]
    assert (await db.read(change_log.extent())).before == 1


async def test_nothing_is_pruned_of_an_empty_history(file, db):
    assert await pruning.prune(db, LATER) == 0
    assert (await db.read(change_log.extent())).before == 0


async def test_a_clock_that_was_set_back_ends_the_cut_at_the_first_change_from_then_on(file, db):
    times = (1, 2, 9, 3, 4)
    write(file, (FIRST, ("A", day(1), day(1))))
    write(file, *((RENAME, (str(n), day(n), "A")) for n in times))

    await pruning.prune(db, day(5))

    assert sequences(file) == [3, 4, 5, 6]
    assert (await db.read(change_log.extent())).before == 3


async def test_no_change_can_be_removed_or_altered_afterwards(file, db):
    write(file, (FIRST, ("A", day(1), day(1))), (RENAME, ("Ann", day(2), "A")))

    await pruning.prune(db, LATER)

    with elsewhere(file) as connection:
        for sql in ("DELETE FROM changes", "UPDATE changes SET cause = 'x'"):
            with pytest.raises(sqlite3.IntegrityError, match="appended to only"):
                connection.execute(sql)


def test_the_triggers_are_restored_as_the_migration_made_them(file):
    with elsewhere(file) as connection:
        made = dict(
            connection.execute(
                "SELECT name, sql FROM sqlite_schema WHERE tbl_name = 'changes' AND type = 'trigger'"
            )
        )

    assert [made[name] for name in append_only.LIFTED] == list(append_only.RESTORE)
    assert set(append_only.APPENDING) <= made.keys()


async def test_a_portion_that_another_program_has_cut_is_left_alone(file, db):
    write(file, (FIRST, ("A", day(1), day(1))))
    write(file, *((RENAME, (str(n), day(n), "A")) for n in range(2, 9)))
    portion = await db.read(pruning.next_portion(LATER, 3))

    outcomes = [await db.write(pruning.cut(portion)) for _ in range(2)]

    assert outcomes == [True, False]
    assert sequences(file) == [3, 4, 5, 6, 7, 8]
    assert (await db.read(checkpoint.growth())).removed == 2


async def test_two_programs_prune_at_once(file, db):
    write(file, (FIRST, ("A", day(1), day(1))))
    write(file, *((RENAME, (str(n), day(2), "A")) for n in range(400)))

    async with opened(file) as other:
        counts = await asyncio.gather(
            *(pruning.prune(each, LATER, most=10) for each in (db, other))
        )

    assert sum(counts) == 400
    assert sequences(file) == [400, 401]


async def test_the_digest_is_that_of_the_exported_lines(file, db):
    write(file, (FIRST, ("A", day(1), day(1))), (FIRST, ("B\0", day(1), day(1))))
    write(file, *((RENAME, (f"n\x01{n}", day(2), "A")) for n in range(9)))
    with elsewhere(file) as connection:
        lines = [line for (line,) in connection.execute(LINES)]

    await prune_some(db, LATER, most=3, portions=2)
    await pruning.prune(db, LATER, most=2)

    expected = b""
    for line in lines[:-1]:
        assert json.loads(line)
        expected = hashlib.sha256(expected + line_of(line)).digest()
    with elsewhere(file) as connection:
        assert connection.execute("SELECT digest, sequence FROM checkpoint").fetchone() == (
            expected.hex(),
            len(lines) - 1,
        )


@pytest.mark.parametrize("seed", seeds(4, by_default=2))
async def test_the_state_after_every_retained_change_stays_as_it_was(file, db, seed):
    chance = random.Random(seed)
    number = 0
    for _ in range(6):
        for _ in range(chance.randrange(1, 30)):
            number += 1
            key, at = (
                chance.choice("ABCDE"),
                f"2026-03-01T00:00:{number // 1000:02}.{number % 1000:03}Z",
            )
            with suppress(sqlite3.IntegrityError):
                write(
                    file,
                    chance.choice(
                        [
                            (FIRST, (key, at, at)),
                            (FIRST.replace("INSERT", "INSERT OR REPLACE"), (key, at, at)),
                            (RENAME, (str(number), at, key)),
                            (DELETE, (key,)),
                        ]
                    ),
                )
        found = sequences(file)
        before = states(file, found)
        cut = chance.randrange(1, number + 1)
        time = f"2026-03-01T00:00:{cut // 1000:02}.{cut % 1000:03}Z"

        await pruning.prune(db, time, most=chance.choice([1, 3, 100]))

        oldest = (await db.read(change_log.extent())).before + 1
        retained = [each for each in sequences(file) if each >= oldest]
        assert retained == list(range(oldest, found[-1] + 1))
        assert states(file, retained) == {each: before[each] for each in retained}
        growth = await db.read(checkpoint.growth())
        assert growth.changes == len(retained)
        assert growth.bases == len(sequences(file)) - len(retained)


def test_a_portion_is_as_large_as_others_can_wait_for():
    pace = pruning.Pace()
    sizes = []
    for seconds in (0.001, 0.001, 0.001, 0.03, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.001):
        sizes.append(pace.portion)
        pace.took(seconds)

    assert sizes == [500, 1000, 2000, 2000, 2000, 1000, 500, 250, 125, 62, 50, 50]
    assert pace.portion == 100


async def test_writers_go_on_between_portions(file, db):
    write(file, (FIRST, ("A", day(1), day(1))))
    write(file, *((RENAME, (str(n), day(2), "A")) for n in range(200)))
    pruning_all = asyncio.ensure_future(pruning.prune(db, LATER, most=5))
    written = 0
    while not pruning_all.done():
        await db.write(_write(written))
        written += 1

    assert written > 5
    assert await pruning_all >= 200


def _write(number: int) -> Any:
    sql = "UPDATE actors SET display_name = :name, updated_at = :at"
    yield [Statement(sql, {"name": str(number), "at": LATER})]

"""The clock is compared with the newest instant that any row holds."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from db.model import instants
from db.queries import newest_instant
from db.queries.newest_instant import NewestInstant
from db.sqlite import file_reads
from tests.support.registries.databases import demo_registry, elsewhere, new_registry

PLACES = [
    *(("actors", "created_at"), ("actors", "updated_at"), ("contexts", "created_at")),
    *(
        ("contexts", "updated_at"),
        ("installations", "installed_at"),
        ("installations", "updated_at"),
    ),
    *(("connections", "created_at"), ("connections", "updated_at")),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return demo_registry(tmp_path / "registry.db")


def newest_in(file: Path) -> NewestInstant | None:
    return file_reads.read(file, newest_instant.find())


def change(file: Path, table: str, column: str, value: object) -> None:
    with elsewhere(file) as connection:
        connection.execute(
            f"UPDATE {table} SET {column} = :value WHERE rowid = (SELECT min(rowid) FROM {table})",
            {"value": value},
        )


def ahead(**by: float) -> str:
    return instants.canonical(datetime.now(UTC) + timedelta(**by))


def test_a_registry_of_the_past_leaves_the_clock_right(file: Path):
    newest = newest_in(file)

    assert newest is not None
    assert not newest.is_clock_behind


def test_an_empty_registry_says_nothing_of_the_clock(tmp_path: Path):
    assert newest_in(new_registry(tmp_path / "empty.db")) is None


@pytest.mark.parametrize(("table", "column"), PLACES)
def test_an_instant_ahead_is_found_in_any_table(file: Path, table: str, column: str):
    change(file, table, column, moment := ahead(days=3650))

    newest = newest_in(file)

    assert newest is not None
    assert (newest.table, newest.column, newest.instant) == (table, column, moment)
    assert newest.is_clock_behind


@pytest.mark.parametrize(("seconds", "behind"), [(50, False), (3600, True)])
def test_a_clock_may_be_a_minute_behind(file: Path, seconds: float, behind: bool):
    change(file, "contexts", "created_at", ahead(seconds=seconds))

    newest = newest_in(file)

    assert newest is not None
    assert newest.is_clock_behind is behind


def test_values_that_are_no_instants_are_passed_over(file: Path):
    change(file, "contexts", "updated_at", "soon")
    change(file, "actors", "updated_at", "9999-99-99 99:99:99")
    change(file, "connections", "updated_at", "2199-01-01 10:00:00")

    newest = newest_in(file)

    assert newest is not None
    assert newest.instant == "2199-01-01T10:00:00.000Z"


@pytest.mark.parametrize(("table", "column"), PLACES)
def test_each_is_read_from_an_index(file: Path, table: str, column: str):
    with closing(sqlite3.connect(file)) as connection:
        sql = newest_instant.NEWEST.format(table=table, column=column)
        steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]

    assert len(steps) == 1
    assert steps[0].startswith(f"SEARCH {table} USING COVERING INDEX")

"""Python and SQLite read instants alike, in every form that programs store."""

import itertools
import random
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import pytest

from db.model import instant_forms

DATES = (
    *("2026-01-01", "2024-02-29", "2026-02-29", "0001-01-01", "0000-12-31", "9999-12-31"),
    *("2026-13-01", "2026-1-1", "20260101", "12:00:00.5", "-026-01-01"),
)
SEPARATORS = ("T", "t", " ", "", "  ", "x", "\t")
CLOCKS = (
    *("", "23:00", "23:00:05", "24:00:00", "23:60", "23:59:60", "2:00:00", "23", "23:0", "230005"),
    *("23:00:05.1", "23:00:05,12", "23:00:05.9999", "23:00:05.123456789", "00:00:00.0005"),
    *("23:00:05.", "23:00.5", "23:00:05.1.2"),
)
ZONES = (
    *("", "Z", "z", "+02:00", "-02:00", "+0200", "+02", "-14:00", "+15:00", "+23:59", "-00:00"),
    *("+24:00", "+02:60", "+2", "+2:00", "+02:0", "+02000", "+-2:0", "ZZ", "Z ", " ", "é"),
)
OTHERS: tuple[Any, ...] = (
    *("1761072726", "1761072726000", "1761072726.5", "1761072726123.9", "0000000000", "9999999999"),
    *("1761072726.", ".1761072726", "176107272", "17610727260", "-761072726", "+761072726", "1e9"),
    *("1761072726 ", "1761072726Z", "1761072726.1234.5", "9999999999999", "2461000.5", "now", ""),
    *(
        "2026-01-01\0",
        "2026-01-01 23:00\0x",
        "20260101T230005\0Z",
        "\uff12026-01-01",
        "\u0661" * 10,
    ),
    *(1761072726, 1761072726000, 5, -5, 0, 2**63 - 1, -(2**63)),
    *(1761072726.5, 1761072726.123, 1761072726000.0, 1761072726000.7, 9999999999.9999, 0.5, -1.0),
    *(1e300, float("inf"), float("-inf"), b"2026-01-01", b"", None),
)
WHOLE = (
    "2026-01-01T23:00:05.123Z",
    "2026-12-31 23:00:05",
    "2026-12-31T23:00:05.123456+02:00",
    "20260101T230005Z",
    "1761072726.123",
    "1761072726000",
)
CHARACTERS = "0123456789-:T Z+.,zé\0"


@pytest.fixture
def scratch() -> Iterator[sqlite3.Connection]:
    """A connection to a database in memory, with the table that reads instants."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(instant_forms.table_that_reads())
        yield connection


def read_by_python(value: Any) -> str | None:
    try:
        return instant_forms.read(value)
    except ValueError:
        return None


def read_by_sqlite(scratch: sqlite3.Connection, values: Iterable[Any]) -> list[tuple[Any, Any]]:
    reader = instant_forms.READ_BY_SQL
    scratch.executemany(f"INSERT INTO {reader} (stored) VALUES (?)", ([value] for value in values))
    return scratch.execute(f"SELECT stored, instant FROM {reader} ORDER BY place").fetchall()


def mutated(seed: int, count: int) -> Iterator[str]:
    """Right forms with a few characters inserted, replaced or left out."""
    chance = random.Random(seed)
    for _ in range(count):
        text = list(chance.choice(WHOLE))
        for _ in range(chance.choice([1, 1, 2, 3])):
            place = chance.randrange(len(text))
            text[place : place + chance.choice([0, 1])] = chance.choice([*CHARACTERS, ""])
        yield "".join(text)


FORMS = ["".join(parts) for parts in itertools.product(DATES, SEPARATORS, CLOCKS, ZONES)]


def agree(scratch: sqlite3.Connection, values: Iterable[Any]) -> int:
    """The number of values that are instants, to which both must agree."""
    read = read_by_sqlite(scratch, values)
    assert [(value, by) for value, by in read if by != read_by_python(value)] == []
    return sum(instant is not None for _, instant in read)


def test_python_and_sqlite_read_the_same_instants(scratch):
    assert agree(scratch, [*random.Random(1).sample(FORMS, 4_000), *OTHERS]) > 100
    assert agree(scratch, mutated(seed=2, count=4_000)) > 100


@pytest.mark.thorough
def test_python_and_sqlite_read_every_form_the_same(scratch):
    assert agree(scratch, [*FORMS, *OTHERS]) > 500
    assert agree(scratch, mutated(seed=3, count=100_000)) > 1_000


@pytest.mark.parametrize(
    ("stored", "instant"),
    [
        ("2026-01-01T23:00:05.123Z", "2026-01-01T23:00:05.123Z"),
        ("2026-01-01 23:00:05", "2026-01-01T23:00:05.000Z"),
        ("2026-01-01t23:00:05.1239z", "2026-01-01T23:00:05.123Z"),
        ("2026-01-01T23:00", "2026-01-01T23:00:00.000Z"),
        ("2026-01-01 23:00:05,5+0230", "2026-01-01T20:30:05.500Z"),
        ("2026-01-01 23:00-02", "2026-01-02T01:00:00.000Z"),
        ("2026-01-01", "2026-01-01T00:00:00.000Z"),
        ("20260101T230005Z", "2026-01-01T23:00:05.000Z"),
        ("1761072726", "2025-10-21T18:52:06.000Z"),
        ("1761072726.0", "2025-10-21T18:52:06.000Z"),
        ("1761072726.0567", "2025-10-21T18:52:06.056Z"),
        ("1761072726123", "2025-10-21T18:52:06.123Z"),
        (1761072726, "2025-10-21T18:52:06.000Z"),
        (1761072726123, "2025-10-21T18:52:06.123Z"),
        (1761072726.123, "2025-10-21T18:52:06.123Z"),
        (1761072726123.0, "2025-10-21T18:52:06.123Z"),
    ],
)
def test_each_form_stands_for_its_instant(scratch, stored: Any, instant: str):
    assert instant_forms.read(stored) == instant
    assert read_by_sqlite(scratch, [stored]) == [(stored, instant)]


@pytest.mark.parametrize(
    "stored", ["", "now", "yesterday", "2026-02-30", "17610727", 7, b"x", None]
)
def test_what_is_no_instant_is_none_for_both(scratch, stored: Any):
    assert read_by_python(stored) is None
    assert read_by_sqlite(scratch, [stored]) == [(stored, None)]

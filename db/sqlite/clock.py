"""Compares this machine's clock with the newest stored instant, since lists are in the order of instants."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from db.model import instants
from db.model.tables import TABLES
from db.sqlite import file_checks

TOLERANCE_SECONDS = 60
# The newest that looks like an instant, from an index. Among several in other forms, one may be no instant.
NEWEST = """
    SELECT {column} FROM {table} WHERE {column} BETWEEN '0001' AND 'A'
    ORDER BY {column} DESC LIMIT 5
"""


@dataclass(frozen=True, slots=True)
class NewestInstant:
    """Of all rows, in canonical form, and how far it is ahead of the clock; negative if it is past."""

    table: str
    column: str
    instant: str
    seconds_ahead: float

    @property
    def is_clock_behind(self) -> bool:
        return self.seconds_ahead > TOLERANCE_SECONDS


def newest_in(path: Path) -> NewestInstant | None:
    """None of an empty registry; raises BootRefused if it cannot be read."""
    file = path.resolve()
    with file_checks.reading(file) as connection, file_checks.refusing(file):
        return newest(connection)


def newest(connection: sqlite3.Connection) -> NewestInstant | None:
    now = datetime.fromisoformat(instants.now())
    found = [
        (instant, table.name, column)
        for table in TABLES
        for column in (table.newest, "updated_at")
        for (stored,) in connection.execute(NEWEST.format(table=table.name, column=column))
        if (instant := _parsed(stored)) is not None
    ]
    if not found:
        return None
    instant, table_name, column = max(found)
    ahead = (datetime.fromisoformat(instant) - now).total_seconds()
    return NewestInstant(table_name, column, instant, ahead)


def _parsed(stored: object) -> str | None:
    try:
        return instants.parse(str(stored))
    except ValueError:
        return None

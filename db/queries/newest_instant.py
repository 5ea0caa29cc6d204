"""Compares this machine's clock with the newest stored instant, since lists are in the order of instants."""

from dataclasses import dataclass
from datetime import datetime

from db.model import instants
from db.model.tables import TABLES
from db.program import Program, Statement

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


def find() -> Program[NewestInstant | None]:
    """None of an empty registry."""
    now = datetime.fromisoformat(instants.now())
    places = [(table.name, column) for table in TABLES for column in (table.newest, "updated_at")]
    stored = yield [
        Statement(NEWEST.format(table=table, column=column)) for table, column in places
    ]
    found = [
        (instant, table, column)
        for (table, column), rows in zip(places, stored, strict=True)
        for (text,) in rows
        if (instant := _parsed(text)) is not None
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

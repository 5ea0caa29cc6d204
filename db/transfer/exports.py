"""Reading the registry out, row by row, in one snapshot."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

from db.errors import Unreadable
from db.migrating import migrator
from db.model import column_types
from db.model.tables import Column
from db.sqlite import file_checks
from db.transfer.layout import Transfer


@dataclass(frozen=True, slots=True)
class Exported:
    """One row: its type, its place for people, and its values by column in declared order.

    A value is text, a whole number, a list, an object or None. There are none where a stored one is
    nothing that its column can mean: `problem` says which.
    """

    type: str
    place: str
    values: dict[str, Any]
    problem: str | None = None


@contextmanager
def snapshot(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that reads a migrated database as it is at this moment, whoever writes to it.

    Raises BootRefused where the database cannot be read or is not up to date.
    """
    migrator.require_migrated(path)
    with file_checks.looking(path.resolve(), alone=False) as connection:
        # Bytes that are no UTF-8 are found out row by row instead of ending the whole read.
        connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
        connection.execute("BEGIN")
        yield connection
        connection.execute("ROLLBACK")


COUNT = "SELECT count(*) FROM {table}"


def count(connection: sqlite3.Connection, transfers: Sequence[Transfer]) -> int:
    """How many rows `rows` will yield."""
    found = [
        connection.execute(COUNT.format(table=transfer.table.name)).fetchone()[0]
        for transfer in transfers
    ]
    return sum(found)


ROWS = "SELECT {columns} FROM {table} AS moved ORDER BY {key}"


def rows(connection: sqlite3.Connection, transfers: Sequence[Transfer]) -> Iterator[Exported]:
    """Every row of these types, deleted ones too, in the order of the types and of the keys."""
    for transfer in transfers:
        table = transfer.table
        columns = list(table.columns.values())
        sql = ROWS.format(
            columns=table.select_list("moved"), table=table.name, key=", ".join(transfer.key)
        )
        for stored in connection.execute(sql):
            yield _row(transfer, dict(zip(table.columns, stored, strict=True)), columns)


def _row(transfer: Transfer, stored: Mapping[str, Any], columns: Sequence[Column]) -> Exported:
    place = f"{transfer.type} {', '.join(repr(stored[column]) for column in transfer.key)}"
    values = {}
    for column in columns:
        try:
            values[column.name] = _value(column, stored[column.name])
        except Unreadable as unreadable:
            problem = f"{place}: {column.name}: {unreadable}"
            return Exported(transfer.type, place, {}, problem)
    return Exported(transfer.type, place, values)


def _value(column: Column, stored: Any) -> Any:
    if stored is None and column.nullable:
        return None
    # As an int of GraphQL it would be cut to 32 bits.
    kind = column_types.BIG_INT if column.type is column_types.INT else column.type
    found = kind.read(stored)
    if isinstance(stored, str):
        try:
            stored.encode()
        except UnicodeEncodeError:
            raise Unreadable("the stored value is not UTF-8") from None
    return found.value if isinstance(found, Enum) else found

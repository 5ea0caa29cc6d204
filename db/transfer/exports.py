"""Reads all rows of the registry in one snapshot."""

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
from db.model import column_types, value_repair
from db.model.tables import Column, Table
from db.sqlite import file_checks
from db.transfer.layout import Transfer


@dataclass(frozen=True, slots=True)
class ExportedRow:
    """One row: its type, its key for messages, and its values by column in declared order."""

    type: str
    place: str
    values: dict[str, Any]
    problem: str | None = None  # names a value that is not of its column's type; no values then


@contextmanager
def snapshot(path: Path) -> Iterator[sqlite3.Connection]:
    """A snapshot of a migrated database; raises BootRefused if it cannot be read or is not up to date."""
    migrator.require_migrated(path)
    with file_checks.looking(path.resolve(), alone=False) as connection:
        # Bytes that are not UTF-8 become a problem of their row instead of ending the read.
        connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
        connection.execute("BEGIN")
        yield connection
        connection.execute("ROLLBACK")


COUNT = "SELECT count(*) FROM {table}"


def count(connection: sqlite3.Connection, transfers: Sequence[Transfer]) -> int:
    counts = [
        connection.execute(COUNT.format(table=transfer.table.name)).fetchone()[0]
        for transfer in transfers
    ]
    return sum(counts)


ROWS = "SELECT {columns} FROM {table} AS exported ORDER BY {key}"


def rows(connection: sqlite3.Connection, transfers: Sequence[Transfer]) -> Iterator[ExportedRow]:
    """Every row of these types, deleted ones too, in the order of the types and of the keys."""
    for transfer in transfers:
        table = transfer.table
        columns = list(table.columns.values())
        sql = ROWS.format(
            columns=table.select_list("exported"), table=table.name, key=", ".join(transfer.key)
        )
        for stored in connection.execute(sql):
            yield _row(transfer, dict(zip(table.columns, stored, strict=True)), columns)


def _row(transfer: Transfer, stored: Mapping[str, Any], columns: Sequence[Column]) -> ExportedRow:
    place = f"{transfer.type} {', '.join(repr(stored[column]) for column in transfer.key)}"
    values = {}
    for column in columns:
        try:
            values[column.name] = _read(transfer.table, column, stored)
        except Unreadable as unreadable:
            problem = f"{place}: {column.name}: {unreadable}"
            return ExportedRow(transfer.type, place, {}, problem)
    return ExportedRow(transfer.type, place, values)


def _read(table: Table[Any], column: Column, row: Mapping[str, Any]) -> Any:
    """As the API shows it."""
    try:
        return _value(column, row[column.name])
    except Unreadable:
        repaired = value_repair.without_loss(table, column, row)
        if repaired is None:
            raise
        return None if repaired.value is None else _value(column, repaired.value)


def _value(column: Column, stored: Any) -> Any:
    if stored is None and column.nullable:
        return None
    # Read as INT, it would be cut to the 32 bits of GraphQL.
    column_type = column_types.BIG_INT if column.type is column_types.INT else column.type
    value = column_type.read(stored)
    if isinstance(stored, str):
        try:
            stored.encode()
        except UnicodeEncodeError:
            raise Unreadable("the stored value is not UTF-8") from None
    return value.value if isinstance(value, Enum) else value

"""Statements that make the rows of one registry those of another one, exactly as they are stored."""

import sqlite3
from collections.abc import Iterator, Sequence

from db.moving import row_texts
from db.moving.moved_tables import MovedTable
from db.remote.transport import Bound

MOST_ROWS = 500

# All texts in hex, so that any text can be read.
_CHANGED = "SELECT {row} FROM main.{table} EXCEPT SELECT {row} FROM before.{table}"
_GONE = "SELECT {key} FROM before.{table} EXCEPT SELECT {key} FROM main.{table}"
_DELETE = """
    DELETE FROM {table} WHERE ({key}) IN (SELECT {values} FROM json_each(:rows) AS gone)
"""
_STORE = """
    INSERT INTO {table} ({columns})
    SELECT {values} FROM json_each(:rows) AS changed WHERE TRUE
    ON CONFLICT ({key}) DO UPDATE SET {assignments}
"""


def statements(connection: sqlite3.Connection, tables: Sequence[MovedTable]) -> list[Bound]:
    """What makes of the attached database `before` the main one; parents come before their children."""
    gone = [each for table in reversed(tables) for each in _gone(connection, table)]
    return [*gone, *(each for table in tables for each in _changed(connection, table))]


def _gone(connection: sqlite3.Connection, table: MovedTable) -> Iterator[Bound]:
    key = row_texts.encoded(*table.key, is_hex="TRUE")
    sql = _DELETE.format(
        table=table.name,
        key=", ".join(table.key),
        values=", ".join(row_texts.decoded("gone.value", len(table.key))),
    )
    yield from _bound(sql, connection.execute(_GONE.format(key=key, table=table.name)).fetchall())


def _changed(connection: sqlite3.Connection, table: MovedTable) -> Iterator[Bound]:
    row = row_texts.encoded(*table.columns, is_hex="TRUE")
    others = [name for name in table.columns if name not in table.key]
    sql = _STORE.format(
        table=table.name,
        columns=", ".join(table.columns),
        values=", ".join(row_texts.decoded("changed.value", len(table.columns))),
        key=", ".join(table.key),
        assignments=", ".join(f"{name} = excluded.{name}" for name in others),
    )
    yield from _bound(
        sql, connection.execute(_CHANGED.format(row=row, table=table.name)).fetchall()
    )


def _bound(sql: str, found: Sequence[tuple[str]]) -> Iterator[Bound]:
    for first in range(0, len(found), MOST_ROWS):
        rows = ",".join(text for (text,) in found[first : first + MOST_ROWS])
        yield Bound(sql, {"rows": f"[{rows}]"})

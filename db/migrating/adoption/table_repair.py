"""Rewrites the stored values of a registry in canonical form; valid values stay as they are."""

import logging
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from db.migrating.adoption.changed_cells import text_or_bytes
from db.migrating.adoption.repair_report import Report
from db.model import instants, value_repair
from db.model.tables import TABLES, Table
from db.model.value_repair import Place, Repaired
from db.program import Value
from db.sqlite.catalog import Object

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 1_000
LETTERS_AT_ONCE = 2**20
ROWS_BETWEEN_LOGS = 20_000


def repair(connection: sqlite3.Connection, expected: Mapping[str, Object], report: Report) -> None:
    """Repair the four tables, which our migrations declare as `expected`, in the open transaction.

    Raises sqlite3.Error if somebody else's constraint forbids what is canonical here.
    """
    now = instants.now()
    with any_text(connection), report.cells.keeping_only_lost():
        for table in TABLES:
            _repair_table(connection, Repairs(connection, table, expected[table.name], now), report)


@contextmanager
def any_text(connection: sqlite3.Connection) -> Iterator[None]:
    """While inside, texts that are not UTF-8 are read as bytes."""
    usual, connection.text_factory = connection.text_factory, text_or_bytes
    try:
        yield
    finally:
        connection.text_factory = usual


class Repairs:
    """What makes rows of one of our tables, which our migrations declare as `expected`, canonical."""

    def __init__(
        self, connection: sqlite3.Connection, table: Table[Any], expected: Object, now: str
    ) -> None:
        self.table = table
        self.tests = {
            name: value_repair.validator(column) for name, column in table.columns.items()
        }
        self._defaults = {
            name: _default(connection, each.default) for name, each in expected.columns.items()
        }
        self._now = now

    def of(self, row: Mapping[str, Value]) -> dict[str, Repaired]:
        """What replaces values of a row, which may lack columns."""
        return {
            name: value_repair.repair(
                Place(self.table, self.table.columns[name], row, self._defaults[name], self._now)
            )
            for name, value in row.items()
            if not self.tests[name](value)
        }

    def canonical(self, row: Mapping[str, Value], report: Report) -> dict[str, Value]:
        """The row as it is stored here."""
        repairs = self.of(row)
        new = {**row, **{name: each.value for name, each in repairs.items()}}
        for name, repaired in repairs.items():
            report.note(self.table.name, name, repaired.problem)
            if repaired.lost:
                key = new[self.table.key]
                report.cells.add(self.table.name, key, name, row[name], repaired.value)
        return new


COLUMNS = "SELECT lower(name) FROM pragma_table_info(:table)"


def stored_columns(connection: sqlite3.Connection, table: Table[Any]) -> list[str]:
    """Those that the table has by now: a later migration may add one."""
    stored = {name for (name,) in connection.execute(COLUMNS, {"table": table.name})}
    return [name for name in table.columns if name in stored]


ROWS = "SELECT rowid, {columns} FROM {table} WHERE rowid > :after ORDER BY rowid LIMIT :limit"


def _repair_table(connection: sqlite3.Connection, table_repairs: Repairs, report: Report) -> None:
    table = table_repairs.table
    columns = stored_columns(connection, table)
    tests = [table_repairs.tests[name] for name in columns]
    for rows in _batches(connection, table, columns):
        changed: dict[tuple[str, ...], list[list[Value]]] = defaultdict(list)
        lost: list[tuple[str, Value]] = []
        for rowid, *values in rows:
            if not all(is_valid(value) for is_valid, value in zip(tests, values, strict=True)):
                row = dict(zip(columns, values, strict=True))
                repairs = table_repairs.of(row)
                for name, repaired in repairs.items():
                    report.note(table.name, name, repaired.problem)
                lost += _lost(table, row, repairs)
                changed[tuple(repairs)].append([*(each.value for each in repairs.values()), rowid])
        for names, binds in changed.items():
            settings = ", ".join(f"{name} = ?" for name in names)
            update = f"UPDATE {table.name} SET {settings} WHERE rowid = ?"
            connection.executemany(update, binds)
        report.cells.mark(table.name, lost)


def _default(connection: sqlite3.Connection, declared: str | None) -> Value:
    value: Value = None
    if declared is not None:
        (value,) = connection.execute(f"SELECT {declared}").fetchone()
    return value


def _batches(
    connection: sqlite3.Connection, table: Table[Any], columns: list[str]
) -> Iterator[list[tuple[Any, ...]]]:
    sql = ROWS.format(columns=", ".join(columns), table=table.name)
    after, seen, logged = -(2**63), 0, 0
    while rows := _some(connection.execute(sql, {"after": after, "limit": ROWS_AT_ONCE})):
        yield rows
        after, seen = rows[-1][0], seen + len(rows)
        if seen - logged >= ROWS_BETWEEN_LOGS:
            logged = seen
            log.info("rows looked at", extra={"table": table.name, "rows": seen})


def _some(cursor: sqlite3.Cursor) -> list[tuple[Any, ...]]:
    """The first rows, up to a number and a size."""
    rows, size = [], 0
    for row in cursor:
        rows.append(row)
        size += sum(len(value) for value in row if isinstance(value, str | bytes))
        if size >= LETTERS_AT_ONCE:
            break
    cursor.close()
    return rows


def _lost(
    table: Table[Any], row: Mapping[str, Value], repairs: Mapping[str, Repaired]
) -> list[tuple[str, Value]]:
    """The cells whose new value does not tell the old one: column, and key of the row."""
    key = repairs[table.key].value if table.key in repairs else row[table.key]
    return [(name, key) for name, repaired in repairs.items() if repaired.lost]

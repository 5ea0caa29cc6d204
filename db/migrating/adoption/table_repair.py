"""Rewrites the stored values of a registry in canonical form; valid values stay as they are."""

import logging
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from db.migrating.adoption import value_repair
from db.migrating.adoption.repair_report import Report
from db.migrating.adoption.value_repair import Place, Repaired
from db.model import instants
from db.model.tables import TABLES, Table
from db.program import Value
from db.sqlite.catalog import Object

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 20_000


def repair(connection: sqlite3.Connection, expected: Mapping[str, Object], report: Report) -> None:
    """Repair the four tables, which our migrations declare as `expected`, in the open transaction.

    Raises sqlite3.Error if somebody else's constraint forbids what is canonical here.
    """
    now = instants.now()
    reading_text, connection.text_factory = connection.text_factory, _text
    try:
        for table in TABLES:
            _repair_table(connection, table, expected[table.name], now, report)
    finally:
        connection.text_factory = reading_text


def _text(stored: bytes) -> Any:
    """A stored text, as bytes if it is not UTF-8, which would otherwise raise."""
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored


COLUMNS = "SELECT lower(name) FROM pragma_table_info(:table)"
ROWS = "SELECT rowid, {columns} FROM {table} WHERE rowid > :after ORDER BY rowid LIMIT :limit"


def _repair_table(
    connection: sqlite3.Connection, table: Table[Any], expected: Object, now: str, report: Report
) -> None:
    stored = {name for (name,) in connection.execute(COLUMNS, {"table": table.name})}
    columns = [column for name, column in table.columns.items() if name in stored]
    tests = [(column.name, value_repair.validator(column)) for column in columns]
    defaults = {name: _default(connection, each.default) for name, each in expected.columns.items()}
    for rows in _batches(connection, table, [column.name for column in columns]):
        changed: dict[tuple[str, ...], list[list[Value]]] = defaultdict(list)
        for rowid, *values in rows:
            invalid = [
                name
                for (name, is_valid), value in zip(tests, values, strict=True)
                if not is_valid(value)
            ]
            if invalid:
                row = dict(zip((name for name, _ in tests), values, strict=True))
                repairs = {
                    name: value_repair.repair(
                        Place(table, table.columns[name], row, defaults[name], now)
                    )
                    for name in invalid
                }
                _note(report, table, row, repairs)
                changed[tuple(repairs)].append([*(each.value for each in repairs.values()), rowid])
        for names, binds in changed.items():
            settings = ", ".join(f"{name} = ?" for name in names)
            update = f"UPDATE {table.name} SET {settings} WHERE rowid = ?"
            connection.executemany(update, binds)


def _default(connection: sqlite3.Connection, declared: str | None) -> Value:
    value: Value = None
    if declared is not None:
        (value,) = connection.execute(f"SELECT {declared}").fetchone()
    return value


def _batches(
    connection: sqlite3.Connection, table: Table[Any], columns: list[str]
) -> Iterator[list[tuple[Any, ...]]]:
    sql = ROWS.format(columns=", ".join(columns), table=table.name)
    after, seen = -(2**63), 0
    while rows := connection.execute(sql, {"after": after, "limit": ROWS_AT_ONCE}).fetchall():
        yield rows
        after, seen = rows[-1][0], seen + len(rows)
        log.info("rows looked at", extra={"table": table.name, "rows": seen})


def _note(
    report: Report, table: Table[Any], row: Mapping[str, Value], repairs: Mapping[str, Repaired]
) -> None:
    key = repairs[table.key].value if table.key in repairs else row[table.key]
    for name, repaired in repairs.items():
        report.note(table.name, name, repaired.problem)
        if repaired.lost:
            report.keep(table.name, key, name, row[name], repaired.value)

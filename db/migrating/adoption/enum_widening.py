"""Makes the tables of other programs accept every value of our enumerations.

SQLite cannot alter a CHECK, but documents how to rewrite a table's SQL in sqlite_schema
(lang_altertable.html, section 7).
"""

import re
import sqlite3
from collections.abc import Iterator
from typing import Any

from db.migrating.adoption.repair_report import Report
from db.model.tables import TABLES, Table

NARROW = "a CHECK that forbids some of the values"

TABLE_SQL = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND lower(name) = :table"
REWRITE = "UPDATE sqlite_schema SET sql = :sql WHERE type = 'table' AND lower(name) = :table"


def widen(connection: sqlite3.Connection, report: Report) -> None:
    changed = {}
    for table in TABLES:
        (before,) = connection.execute(TABLE_SQL, {"table": table.name}).fetchone()
        after = _widened(table, before, report)
        if after != before:
            changed[table.name] = after
    if not changed:
        return
    (version,) = connection.execute("PRAGMA schema_version").fetchone()
    connection.execute("PRAGMA writable_schema = ON")
    for name, sql in changed.items():
        connection.execute(REWRITE, {"table": name, "sql": sql})
    connection.execute(f"PRAGMA schema_version = {version + 1}")
    connection.execute("PRAGMA writable_schema = RESET")


def narrow_columns(table: str, sql: str) -> list[str]:
    """The columns of one of our tables in whose CHECK values are missing."""
    declared = [each for each in TABLES if each.name == table]
    return [column for each in declared for column, _, _ in _narrow(each, sql)]


def _widened(table: Table[Any], sql: str, report: Report) -> str:
    for name, match, values in _narrow(table, sql):
        listed = ", ".join(f"'{value}'" for value in values)
        sql = sql.replace(match[0], f"{match[1]}{listed})", 1)
        report.note(table.name, name, NARROW)
    return sql


def _narrow(table: Table[Any], sql: str) -> Iterator[tuple[str, re.Match[str], list[str]]]:
    """The columns in whose CHECK values are missing, with that CHECK and the values that there are."""
    for name, column in table.columns.items():
        values = list(column.type.names)
        check = re.compile(
            rf"(CHECK\s*\(\s*[\"`\[]?{name}[\"`\]]?\s+IN\s*\()([^()]*)\)", re.IGNORECASE
        )
        match = check.search(sql) if values else None
        if match is not None and set(re.findall(r"'([^']*)'", match[2])) < set(values):
            yield name, match, values

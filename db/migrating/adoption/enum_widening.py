"""Makes the tables of other programs accept every value of our enumerations.

SQLite cannot alter a CHECK, but documents how to rewrite a table's SQL in sqlite_schema
(lang_altertable.html, section 7).
"""

import re
import sqlite3
from enum import Enum
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


def _widened(table: Table[Any], sql: str, report: Report) -> str:
    for name, column in table.columns.items():
        members = column.type.python
        if not (isinstance(members, type) and issubclass(members, Enum)):
            continue
        values = [member.value for member in members]
        check = re.compile(
            rf"(CHECK\s*\(\s*[\"`\[]?{name}[\"`\]]?\s+IN\s*\()([^()]*)\)", re.IGNORECASE
        )
        match = check.search(sql)
        if match is None:
            continue
        allowed = set(re.findall(r"'([^']*)'", match[2]))
        if allowed < set(values):
            listed = ", ".join(f"'{value}'" for value in values)
            sql = f"{sql[: match.start()]}{match[1]}{listed}){sql[match.end() :]}"
            report.note(table.name, name, NARROW)
    return sql

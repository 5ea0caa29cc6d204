"""The repairs of a database: collected, recorded in it, and read again."""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from db.model import instants
from db.program import Value
from db.sqlite import file_checks


@dataclass(frozen=True, slots=True)
class Repair:
    """A number of rows of one table with one problem in one column, or in the table itself."""

    table: str
    column: str
    problem: str
    rows: int

    def __str__(self) -> str:
        where = f"{self.table}.{self.column}" if self.column else self.table
        return f"{self.rows:,} x {where}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A repair that was made, when, and the name of the copy made before."""

    repaired_at: str
    copy: str
    repair: Repair


@dataclass(slots=True)
class Report:
    counted: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    replaced: list[tuple[str, str, str, Value, Value]] = field(default_factory=list)

    def note(self, table: str, column: str, problem: str, rows: int = 1) -> None:
        if rows:
            self.counted[table, column, problem] += rows

    def keep(self, table: str, key: Value, column: str, before: Value, after: Value) -> None:
        """Keep an original value that its replacement does not tell."""
        self.replaced.append((table, str(key), column, before, after))

    @property
    def repairs(self) -> list[Repair]:
        return [Repair(*place, rows) for place, rows in sorted(self.counted.items())]


KEEP_REPAIR = """
    INSERT INTO repairs (repaired_at, table_name, column_name, problem, row_count, backup)
    VALUES (:now, :table, :column, :problem, :rows, :backup)
"""
KEEP_VALUE = """
    INSERT INTO replaced_values
        (repaired_at, table_name, row_key, column_name, value_before, value_after)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET value_after = excluded.value_after
"""


def record(connection: sqlite3.Connection, report: Report, backup: str | None) -> None:
    now = instants.now()
    for repair in report.repairs:
        bind = {
            "now": now,
            "table": repair.table,
            "column": repair.column,
            "problem": repair.problem,
            "rows": repair.rows,
            "backup": backup,
        }
        connection.execute(KEEP_REPAIR, bind)
    connection.executemany(KEEP_VALUE, ([now, *value] for value in report.replaced))


REPAIRS = """
    SELECT repaired_at, backup, table_name, column_name, problem, row_count
    FROM repairs
    ORDER BY repaired_at, table_name, column_name, problem
"""


def of_file(path: Path) -> list[Recorded]:
    """All repairs of a migrated file, oldest first; raises BootRefused or sqlite3.Error."""
    with file_checks.reading(path.resolve()) as connection:
        rows = connection.execute(REPAIRS).fetchall()
    return [Recorded(at, copy, Repair(*repair)) for at, copy, *repair in rows]

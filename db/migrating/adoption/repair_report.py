"""The repairs of a database: collected, recorded in it, and read again."""

import sqlite3
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from db.migrating.adoption.changed_cells import MOST_LISTED, Change, ChangedCells, text_or_bytes
from db.model import instants
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
    """A repair that was made, when, and the name of the copy made before.

    With the first of several repairs of one column are the first values that were replaced in it.
    """

    repaired_at: str
    copy: str | None
    repair: Repair
    replaced: list[Change]
    has_more_replaced: bool


@dataclass(slots=True)
class Report:
    """Repairs by table, column and problem; `cells` has the single values, `recreated` tables are empty."""

    cells: ChangedCells
    recreated: Collection[str] = ()
    counted: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def note(self, table: str, column: str, problem: str, rows: int = 1) -> None:
        if rows:
            self.counted[table, column, problem] += rows

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
        keep(connection, now, repair, backup)
    kept = (
        (now, each.table, str(each.key), each.column, each.before, each.after)
        for each in report.cells.kept()
    )
    connection.executemany(KEEP_VALUE, kept)


def keep(connection: sqlite3.Connection, now: str, repair: Repair, backup: str | None) -> None:
    bind = {
        "now": now,
        "table": repair.table,
        "column": repair.column,
        "problem": repair.problem,
        "rows": repair.rows,
        "backup": backup,
    }
    connection.execute(KEEP_REPAIR, bind)


def keep_all(connection: sqlite3.Connection, repairs: Collection[Repair]) -> None:
    """Record repairs before which no copy was made."""
    now = instants.now()
    for repair in repairs:
        keep(connection, now, repair, None)


HAS_REPAIRS = "SELECT count(*) FROM sqlite_master WHERE name IN ('repairs', 'replaced_values')"
MADE_SINCE = """
    SELECT table_name, column_name, problem, row_count FROM repairs WHERE repaired_at >= :since
"""
FORGET_REPAIRS = "DELETE FROM repairs WHERE repaired_at >= :since"
# Only what is recorded again.
FORGET_VALUES = """
    DELETE FROM replaced_values AS made
    WHERE repaired_at >= :since AND EXISTS (
        SELECT 1 FROM changed_cells_here AS changed
        WHERE changed.table_name = made.table_name AND changed.column_name = made.column_name
            AND changed.row_key IN (made.row_key, CAST(made.row_key AS INTEGER)) AND is_kept
    )
"""


def made_since(connection: sqlite3.Connection, since: str) -> list[Repair]:
    """The repairs that migrations made and recorded themselves since an instant."""
    (tables,) = connection.execute(HAS_REPAIRS).fetchone()
    rows = connection.execute(MADE_SINCE, {"since": since}).fetchall() if tables == 2 else []
    return [Repair(*row) for row in rows]


MADE_ANEW = "the table, made anew and empty"
RECREATED = "SELECT DISTINCT table_name FROM repairs WHERE problem = :problem"


def recreated_tables(connection: sqlite3.Connection) -> set[str]:
    """The tables whose rows were lost once, so that rows may refer to what never was anything else."""
    (found,) = connection.execute(HAS_REPAIRS).fetchone()
    rows = connection.execute(RECREATED, {"problem": MADE_ANEW}).fetchall() if found == 2 else []
    return {str(table) for (table,) in rows}


def take_over(connection: sqlite3.Connection, report: Report, since: str) -> None:
    """Add the repairs of migrations to the report, which is recorded together with the copy's name."""
    for made in made_since(connection, since):
        report.note(made.table, made.column, made.problem, made.rows)
    connection.execute(FORGET_REPAIRS, {"since": since})
    connection.execute(FORGET_VALUES, {"since": since})


REPAIRS = """
    SELECT repaired_at, backup, table_name, column_name, problem, row_count
    FROM repairs
    ORDER BY repaired_at, table_name, column_name, problem
"""
REPLACED = f"""
    SELECT table_name, row_key, column_name, value_before, value_after FROM replaced_values
    WHERE repaired_at = :at AND table_name = :table AND column_name = :column
    LIMIT {MOST_LISTED + 1}
"""


def of_file(path: Path) -> list[Recorded]:
    """All repairs of a migrated file, oldest first; raises BootRefused or sqlite3.Error."""
    with file_checks.reading(path.resolve()) as connection:
        connection.text_factory = text_or_bytes
        found: list[Recorded] = []
        listed: set[tuple[str, str, str]] = set()
        for at, copy, *repair in connection.execute(REPAIRS).fetchall():
            table, column, *_ = repair
            values: list[Change] = []
            if (at, table, column) not in listed:
                listed.add((at, table, column))
                bind = {"at": at, "table": table, "column": column}
                values = [Change(*row) for row in connection.execute(REPLACED, bind)]
            first, has_more = values[:MOST_LISTED], len(values) > MOST_LISTED
            found.append(Recorded(at, copy, Repair(*repair), first, has_more))
    return found

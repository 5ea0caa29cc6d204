"""Recomputes every row from its changes, and finds all that does not follow.

One pass over the changes of each table, row by row, and one over its rows: memory is that of one row.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.audit.findings import Finding, FindingKind
from db.change_log import NEWEST
from db.history.pruning import BASE
from db.migrating import (
    history_queries,
    history_repair,
    ledger,
    migrator,
    schema_comparison,
)
from db.migrating.history_repair import UNREADABLE, Deviation, Row, different
from db.migrating.history_triggers import EXTERNAL, HISTORIED
from db.migrating.ledger import Migration
from db.model.tables import Table
from db.program import json_list
from db.sqlite import file_checks
from db.sqlite.damage import Extent

Advance = Callable[[int], None]
"""Called from time to time with the number of changes and rows that were looked at since."""
PORTION = 1_000


@contextmanager
def snapshot(path: Path) -> Iterator[sqlite3.Connection]:
    """A snapshot of a migrated database; raises BootRefused if it cannot be read or is not up to date."""
    migrator.require_migrated(path)
    with (
        file_checks.looking(path.resolve(), alone=False, extent=Extent.PART) as connection,
        history_repair.any_text(connection),
    ):
        connection.execute("BEGIN")
        yield connection
        connection.execute("ROLLBACK")


SIZE = "SELECT count(*) FROM {table}"


def size(connection: sqlite3.Connection) -> int:
    """The number of changes and rows to look at."""
    tables = ["changes", *(table.name for table in HISTORIED)]
    return sum(connection.execute(SIZE.format(table=each)).fetchone()[0] for each in tables)


def verify(connection: sqlite3.Connection, advance: Advance = lambda _: None) -> Iterator[Finding]:
    """Everything in which the history and the rows disagree, table by table."""
    yield from _triggers(connection)
    cut = _cut(connection)
    yield from _numbers(connection, cut)
    for table in HISTORIED:
        yield from _log(connection, table, cut, advance)
        yield from _rows(connection, table)
        advance(connection.execute(SIZE.format(table=table.name)).fetchone()[0])


def _triggers(connection: sqlite3.Connection) -> Iterator[Finding]:
    migrations, ran = _ran(connection)
    for lost in schema_comparison.lost_history(connection, migrations, ran):
        text = f"{lost.name} is {lost.problem}"
        yield Finding(FindingKind.TRIGGER, lost.table, text=text)


def _ran(connection: sqlite3.Connection) -> tuple[Sequence[Migration], Collection[str]]:
    return ledger.load(ledger.MIGRATIONS), dict(connection.execute(ledger.APPLIED).fetchall())


CUT = "SELECT coalesce(max(sequence), 0), coalesce(max(removed), 0) FROM checkpoint"
BASES = "SELECT count(*) FROM changes WHERE sequence <= :cut"
GAPS = """
    SELECT previous + 1, sequence - 1 FROM (
        SELECT sequence, lag(sequence, 1, :cut) OVER (ORDER BY sequence) AS previous
        FROM changes WHERE sequence > :cut
    )
    WHERE sequence <> previous + 1
"""
UNKNOWN = """
    SELECT sequence, kind FROM changes WHERE kind NOT IN (SELECT value FROM json_each(:kinds))
    ORDER BY sequence
"""


def _cut(connection: sqlite3.Connection) -> int:
    (cut, _) = connection.execute(CUT).fetchone()
    return int(cut)


def _numbers(connection: sqlite3.Connection, cut: int) -> Iterator[Finding]:
    (newest,) = connection.execute(NEWEST).fetchone()
    if cut and newest <= cut:
        text = f"the newest change is {newest}, where changes up to {cut} were pruned and later ones kept"
        yield Finding(FindingKind.CHECKPOINT, text=text)
    (_, removed) = connection.execute(CUT).fetchone()
    (bases,) = connection.execute(BASES, {"cut": cut}).fetchone()
    if bases != cut - removed:
        text = (
            f"there are {bases} changes up to {cut}, where pruning left {cut - removed} of these as"
            " bases of their rows"
        )
        yield Finding(FindingKind.CHECKPOINT, text=text)
    for first, last in connection.execute(GAPS, {"cut": cut}):
        yield Finding(FindingKind.GAP, sequence=first, text=str(last))
    kinds = json_list(table.name for table in HISTORIED)
    for sequence, kind in connection.execute(UNKNOWN, {"kinds": kinds}):
        yield Finding(FindingKind.UNKNOWN_TABLE, str(kind), sequence=sequence)


@dataclass(frozen=True, slots=True)
class RecordedChange:
    sequence: int
    key: Any
    operation: str
    cause: str
    is_private: bool
    before: str | None
    after: str | None
    is_live: int | None


@dataclass(slots=True)
class State:
    """What is known of a row after some of its changes; `row` is None if it is gone or not there yet."""

    row: Row | None = None
    is_live: int | None = None


def _log(
    connection: sqlite3.Connection, table: Table[Any], cut: int, advance: Advance
) -> Iterator[Finding]:
    state, key, looked_at = State(), object(), 0
    for values in connection.execute(history_queries.of(table).log):
        change = RecordedChange(*values)
        if change.key != key:
            state, key = State(), change.key
        yield from _of_change(table, change, state, cut)
        state = State(history_repair.read(change.after), change.is_live)
        looked_at += 1
        if looked_at == PORTION:
            advance(looked_at)
            looked_at = 0
    advance(looked_at)


def _of_change(
    table: Table[Any], change: RecordedChange, known: State, cut: int
) -> Iterator[Finding]:
    before, after = history_repair.read(change.before), history_repair.read(change.after)
    for name, row in (("before", before), ("after", after)):
        if row is UNREADABLE:
            yield _finding(table, change, FindingKind.UNREADABLE, column=name)
    if any(row is UNREADABLE for row in (before, after, known.row)):
        return
    wrong = _wrong_operation(change, known, cut)
    if wrong:
        yield _finding(table, change, FindingKind.OPERATION, text=wrong)
    if known.row is not None:
        yield from _of_columns(table, change, known.row, before or {}, after or {})


def _finding(table: Table[Any], change: RecordedChange, kind: FindingKind, **parts: Any) -> Finding:
    return Finding(kind, table.name, change.key, sequence=change.sequence, **parts)


def _of_columns(
    table: Table[Any], change: RecordedChange, known: Row, before: Row, after: Row
) -> Iterator[Finding]:
    for name in different(before, known):
        yield _finding(
            table,
            change,
            FindingKind.BEFORE,
            column=name,
            recorded=before[name],
            stored=known[name],
        )
    for name in different(known, after):
        if name not in before:
            yield _finding(
                table,
                change,
                FindingKind.UNEXPLAINED,
                column=name,
                recorded=after[name],
                stored=known[name],
            )
        elif change.is_private and name in table.columns and not table.columns[name].private:
            yield _finding(table, change, FindingKind.PRIVACY, column=name)


def _wrong_operation(change: RecordedChange, known: State, cut: int) -> str:
    """What the change cannot be, after the changes before it; empty if it can."""
    if change.sequence <= cut and (change.cause != BASE or change.before is not None):
        return f"is there as it was, although changes up to {cut} were pruned"
    if known.row is None:
        return (
            "" if change.operation == "created" else f"{change.operation} a row that was not there"
        )
    if change.after is None:
        expected = "deleted"
    elif known.is_live == change.is_live:
        expected = "updated"
    else:
        expected = "restored" if change.is_live else "deleted"
    return (
        "" if change.operation == expected else f"is called {change.operation}, but {expected} it"
    )


def _rows(connection: sqlite3.Connection, table: Table[Any]) -> Iterator[Finding]:
    for deviation in history_repair.deviations(connection, table):
        yield from _of_row(connection, deviation)


def _of_row(connection: sqlite3.Connection, deviation: Deviation) -> Iterator[Finding]:
    table, key = deviation.table.name, deviation.key
    recorded, stored = deviation.recorded, deviation.stored
    if stored is None:
        yield Finding(FindingKind.MISSING, table, key)
    elif recorded is None:
        known = history_queries.of(deviation.table).known
        is_known = connection.execute(known, {"rowid": deviation.place}).fetchone() is not None
        yield Finding(FindingKind.GONE if is_known else FindingKind.WITHOUT_CHANGE, table, key)
    else:
        for name in deviation.columns:
            yield Finding(
                FindingKind.VALUE, table, key, name, recorded=recorded[name], stored=stored[name]
            )


def record(path: Path, tell: Callable[[Finding], None]) -> None:
    """Make lost triggers anew and record each row that is not as its changes tell, in one transaction.

    `tell` is called with what each change makes up for. Raises BootRefused, with nothing changed, if the
    database cannot be written.
    """
    migrator.require_migrated(path)
    file = path.resolve()
    file_checks.require_usable(file, writable=True)
    with file_checks.refusing(file):
        connection = file_checks.connect(file, "rw")
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            _record(connection, tell)
            connection.execute("COMMIT")
        finally:
            connection.close()


def _record(connection: sqlite3.Connection, tell: Callable[[Finding], None]) -> None:
    for lost in _triggers(connection):
        tell(lost)
    with history_repair.any_text(connection):
        for table in HISTORIED:
            for deviation in history_repair.deviations(connection, table):
                for finding in _of_row(connection, deviation):
                    tell(finding)
                history_repair.record(connection, deviation, EXTERNAL)
    history_repair.mend(connection, *_ran(connection))

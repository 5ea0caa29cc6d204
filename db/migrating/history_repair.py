"""Finds rows that are not as their changes tell, records what changed, and makes lost triggers anew."""

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from db.history.pruning import BASE
from db.migrating import history_queries, schema_comparison
from db.migrating.adoption.repair_report import Repair
from db.migrating.history_triggers import EXTERNAL, HISTORIED
from db.migrating.ledger import Migration
from db.migrating.schema_comparison import LostTrigger
from db.model import instants
from db.model.tables import Table
from db.program import Statement, Value
from db.sqlite import catalog

UNRECORDED = "a change that was not recorded"
Row = Mapping[str, Any]
UNREADABLE: Row = MappingProxyType({})
"""What a change tells of a row if its text is no JSON object."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """A row that is not as its last change tells: JSON objects by column, None where there is no row.

    `place` is the row's rowid or, if there is no row, the sequence number of its last change.
    """

    table: Table[Any]
    key: Any
    place: int
    recorded: Row | None
    stored: Row | None

    @property
    def columns(self) -> list[str]:
        """The columns in which the two differ."""
        return different(self.recorded or {}, self.stored or {})


def different(one: Row, other: Row) -> list[str]:
    """The columns of which both have a value, and another one; 1 and 1.0 are not the same."""
    return [
        name
        for name, value in one.items()
        if name in other and (other[name] != value or type(other[name]) is not type(value))
    ]


@contextmanager
def any_text(connection: sqlite3.Connection) -> Iterator[None]:
    """Let texts be read that are not UTF-8."""
    before = connection.text_factory
    connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    try:
        yield
    finally:
        connection.text_factory = before


def deviations(connection: sqlite3.Connection, table: Table[Any]) -> Iterator[Deviation]:
    """The rows of a table that are not as their last changes tell, in the order of their keys."""
    sql = history_queries.of(table)
    stored = connection.execute(sql.deviating)
    yield from changed(table, stored, defaults(connection, table))
    yield from gone(table, connection.execute(sql.gone))


def changed(
    table: Table[Any], found: Iterable[tuple[Any, ...]], defaults: Row
) -> Iterator[Deviation]:
    """The deviations among what the query `deviating` finds."""
    for key, rowid, stored, recorded in found:
        known, now = read(recorded), read(stored)
        if known is not None and now is not None and known is not UNREADABLE:
            # A column that was added later had its default, which no change tells.
            known = {**defaults, **known}
            if not different(known, now):
                continue
        yield Deviation(table, key, rowid, known, now)


def gone(table: Table[Any], found: Iterable[tuple[Any, ...]]) -> Iterator[Deviation]:
    """What the query `gone` finds."""
    for key, sequence, recorded in found:
        yield Deviation(table, key, sequence, read(recorded), None)


def read(text: str | None) -> Row | None:
    """The columns in a stored JSON object, or UNREADABLE."""
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return UNREADABLE
    return found if isinstance(found, dict) else UNREADABLE


DEFAULTS = "SELECT name, dflt_value FROM pragma_table_info(:table)"


def defaults(connection: sqlite3.Connection, table: Table[Any]) -> Row:
    """The value of each column that a row without one has."""
    found = dict(connection.execute(DEFAULTS, {"table": table.name}).fetchall())
    return {name: _evaluated(connection, found.get(name)) for name in table.columns}


def _evaluated(connection: sqlite3.Connection, default: str | None) -> Any:
    """The value of a DEFAULT; None if it is another program's and means nothing on its own."""
    if default is None:
        return None
    try:
        return connection.execute(f"SELECT {default}").fetchone()[0]
    except sqlite3.OperationalError:
        return None


def record(connection: sqlite3.Connection, deviation: Deviation, cause: str) -> None:
    """Append the change that makes the history of this row true again, in the open transaction."""
    statement = recording(deviation, cause)
    connection.execute(statement.sql, statement.bind)


def recording(deviation: Deviation, cause: str) -> Statement:
    """What appends that change."""
    sql = history_queries.of(deviation.table)
    if deviation.stored is None:
        return Statement(sql.record_gone, {"sequence": deviation.place, "cause": cause})
    columns = deviation.table.columns
    changed = deviation.columns
    is_private = bool(changed) and all(columns[name].private for name in changed if name in columns)
    bind: dict[str, Value] = {"rowid": deviation.place, "cause": cause, "is_private": is_private}
    return Statement(sql.record_row, bind)


def record_all(connection: sqlite3.Connection, cause: str) -> Counter[str]:
    """Record every row that is not as its changes tell, in the open transaction; how many, by table."""
    counted: Counter[str] = Counter()
    if "changes" not in catalog.read(connection):
        return counted
    with any_text(connection):
        for table in HISTORIED:
            for deviation in deviations(connection, table):
                record(connection, deviation, cause)
                counted[table.name] += 1
    return counted


EMPTY_CHECKPOINT = "DELETE FROM checkpoint"
# Numbers have no gap but among those that pruning left.
FIND_CHECKPOINT = f"""
    INSERT INTO checkpoint (place, sequence, at, removed, digest)
    SELECT 1, cut.sequence, :now, cut.sequence - count(base.sequence), ''
    FROM (
        SELECT max(coalesce(max(sequence) FILTER (WHERE previous + 1 <> sequence) - 1, 0),
            coalesce(max(sequence) FILTER (WHERE cause = '{BASE}'), 0)) AS sequence
        FROM (
            SELECT sequence, cause, lag(sequence, 1, 0) OVER (ORDER BY sequence) AS previous
            FROM changes
        )
    ) AS cut LEFT JOIN changes AS base ON base.sequence <= cut.sequence
    WHERE cut.sequence > 0
    GROUP BY cut.sequence
"""


def after_recreation(connection: sqlite3.Connection, made: Collection[str], cause: str) -> None:
    """Let the history say, in the open transaction, what is gone with tables that were made anew.

    What was pruned is forgotten with `changes`, and found out again for `checkpoint`, but for its digest.
    """
    stored = catalog.read(connection)
    if "changes" in stored and "checkpoint" in stored:
        if "changes" in made:
            connection.execute(EMPTY_CHECKPOINT)
        elif "checkpoint" in made:
            connection.execute(FIND_CHECKPOINT, {"now": instants.now()})
    record_all(connection, cause)


def making(
    migrations: Sequence[Migration], ran: Collection[str], lost: Sequence[LostTrigger]
) -> list[Statement]:
    """What makes lost triggers anew."""
    tables = {each.table.lower() for each in lost}
    # With those of the same table that came after them, since the newest trigger acts first.
    return [
        Statement(sql)
        for made in schema_comparison.triggers_made(migrations, ran, tables)
        for sql in (f'DROP TRIGGER IF EXISTS "{made.name}"', made.sql)
    ]


def mend(
    connection: sqlite3.Connection, migrations: Sequence[Migration], ran: Collection[str]
) -> list[Repair]:
    """Make the triggers of the history anew that are gone or altered, and record what changed meanwhile.

    All in the open transaction. Returns what was done, which is nothing if all triggers are there.
    """
    lost = schema_comparison.lost_history(connection, migrations, ran)
    if not lost:
        return []
    for statement in making(migrations, ran, lost):
        connection.execute(statement.sql)
    counted = record_all(connection, EXTERNAL)
    return [
        *(Repair(each.table, "", f"trigger {each.name}, {each.problem}", 1) for each in lost),
        *(Repair(table, "", UNRECORDED, rows) for table, rows in counted.items()),
    ]

"""Writes staged rows into the registry, all of them in one transaction."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Protocol

from db import attribution
from db.attribution import Attribution
from db.errors import Unavailable
from db.sqlite.connection_thread import PASSING, code_of
from db.transfer import import_checks, staging
from db.transfer.layout import FACTS, TRANSFERS, Transfer
from db.transfer.staging import Staging

PORTION = 5000


class Progress(Protocol):
    def stage(self, label: str, total: int | None = None) -> None: ...

    def advance(self, amount: int = 1) -> None: ...


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows of one type are new, differ from the registry's, and are the same."""

    type: str
    added: int
    changed: int
    same: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Whether rows may replace the registry's, and whether they are taken as another registry stored them."""

    update: bool
    as_stored: bool


def check(staged: Staging, path: Path, rules: Rules, progress: Progress) -> list[RowCounts]:
    """Check the staged rows against a migrated database; raises Unavailable if it cannot be read."""
    with _transaction(staged, path, "BEGIN"):
        return _check(staged, rules, progress)


def write(
    staged: Staging, path: Path, rules: Rules, *, min_free_bytes: int, progress: Progress
) -> list[RowCounts]:
    """Check the staged rows and, if none is rejected, write them; returns once they are durable.

    Raises Unavailable, with nothing written, if the database cannot be written or the disk has less than
    `min_free_bytes` left.
    """
    with _transaction(staged, path, "BEGIN IMMEDIATE"):
        counted = _check(staged, rules, progress)
        if staged.rejected_lines() == 0:
            _require_room(path, min_free_bytes)
            progress.stage("writing", sum(each.added + each.changed for each in counted))
            if any(each.added or each.changed for each in counted):
                _write_all(staged.connection, progress)
            _require_room(path, min_free_bytes)
    return counted


def _check(staged: Staging, rules: Rules, progress: Progress) -> list[RowCounts]:
    progress.stage("checking", import_checks.STEPS)
    for _ in import_checks.check(staged.connection, update=rules.update, as_stored=rules.as_stored):
        progress.advance()
    return [_count(staged.connection, transfer) for transfer in TRANSFERS]


COUNT = """
    SELECT count(*) FILTER (WHERE state IS NULL), count(*) FILTER (WHERE state = 'changed'),
        count(*) FILTER (WHERE state = 'same')
    FROM staged_{type}
"""


def _count(connection: sqlite3.Connection, transfer: Transfer) -> RowCounts:
    return RowCounts(
        transfer.type, *connection.execute(COUNT.format(type=transfer.type)).fetchone()
    )


# Another row of the same import may take the value that a row gives up, in whichever order they come. Only
# such rows are parked, since each step is a change that is recorded.
PARK = """
    UPDATE registry.{type} AS row SET {parked}
    WHERE {key} IN (SELECT {key} FROM staged_{type} WHERE state = 'changed') AND EXISTS (
        SELECT 1 FROM staged_{type} AS other
        WHERE {same} AND other.{key} <> row.{key} AND other.state IS NOT 'same'
    )
"""
# The file replaces the facts of an installation; else the next delivery would bring the old ones back.
DELETE_FACTS = """
    DELETE FROM registry.installation_facts AS known
    WHERE installation_id IN (
            SELECT installation_id FROM staged_installations WHERE state = 'changed'
        )
        AND NOT EXISTS (SELECT 1 FROM staged_installation_facts AS s WHERE {same})
"""
# In the order of most indexes of the table, which then grow sequentially, twice as fast.
QUEUE = """
    CREATE TABLE queue_{type} AS
    SELECT line FROM staged_{type} WHERE state IS NOT 'same' ORDER BY {order}
"""
CHANGE = """
    UPDATE registry.{type} AS row SET {assignments}
    FROM queue_{type} AS queue JOIN staged_{type} AS s ON s.line = queue.line
    WHERE queue.rowid BETWEEN :first AND :last AND s.state = 'changed' AND {same}
"""
ADD = """
    INSERT INTO registry.{type} ({columns})
    SELECT {columns} FROM queue_{type} AS queue CROSS JOIN staged_{type} AS s ON s.line = queue.line
    WHERE queue.rowid BETWEEN :first AND :last AND s.state IS NULL
    ORDER BY queue.rowid
"""


def _write_all(connection: sqlite3.Connection, progress: Progress) -> None:
    connection.execute(attribution.FILL, Attribution("import").bind())
    for transfer in TRANSFERS:
        _write(connection, transfer, progress)
    connection.execute(attribution.EMPTY)


def _write(connection: sqlite3.Connection, transfer: Transfer, progress: Progress) -> None:
    columns = list(transfer.table.columns)
    names = {"type": transfer.type, "columns": ", ".join(columns)}
    for unique in transfer.unique:
        if unique.parked:
            same = " AND ".join(
                f"{part.format(row='other')} = {part.format(row='row')}" for part in unique.of
            )
            sql = PARK.format(parked=unique.parked, key=transfer.key[0], same=same, **names)
            connection.execute(sql)
    if transfer.table is FACTS:
        connection.execute(DELETE_FACTS.format(same=transfer.same("s", "known")))
    assignments = ", ".join(f"{name} = s.{name}" for name in columns)
    change = CHANGE.format(assignments=assignments, same=transfer.same("row", "s"), **names)
    add = ADD.format(**names)
    connection.execute(QUEUE.format(order=", ".join(transfer.order), **names))
    first, written = 1, -1
    while written != 0:
        bind = {"first": first, "last": first + PORTION - 1}
        written = connection.execute(change, bind).rowcount + connection.execute(add, bind).rowcount
        progress.advance(written)
        first += PORTION


def _require_room(path: Path, min_free_bytes: int) -> None:
    free = shutil.disk_usage(path.resolve().parent).free
    if free < min_free_bytes:
        raise Unavailable(
            f"only {free // 2**20} MB are free where {path} is, and {min_free_bytes // 2**20} are to"
            " stay free: nothing was imported; make room, or lower --min-free-mb"
        )


@contextmanager
def _transaction(staged: Staging, path: Path, begin: str) -> Iterator[None]:
    connection = staged.connection
    try:
        with staging.attached(staged, path):
            connection.execute(begin)
            try:
                yield
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        advice = "correct that"
        if code_of(error) in PASSING:
            advice = f"see that there is room there and in the temporary folder {gettempdir()}"
        raise Unavailable(
            f"nothing was imported, and {path} is unchanged: {error}; {advice}, then try again"
        ) from error

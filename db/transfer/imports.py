"""Writing staged rows into the registry: all of them in one transaction, or none."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Protocol

from db.errors import Unavailable
from db.sqlite.connection_thread import PASSING, code_of
from db.transfer import import_checks, staging
from db.transfer.layout import FACTS, TRANSFERS, Transfer
from db.transfer.staging import Staging

PORTION = 5000


class Told(Protocol):
    """Who is told of the work: that a part with so many steps begins, and that some are done."""

    def stage(self, label: str, total: int | None = None) -> None:
        """Begin another part of the work."""

    def advance(self, amount: int = 1) -> None:
        """So many more steps are done."""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many rows of one type are new, differ from the registry's, and are there already."""

    type: str
    added: int
    changed: int
    same: int


def check(staged: Staging, path: Path, *, update: bool, told: Told) -> list[Counted]:
    """Hold the staged rows against a migrated database, which is only read.

    What breaks a rule is rejected in the staging. Raises Unavailable where it cannot be read.
    """
    with _transaction(staged, path, "BEGIN"):
        return _checked(staged, update=update, told=told)


def write(
    staged: Staging, path: Path, *, update: bool, min_free_bytes: int, told: Told
) -> list[Counted]:
    """Check the staged rows and, when none is rejected, write them; returns once they are on the disk.

    Other programs read the registry as it was until all is there. Raises Unavailable, with nothing
    written, where the database cannot be written or the disk has less than `min_free_bytes` left.
    """
    with _transaction(staged, path, "BEGIN IMMEDIATE"):
        counted = _checked(staged, update=update, told=told)
        if staged.rejected_lines() == 0:
            _require_room(path, min_free_bytes)
            told.stage("writing", sum(each.added + each.changed for each in counted))
            for transfer in TRANSFERS:
                _write(staged.connection, transfer, told)
            _require_room(path, min_free_bytes)
    return counted


def _checked(staged: Staging, *, update: bool, told: Told) -> list[Counted]:
    told.stage("checking", import_checks.STEPS)
    for _ in import_checks.check(staged.connection, update=update):
        told.advance()
    return [_count(staged.connection, transfer) for transfer in TRANSFERS]


COUNT = """
    SELECT count(*) FILTER (WHERE state IS NULL), count(*) FILTER (WHERE state = 'changed'),
        count(*) FILTER (WHERE state = 'same')
    FROM staged_{type}
"""


def _count(connection: sqlite3.Connection, transfer: Transfer) -> Counted:
    return Counted(transfer.type, *connection.execute(COUNT.format(type=transfer.type)).fetchone())


# A row may take a value that another one gives up in the same import, in whichever order they come.
PARK = """
    UPDATE registry.{type} SET {parked}
    WHERE {key} IN (SELECT {key} FROM staged_{type} WHERE state = 'changed')
"""
# What the file says of an installation replaces what was known of it, or the next delivery would
# bring that back.
FORGET = """
    DELETE FROM registry.installation_facts AS known
    WHERE installation_id IN (
            SELECT installation_id FROM staged_installations WHERE state = 'changed'
        )
        AND NOT EXISTS (SELECT 1 FROM staged_installation_facts AS s WHERE {same})
"""
# In the order that most indexes of the table begin with: they grow in runs, twice as fast.
QUEUE = """
    CREATE TABLE queue_{type} AS
    SELECT line FROM staged_{type} WHERE state IS NOT 'same' ORDER BY {along}
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


def _write(connection: sqlite3.Connection, transfer: Transfer, told: Told) -> None:
    columns = list(transfer.table.columns)
    names = {"type": transfer.type, "columns": ", ".join(columns)}
    for unique in transfer.unique:
        if unique.parked:
            sql = PARK.format(parked=unique.parked, key=transfer.key[0], **names)
            connection.execute(sql)
    if transfer.table is FACTS:
        connection.execute(FORGET.format(same=transfer.same("s", "known")))
    assignments = ", ".join(f"{name} = s.{name}" for name in columns)
    change = CHANGE.format(assignments=assignments, same=transfer.same("row", "s"), **names)
    add = ADD.format(**names)
    connection.execute(QUEUE.format(along=", ".join(transfer.along), **names))
    first, written = 1, -1
    while written != 0:
        bind = {"first": first, "last": first + PORTION - 1}
        written = connection.execute(change, bind).rowcount + connection.execute(add, bind).rowcount
        told.advance(written)
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
        with staging.beside(staged, path):
            connection.execute(begin)
            try:
                yield
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        advice = "mend that"
        if code_of(error) in PASSING:
            advice = f"see that there is room there and in the temporary folder {gettempdir()}"
        raise Unavailable(
            f"{path} is as it was, because nothing could be imported: {error}; {advice}, then repeat it"
        ) from error

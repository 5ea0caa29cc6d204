"""Finds damage in a database file: in all of it, or in a part that is read in the same time of any file."""

import itertools
import re
import sqlite3
import time
from contextlib import closing
from enum import Enum
from functools import lru_cache
from pathlib import Path

from db.sqlite import wal_state
from db.sqlite.connection_thread import code_of
from db.sqlite.files_beside import size_of

# A smaller file is read whole, in a fraction of a second. Of a larger one, so many pages of each table.
PAGES_OF_A_PART = 8_192
PAGES_OF_A_TABLE = 2_048
SECONDS_OF_A_TABLE = 0.2  # pages of long values are not counted
PAGES_BETWEEN_LOOKS = 32
LEFT_BEHIND = ("-wal", "-shm", "-journal")


class Extent(Enum):
    """How much of a file is read for damage; the values are those of the setting `boot_check`."""

    WHOLE = "full"
    PART = "quick"
    WHOLE_AFTER_UNCLEAN_END = "auto"
    NOTHING = "nothing"  # but what opening it reads

    def of(self, path: Path) -> "Extent":
        """What it comes to for a file, before that is opened."""
        if self is not Extent.WHOLE_AFTER_UNCLEAN_END:
            return self
        return Extent.WHOLE if has_ended_uncleanly(path) else Extent.PART


def has_ended_uncleanly(path: Path) -> bool:
    """Whether files were left beside the database that its last user removes when it ends by itself.

    Whoever still has it open keeps them too; then the machine has not lost its power.
    """
    beside = [path.with_name(path.name + suffix) for suffix in LEFT_BEHIND]
    if not any(each.exists() for each in beside):
        return False
    return not any(wal_state.is_locked(each) for each in (path, *beside))


def find(connection: sqlite3.Connection, path: Path, extent: Extent) -> str | None:
    """What is damaged, if anything; raises sqlite3.Error for some damage."""
    if extent is Extent.NOTHING:
        return None
    try:
        return _found(connection, extent) or _cut_off(connection, path)
    except sqlite3.DatabaseError as error:
        # The missing part of a page of definitions is an error of reading, or a definition without its end.
        says_little = code_of(error) in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT}
        cut_off = _cut_off(connection, path) if says_little else None
        if cut_off is None:
            raise
        return cut_off


def _found(connection: sqlite3.Connection, extent: Extent) -> str | None:
    # A value that violates a CHECK is an error at its own field, not damage.
    connection.execute("PRAGMA ignore_check_constraints = ON")
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    if (unreadable := _unreadable_table(connection)) is not None:
        return unreadable
    if extent is Extent.WHOLE or pages <= PAGES_OF_A_PART:
        return _quick_check(connection, "1")
    return _in_part(connection)


DEFINITIONS = """
    SELECT name, sql FROM sqlite_master
    WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL%'
"""
# What a program may bring along, so that SQLite takes definitions that name it.
NEEDS_A_PROGRAM = ("no such function", "no such collation")


def _unreadable_table(connection: sqlite3.Connection) -> str | None:
    """The error in a table's definition that only a writing connection would meet, if there is one.

    SQLite resolves the names in CHECK constraints only where it may write.
    """
    return _error_in(tuple(connection.execute(DEFINITIONS).fetchall()))


@lru_cache(maxsize=4)
def _error_in(definitions: tuple[tuple[str, str], ...]) -> str | None:
    with closing(sqlite3.connect(":memory:")) as scratch:
        for name, sql in definitions:
            try:
                scratch.execute(sql)
            except sqlite3.OperationalError as error:
                if not str(error).startswith(NEEDS_A_PROGRAM):
                    return f"table {name}: {error}"
    return None


def _quick_check(connection: sqlite3.Connection, of: str) -> str | None:
    (verdict,) = connection.execute(f"PRAGMA quick_check({of})").fetchone()
    return None if verdict == "ok" else str(verdict)


def _cut_off(connection: sqlite3.Connection, path: Path) -> str | None:
    # SQLite reads the missing part of another last page as zeros without complaint.
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    log, journal = (path.with_name(path.name + suffix) for suffix in ("-wal", "-journal"))
    is_settled = not any(map(size_of, (log, journal)))
    if is_settled and path.stat().st_size % size != 0:
        return "cut off within a page"
    return None


TREES = """
    SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master
    WHERE type IN ('table', 'index') AND coalesce(rootpage, 0) > 0
    ORDER BY type DESC, name
"""


def _in_part(connection: sqlite3.Connection) -> str | None:
    """Check the definitions, the first pages of each table, and both ends of each index."""
    trees = connection.execute(TREES).fetchall()
    tables = ["sqlite_schema", *(name for kind, name, *_ in trees if kind == "table")]
    for name in tables:
        found = _first_pages(connection, name)
        if found is not None:
            return found
    for kind, name, table, sql in trees:
        if kind == "index":
            _read_ends(connection, name, table, sql)
    return None


def _first_pages(connection: sqlite3.Connection, table: str) -> str | None:
    looks = itertools.count(1)
    deadline = time.monotonic() + SECONDS_OF_A_TABLE

    def is_enough() -> bool:
        return next(looks) * PAGES_BETWEEN_LOOKS > PAGES_OF_A_TABLE or time.monotonic() > deadline

    # SQLite calls it after so many pages, and once those are read after so many steps of its own.
    connection.set_progress_handler(is_enough, PAGES_BETWEEN_LOOKS)
    try:
        return _quick_check(connection, _quoted(table))
    except sqlite3.OperationalError as error:
        if code_of(error) != sqlite3.SQLITE_INTERRUPT:
            raise
        return None
    finally:
        connection.set_progress_handler(None, 0)


FIRST_COLUMN = "SELECT name FROM pragma_index_info(:index) WHERE seqno = 0"
# The order is that of the index, from its start and from its end.
ENDS = (
    "SELECT 1 FROM {table} INDEXED BY {index} {where} LIMIT 1",
    "SELECT 1 FROM {table} INDEXED BY {index} {where} ORDER BY {column} DESC LIMIT 1",
)
WHERE = re.compile(r"\)\s*(WHERE\b.*)", re.IGNORECASE | re.DOTALL)


def _read_ends(connection: sqlite3.Connection, index: str, table: str, sql: str) -> None:
    """Raises sqlite3.DatabaseError for damage on the way from the root to the first or last entry."""
    (column,) = connection.execute(FIRST_COLUMN, {"index": index}).fetchone() or (None,)
    partial = WHERE.search(sql)
    names = {
        "table": _quoted(table),
        "index": _quoted(index),
        "column": _quoted(column or "rowid"),
        "where": partial[1] if partial else "",
    }
    for end in ENDS if column is not None else ENDS[:1]:
        try:
            connection.execute(end.format(**names)).fetchone()
        except sqlite3.OperationalError as error:
            if code_of(error) != sqlite3.SQLITE_ERROR:  # as for an index that no query can use so
                raise


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

"""Backups: a verified copy of a database in one file, made while servers use it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from db.errors import BootRefused
from db.migrating import diagnosis
from db.migrating.adoption import lineages
from db.model import searched
from db.model.tables import TABLES
from db.sqlite import catalog, file_checks, new_files
from db.sqlite.long_statements import watched

Advance: TypeAlias = Callable[[int], None]
"""Called from time to time with the number of bytes done since; an exception in it ends the work."""


@dataclass(frozen=True, slots=True)
class CopySummary:
    """The number of rows by table, and of rows that refer to one that does not exist.

    `broken` is what the database has lost of what its migrations made, so that its copy lacks it too.
    """

    rows: dict[str, int]
    dangling: int
    broken: tuple[str, ...] = ()


def backup(
    database: Path, target: Path, *, overwrite: bool = False, advance: Advance = lambda _: None
) -> CopySummary:
    """Copy a database, which may be in use, to a new, verified and durable file that only this user may read.

    One that has lost a table is copied as it is. Raises BootRefused if `database` is damaged or no registry,
    `target` exists and `overwrite` is false, or it cannot be written.
    """
    source = database.resolve()
    _require_free(source, target, overwrite=overwrite)
    if not file_checks.exists(source):
        raise BootRefused(f"{source} does not exist: name the database to back up")
    file_checks.require_usable(source, writable=False)
    with new_files.aside(target) as new:
        with file_checks.looking(source, alone=False) as connection:
            copied = copy(connection, source, new, advance)
        _require_free(source, target, overwrite=overwrite)
        new_files.publish(new, target)
    return copied


COPY = "VACUUM INTO :target"


def copy(connection: sqlite3.Connection, source: Path, new: Path, advance: Advance) -> CopySummary:
    """Copy a snapshot of `source` into an empty file and verify it; raises BootRefused if it cannot."""
    before = require_registry(connection, source)
    written = 0

    def report() -> None:
        nonlocal written
        size = new.stat().st_size
        advance(size - written)
        written = size

    connection.execute("PRAGMA query_only = OFF")  # it forbids VACUUM INTO, which changes nothing
    try:
        with watched(connection, report):
            connection.execute(COPY, {"target": new.as_uri()})
            report()
    except sqlite3.OperationalError as error:
        raise write_failure(new, error) from error
    copied = verify(new, source, report)
    after = rows(connection)
    # Others write meanwhile. Deletes are soft, so the tables only grow.
    for table in (table.name for table in TABLES if table.name in before):
        if not before[table] <= copied.rows[table] <= after[table]:
            raise BootRefused(
                f"the copy holds {copied.rows[table]} rows of {table}, where the database had"
                f" {before[table]} before and {after[table]} after: try again, and check the database"
            )
    return copied


def write_failure(new: Path, error: Exception) -> BootRefused:
    return BootRefused(
        f"the copy in {new.parent.parent} cannot be finished ({error}): see that the disk is sound"
        " and has room; nothing was changed"
    )


def verify(new: Path, source: Path, report: Callable[[], None]) -> CopySummary:
    """Read all of a copy of `source`; raises BootRefused if it is damaged or holds no registry."""
    with (
        closing(file_checks.connect(new, "ro&immutable=1")) as connection,
        watched(connection, report),
    ):
        # As at boot: a value that violates a CHECK is not damage.
        connection.execute("PRAGMA ignore_check_constraints = ON")
        try:
            (result,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            result = str(error)
        if result != "ok":
            raise BootRefused(
                f"the copy of {source} is damaged ({result}): try again, and check the disk"
            )
        counts = require_registry(connection, source)
        return CopySummary(counts, _dangling(connection), _broken(connection, source))


def require_registry(connection: sqlite3.Connection, file: Path) -> dict[str, int]:
    """The number of rows by table; raises BootRefused if one is missing and never was there.

    One of another lineage, which is still to be adopted, has fewer.
    """
    counts = rows(connection)
    needed = lineages.needed(catalog.read(connection), file)
    missing = [table for table in needed if table not in counts]
    if missing and "chittygraph_migrations" not in counts:
        raise BootRefused(
            f"{file} is not a complete registry: it lacks the tables {', '.join(missing)}; name another"
            " file"
        )
    return counts


ORDINARY = """
    SELECT name FROM sqlite_master
    WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND sql NOT LIKE 'CREATE VIRTUAL %'
    ORDER BY name
"""
COUNT = 'SELECT count(*) FROM "{table}"'


def rows(connection: sqlite3.Connection) -> dict[str, int]:
    counts = {}
    for (name,) in connection.execute(ORDINARY).fetchall():
        if name.lower() in searched.PARTS:
            continue
        sql = COUNT.format(table=name.replace('"', '""'))
        (counts[name.lower()],) = connection.execute(sql).fetchone()
    return counts


DANGLING = "SELECT count(*) FROM pragma_foreign_key_check"


def _dangling(connection: sqlite3.Connection) -> int:
    try:
        (count,) = connection.execute(DANGLING).fetchone()
    except sqlite3.OperationalError:  # a table of another program refers to columns that are no key
        return 0
    return int(count)


def _broken(connection: sqlite3.Connection, source: Path) -> tuple[str, ...]:
    try:
        comparison = diagnosis.compare(connection, source)
    except BootRefused:  # as of a newer version
        return ()
    return () if comparison is None else tuple(comparison.broken)


def _require_free(source: Path, target: Path, *, overwrite: bool) -> None:
    beside = [source.with_name(source.name + suffix) for suffix in ("", "-wal", "-shm", "-journal")]
    if any(new_files.is_same(target, each) for each in beside):
        raise BootRefused(f"{target} is the database itself: name another file for the backup")
    require_new(target, overwrite=overwrite)


def require_new(target: Path, *, overwrite: bool) -> None:
    """Raise BootRefused if a backup cannot be written there, or must not replace what is there."""
    if target.is_dir():
        raise BootRefused(
            f"{target} is a folder: name a file in it, or add --once or --every to keep several there"
        )
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise BootRefused(f"{target} is not an ordinary file: name another for the backup")
    if target.exists() and not overwrite:
        raise BootRefused(f"{target} already exists: name another file, or add --overwrite")

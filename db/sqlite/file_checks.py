"""Checks whether a file can be served, without changing a byte of it."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from db import temporary_folders
from db.errors import BootRefused
from db.sqlite.connection_thread import code_of

BUSY_SECONDS = 30.0
PRIVATE = (
    0o600  # the mode of a database file: it holds personal data and the key that signs cursors
)
JOURNAL = "-journal"


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turn errors of SQLite or the file system in the block into BootRefused, which names the file."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if code_of(error) == sqlite3.SQLITE_BUSY:
            raise _locked(path) from error
        hint = "; make room on its disk" if code_of(error) == sqlite3.SQLITE_FULL else ""
        raise BootRefused(f"{path} cannot be opened or migrated: {error}{hint}") from error


def exists(path: Path) -> bool:
    """Raises BootRefused if something else is there, or only the journal of a database."""
    if not path.parent.is_dir():
        raise BootRefused(f"{path} cannot be opened: there is no folder {path.parent}; create it")
    # Checked first: another process may create the database at any moment, and its WAL only after that.
    orphan = _unfinished(path)
    if path.is_dir():
        raise BootRefused(f"{path} is a folder: name a file in it")
    if path.exists():
        return True
    if orphan is not None:
        raise BootRefused(
            f"{path} is missing but {orphan.name} is there and holds changes that belong to it:"
            " put the database back beside it, or move that file away to begin anew"
        )
    return False


def require_usable(path: Path, *, writable: bool) -> None:
    """Raise BootRefused if an existing file is empty or this user may not open it."""
    # The file is not opened, because closing it would drop the locks of this process's connections.
    if not path.is_file():
        raise BootRefused(f"{path} is not an ordinary file: name one")
    if not os.access(path, os.R_OK):
        raise BootRefused(f"{path} cannot be read by this user: change its owner or permissions")
    if path.stat().st_size == 0:
        raise BootRefused(
            f"{path} is empty (0 bytes), as a failed copy leaves it: restore it from a backup, or"
            " delete it to begin with a new database"
        )
    if writable:
        require_writable_folder(path)
        if not os.access(path, os.W_OK):
            raise BootRefused(f"{path} cannot be written: change its owner or permissions")


def require_writable_folder(path: Path) -> None:
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise BootRefused(f"{path.parent} cannot be written: {path.name} needs files beside it")


@contextmanager
def looking(path: Path, *, alone: bool) -> Iterator[sqlite3.Connection]:
    """A read-only connection that leaves the database and its folder as they were.

    `alone` promises that nobody else can be starting: the file is then opened as immutable, and an unfinished
    transaction is rolled back in a copy. The log of a killed process is read and kept. Raises BootRefused if
    SQLite cannot read the file.
    """
    try:
        with ExitStack() as stack:
            whole = stack.enter_context(_rolled_back(path)) if alone else path
            mode = "ro&immutable=1" if alone else "rw"
            connection = stack.enter_context(
                closing(connect(whole, _least_intrusive_mode(whole, mode)))
            )
            connection.execute("PRAGMA query_only = ON")
            _check(connection, path)
            yield connection
    except sqlite3.OperationalError as error:
        if code_of(error) == sqlite3.SQLITE_BUSY:
            raise _locked(path) from error
        raise BootRefused(f"{path} cannot be read: {error}") from error
    except sqlite3.DatabaseError as error:
        raise _damaged(path, str(error)) from error


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection beside other writers, unchecked; raises BootRefused if SQLite cannot open it."""
    with refusing(path):
        connection = connect(path, _least_intrusive_mode(path, "rw"))
    with closing(connection):
        with refusing(path):
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA schema_version")  # opens the file itself
        yield connection


def _least_intrusive_mode(path: Path, undisturbed: str) -> str:
    """The mode that changes least; `undisturbed` is the one for a file with nothing beside it."""
    left = _unfinished(path)
    is_writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    if left is not None and not (left.name.endswith(JOURNAL) and is_writable):
        return "ro"
    # Only a writing connection rolls half a transaction back, and removes -wal and -shm when it closes.
    return undisturbed if is_writable or undisturbed != "rw" else "ro&immutable=1"


@contextmanager
def _rolled_back(path: Path) -> Iterator[Path]:
    """The file itself, or a copy in which a killed process's transaction is rolled back."""
    if not _is_half_written(path):
        yield path
        return
    with temporary_folders.create() as folder:
        copy = folder / path.name
        for suffix in ("", JOURNAL):
            shutil.copyfile(path.with_name(path.name + suffix), folder / (path.name + suffix))
        with closing(connect(copy, "rw")) as connection:
            connection.execute("PRAGMA schema_version")
        yield copy


def _is_half_written(path: Path) -> bool:
    left = _unfinished(path)
    if left is None or not left.name.endswith(JOURNAL):
        return False
    with closing(connect(path, "ro")) as connection:
        try:
            connection.execute("PRAGMA schema_version")
        except sqlite3.OperationalError as error:
            if code_of(error) == sqlite3.SQLITE_READONLY:  # rolling back needs to write
                return True
            raise
    return False


def connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    # A value that violates a CHECK is an error at its own field, not damage.
    connection.execute("PRAGMA ignore_check_constraints = ON")
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise _damaged(path, verdict)
    # SQLite reads the missing part of the last page as zeros without complaint.
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    if path.stat().st_size % size != 0 and _unfinished(path) is None:
        raise _damaged(path, "cut off within a page")


def _damaged(path: Path, damage: str) -> BootRefused:
    return BootRefused(
        f"{path} is damaged or not a SQLite database ({' '.join(damage.split())}): restore it from"
        " a backup, or name another file"
    )


def _locked(path: Path) -> BootRefused:
    return BootRefused(
        f"{path} is locked by another program, for {BUSY_SECONDS:g} seconds by now: end that one or"
        " wait until it is done, and start again"
    )


def _unfinished(path: Path) -> Path | None:
    for suffix in ("-wal", JOURNAL):
        beside = path.with_name(path.name + suffix)
        if beside.exists() and beside.stat().st_size > 0:
            return beside
    return None

"""Checks whether a file can be served, without changing a byte of it."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from db import patience, temporary_folders
from db.errors import BootRefused
from db.sqlite import damage
from db.sqlite.connection_thread import code_of
from db.sqlite.damage import Extent
from db.sqlite.files_beside import is_denied, size_of

OBSERVING_SECONDS = 5.0
PRIVATE = (
    0o600  # the mode of a database file: it holds personal data and the key that signs cursors
)
JOURNAL = "-journal"


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turn errors of SQLite or the file system in the block into BootRefused, which names the file."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise _damaged(path, NOT_UTF_8) from error
    except (sqlite3.Error, OSError) as error:
        if code_of(error) == sqlite3.SQLITE_BUSY:
            raise _locked(path) from error
        if code_of(error) == sqlite3.SQLITE_NOTADB:
            raise _damaged(path, str(error)) from error
        raise BootRefused(f"{path} cannot be opened or migrated: {_with_advice(error)}") from error


ADVICE = {
    sqlite3.SQLITE_FULL: "make room on its disk",
    sqlite3.SQLITE_IOERR: "see that its disk has room and is sound",
    sqlite3.SQLITE_CANTOPEN: "see that this user may use its folder and the files beside it",
    sqlite3.SQLITE_READONLY: "change the owner or permissions of it, its folder and the files beside it",
}
# Python cannot read SQLite's own message then, which quotes the names.
NOT_UTF_8 = "its names are not UTF-8"
FULL = "disk is full"
ADVICE_OF_SYSTEM = {
    errno.ENOSPC: "make room on its disk",
    errno.EACCES: "change the owner or permissions of it and its folders",
    errno.ENAMETOOLONG: "give it a shorter name",
}


def _with_advice(error: sqlite3.Error | OSError) -> str:
    """What the library or the system says, and what to do."""
    if isinstance(error, OSError):
        said, advice = error.strerror or str(error), ADVICE_OF_SYSTEM.get(error.errno or 0)
    else:
        # While a file is copied, a full disk is reported without its code.
        code = sqlite3.SQLITE_FULL if FULL in str(error) else code_of(error)
        said, advice = str(error), ADVICE.get(code or 0)
    return f"{said}; {advice}" if advice else said


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
    _require_usable_beside(path, writable=writable)
    if path.stat().st_size == 0:
        raise BootRefused(
            f"{path} is empty (0 bytes), as a failed copy leaves it: restore it from a backup, or"
            " delete it to begin with a new database"
        )
    if writable:
        require_writable_folder(path)
        if not os.access(path, os.W_OK):
            raise BootRefused(f"{path} cannot be written: change its owner or permissions")


def _require_usable_beside(path: Path, *, writable: bool) -> None:
    """Check the files of another user's server, without which SQLite only says that it cannot open."""
    left = _unfinished(path)
    for suffix in ("-wal", "-shm", JOURNAL) if writable or left is not None else ():
        beside = path.with_name(path.name + suffix)
        if is_denied(beside, os.R_OK | (os.W_OK if writable else 0)):
            cannot = "read" if is_denied(beside, os.R_OK) else "written"
            raise BootRefused(
                f"{beside} cannot be {cannot} by this user, who needs it to open {path.name}: change its"
                " owner or permissions"
            )


def require_writable_folder(path: Path) -> None:
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise BootRefused(
            f"{path.parent} cannot be written: {path.name} needs files beside it; change the folder's"
            " owner or permissions"
        )


@contextmanager
def looking(
    path: Path, *, alone: bool, extent: Extent = Extent.WHOLE
) -> Iterator[sqlite3.Connection]:
    """A read-only connection that leaves the database and its folder as they were.

    `alone` promises that nobody else can be starting: the file is then opened as immutable, and an unfinished
    transaction is rolled back in a copy. The log of a killed process is read and kept. Raises BootRefused if
    SQLite cannot read the file, or `extent` of it is damaged.
    """
    extent = extent.of(path)
    try:
        with ExitStack() as stack:
            whole = stack.enter_context(_rolled_back(path)) if alone else path
            mode = "ro&immutable=1" if alone else "rw"
            connection = stack.enter_context(
                closing(connect(whole, _least_intrusive_mode(whole, mode)))
            )
            connection.execute("PRAGMA query_only = ON")
            connection.text_factory = _readable
            _check(connection, path, extent)
            yield connection
    except sqlite3.OperationalError as error:
        if code_of(error) == sqlite3.SQLITE_BUSY:
            raise _locked(path) from error
        raise BootRefused(f"{path} cannot be read: {_with_advice(error)}") from error
    except sqlite3.DatabaseError as error:
        raise _damaged(path, str(error)) from error
    except UnicodeDecodeError as error:
        raise _damaged(path, NOT_UTF_8) from error


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


@contextmanager
def observing(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that changes no byte, not even of half a transaction, beside a server or not; unchecked.

    Raises BootRefused if the file cannot be read so.
    """
    if size_of(path.with_name(path.name + JOURNAL)):
        raise BootRefused(
            f"{path.name}{JOURNAL} holds half a transaction: start the server, which rolls it back"
        )
    # Beside a server there is an index; a log without one is that of a killed process.
    log, index = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))
    has_log = size_of(log) or index.exists()
    with refusing(path):
        uri = f"{path.as_uri()}?mode={'ro' if has_log else 'ro&immutable=1'}"
        connection = sqlite3.connect(uri, uri=True, timeout=OBSERVING_SECONDS, isolation_level=None)
    with closing(connection), refusing(path):
        connection.execute("PRAGMA query_only = ON")
        connection.text_factory = _readable
        connection.execute("PRAGMA schema_version")  # opens the file itself
        yield connection


def _readable(stored: bytes) -> str:
    """Damaged names, which SQLite quotes too, need not be UTF-8."""
    return stored.decode("utf-8", "backslashreplace")


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


def has_log(path: Path) -> bool:
    """Whether a write-ahead log lies beside the database: it is in use, or its last user was killed."""
    return path.with_name(path.name + "-wal").exists()


def connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=patience.BUSY_SECONDS, isolation_level=None)


def _check(connection: sqlite3.Connection, path: Path, extent: Extent) -> None:
    if (found := damage.find(connection, path, extent)) is not None:
        raise _damaged(path, found)


def _damaged(path: Path, found: str) -> BootRefused:
    return BootRefused(
        f"{path} is damaged or not a SQLite database ({' '.join(found.split())}): restore it from"
        " a backup, or name another file"
    )


def _locked(path: Path) -> BootRefused:
    return BootRefused(f"{path} {patience.LOCKED}")


def _unfinished(path: Path) -> Path | None:
    for suffix in ("-wal", JOURNAL):
        beside = path.with_name(path.name + suffix)
        if size_of(beside):
            return beside
    return None

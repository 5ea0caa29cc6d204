"""Copies of a database: beside it before adoption or repair changes it, and to try out what those do."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from db import temporary_folders
from db.errors import BootRefused
from db.sqlite import file_checks, new_files

log = logging.getLogger(__name__)

PAGES_AT_ONCE = 20_000


def make(file: Path, event: str) -> Path:
    """Make a checked, durable copy of the committed state, named `<file>.before-<event>-<UTC time>`.

    Unlike a backup it copies any database, page by page. Raises BootRefused if it is damaged, and
    sqlite3.Error or OSError if it cannot be made; nothing is left then.
    """
    copy = file.with_name(f"{file.name}.before-{event}-{new_files.stamp()}")
    with new_files.aside(copy) as new:
        with (
            closing(file_checks.connect(file, "ro")) as source,
            closing(sqlite3.connect(new, isolation_level=None)) as target,
        ):
            source.backup(target, pages=PAGES_AT_ONCE, progress=_log_progress)
            target.execute("PRAGMA journal_mode = DELETE")  # one file, whole by itself
        with file_checks.looking(new, alone=True):
            new_files.publish(new, copy)
    log.info("database copied", extra={"database": str(file), "copy": copy.name})
    return copy


@contextmanager
def scratch(connection: sqlite3.Connection, file: Path) -> Iterator[sqlite3.Connection]:
    """A private copy of what a connection reads, on disk until it is left.

    Raises BootRefused if the temporary folder has no room for it.
    """
    # A named file: SQLite may be built to keep unnamed ones in memory.
    with temporary_folders.create() as folder:
        copy = folder / "copy.db"
        copy.touch(mode=file_checks.PRIVATE)
        with closing(sqlite3.connect(copy, isolation_level=None)) as copied:
            try:
                connection.backup(copied, pages=PAGES_AT_ONCE, progress=_log_progress)
            except sqlite3.OperationalError as error:
                raise BootRefused(
                    f"{file} cannot be copied to the temporary folder {folder} to try that out: {error};"
                    " make room there, or set TMPDIR to another folder"
                ) from error
            copied.execute("PRAGMA journal_mode = DELETE")  # so that the folder holds all of it
            copied.execute("PRAGMA synchronous = OFF")
            yield copied


def _log_progress(status: int, left: int, total: int) -> None:
    if left:
        log.info("copying the database", extra={"pages": total, "pages_left": left})

"""Copies of a database, made beside it before adoption or repair changes it."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

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


def _log_progress(status: int, left: int, total: int) -> None:
    if left:
        log.info("copying the database", extra={"pages": total, "pages_left": left})

"""Makes a new database file without migrations, which appears whole or not at all."""

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from db import temporary_folders
from db.migrating import ledger
from db.sqlite import file_checks

NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL

log = logging.getLogger(__name__)


def create(file: Path) -> None:
    """Leave a file alone that another program makes meanwhile; raises BootRefused, OSError, sqlite3.Error."""
    file_checks.require_writable_folder(file)
    # Made in a temporary folder and linked into place, so that no other boot sees it half made.
    with temporary_folders.create(file.parent) as aside:
        blank = aside / "blank.db"
        blank.touch(mode=file_checks.PRIVATE)
        with closing(sqlite3.connect(blank, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(ledger.CREATE)
        try:
            file.hardlink_to(blank)
        except FileExistsError:
            return
        except OSError:  # a file system without links
            _copy(blank, file)
    log.debug("database created", extra={"database": str(file)})


def _copy(blank: Path, file: Path) -> None:
    try:
        with os.fdopen(os.open(file, NEW, file_checks.PRIVATE), "wb") as new:
            new.write(blank.read_bytes())
    except FileExistsError:
        return

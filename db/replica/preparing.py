"""What is done to a new copy before it is read, and what is looked up in one that is not read yet."""

import fcntl
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from db import heartbeat

# https://www.sqlite.org/fileformat2.html#file_format_version_numbers: 1 is a rollback journal, 2 is a
# write-ahead log.
VERSIONS_AT, NO_LOG = 18, b"\x01\x01"
# SQLite's locks on a file (its os.h), of which litestream takes both to write.
PENDING_BYTE, SHARED_FIRST, SHARED_SIZE = 0x40000000, 0x40000002, 510


def end_log(copy: Path) -> None:
    """Say in a copy that it has no write-ahead log, as it has none: see copy_thread."""
    # Litestream does so itself, but not before a transaction has changed the first page.
    with copy.open("r+b", buffering=0) as file:
        fcntl.lockf(file, fcntl.LOCK_EX, 1, PENDING_BYTE)
        fcntl.lockf(file, fcntl.LOCK_EX, SHARED_SIZE, SHARED_FIRST)
        times = os.fstat(file.fileno())
        os.pwrite(file.fileno(), NO_LOG, VERSIONS_AT)
        # It must not look torn, whose last transaction has been recorded before.
        os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))


def newest_beat(copy: Path) -> str:
    """The newest heartbeat in a copy; empty if it has none, or cannot be read."""
    try:
        with closing(
            sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)
        ) as connection:
            found = connection.execute(heartbeat.NEWEST).fetchone()
    except sqlite3.Error:
        return ""
    return "" if found is None else str(found[0])

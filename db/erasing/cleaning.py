"""Removes what was erased from the bytes of a database's files.

SQLite leaves what is deleted or replaced in unused parts of the file, and in its write-ahead log.
"""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from db.errors import BootRefused
from db.sqlite.connection_thread import code_of
from db.sqlite.files_beside import size_of

CHECKPOINT_SECONDS = 10.0
_WAIT_MILLISECONDS = 100
# Of the memory that is available, the part that rewriting may need.
_MOST_OF_MEMORY = 0.8
MEMORY = Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class Cleaning:
    """Whether the files hold no former content any more; `left` tells what to do if they may."""

    is_rewritten: bool
    is_log_empty: bool
    left: str = ""

    @property
    def is_complete(self) -> bool:
        return self.is_rewritten and self.is_log_empty


def require_memory(file: Path) -> None:
    """Raise BootRefused if too little memory is available to rewrite the file: SQLite makes a copy in it."""
    needed, available = size_of(file), _available_memory()
    if available is not None and needed > _MOST_OF_MEMORY * available:
        raise BootRefused(
            f"to rewrite {file} takes {needed // 2**20:,} MB of memory, and {available // 2**20:,} MB are"
            " available: make more available, or add --no-rewrite and run this again without it later"
        )


def _available_memory() -> int | None:
    """In bytes; None where the system does not tell."""
    try:
        lines = MEMORY.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) * 1024
    return None


def clean(connection: sqlite3.Connection, *, rewrite: bool) -> Cleaning:
    """Rewrite the file, if that is wanted, and empty its log. Others may read and write meanwhile."""
    not_rewritten = _failure(lambda: _rewrite(connection)) if rewrite else NOT_REWRITTEN
    not_emptied = _failure(lambda: _empty_log(connection))
    left = "; ".join(dict.fromkeys(filter(None, (not_rewritten, not_emptied))))
    return Cleaning(not not_rewritten, not not_emptied, left)


NOT_REWRITTEN = "the file was not rewritten, so its unused parts may hold old copies"
READ = (
    "another program has been reading the database all the time, so that its write-ahead log could not be"
    " emptied: wait until it is done"
)
_ADVICE = {
    sqlite3.SQLITE_BUSY: "wait until the program that writes to it is done",
    sqlite3.SQLITE_FULL: "make room for another copy of it on its disk",
    sqlite3.SQLITE_IOERR: "see that its disk is sound and has room for another copy of it",
    sqlite3.SQLITE_NOMEM: "make more memory available",
}


def _failure(work: Callable[[], str]) -> str:
    """What the work returns, or why it failed and what to do if that may pass."""
    try:
        return work()
    except sqlite3.OperationalError as error:
        advice = _ADVICE.get(code_of(error) or 0)
        if advice is None:
            raise
        return f"old copies of the data could not be overwritten ({error}): {advice}"


def _rewrite(connection: sqlite3.Connection) -> str:
    connection.execute("VACUUM")
    return ""


def _empty_log(connection: sqlite3.Connection) -> str:
    """Empty the write-ahead log as soon as nobody reads from it; READ if somebody always does."""
    deadline = time.monotonic() + CHECKPOINT_SECONDS
    connection.execute(f"PRAGMA busy_timeout = {_WAIT_MILLISECONDS}").fetchall()
    while True:
        # Passive first, since it copies most pages while others may write. While the other waits for
        # readers to leave, nobody writes.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        ((busy, *_),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if not busy:
            return ""
        if time.monotonic() > deadline:
            return READ
        time.sleep(_WAIT_MILLISECONDS / 1_000)

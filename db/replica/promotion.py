"""Makes the registry of a new primary from a replica's copy."""

import fcntl
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from db import heartbeat
from db.backup import backups, restores
from db.errors import BootRefused, Unavailable
from db.replica.copies import Copies
from db.replica.copy_thread import CopyThread
from db.replica.fitness import Fitness
from db.sqlite import file_checks, new_files
from db.sqlite.connection_thread import Faults, end

NEWEST_CHANGE = "SELECT sequence, at FROM changes ORDER BY sequence DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a copy has: its newest change, and the heartbeat up to which it has everything."""

    copy: Path
    newest_change: int | None
    changed_at: str | None
    beat_at: str | None

    @property
    def age(self) -> float | None:
        """Seconds since the newest heartbeat."""
        if self.beat_at is None:
            return None
        return (datetime.now(UTC) - datetime.fromisoformat(self.beat_at)).total_seconds()


def contents(database: Path) -> Contents | None:
    """Of the copy beside this path; None if there is no replica. Raises Unavailable if it cannot be read."""
    copies = Copies(database)
    if not copies.folder.exists():
        return None
    with _snapshot(copies) as connection:
        return _contents(connection, copies.current())


def promote(database: Path) -> Contents:
    """Put the copy in the place of the database, and remove what the replica had; returns what it has.

    Cursors, ids of changes and marks that the old primary gave do not work any more: it may have made changes
    that were not copied, whose numbers others get. Raises BootRefused, with everything as it was, if there is
    no whole copy, the replica runs, or there is a database.
    """
    copies = Copies(database)
    if not copies.folder.exists():
        raise BootRefused(
            f"{database} has no copy of a primary beside it: there is no folder {copies.folder}"
        )
    if database.exists():
        raise BootRefused(
            f"{database} exists already: move it away first, if the copy is to take its place"
        )
    with _alone(copies):
        if copies.resumable() is None:
            raise BootRefused(
                f"the copy in {copies.folder} may be incomplete, since this machine has started anew: let the"
                " replica run for a moment, stop it and try again"
            )
        try:
            with _snapshot(copies) as connection, new_files.aside(database) as new:
                found = _contents(connection, copies.current())
                end(connection)  # VACUUM runs in no transaction, and nobody else writes the copy
                backups.copy(connection, copies.current(), new, lambda _: None)
                restores.forget_cursors(new)
                file_checks.require_usable(new.resolve(), writable=True)
                new_files.publish(new, database)
        except Unavailable as error:
            raise BootRefused(
                f"{error}: let the replica run until it is, stop it and try again"
            ) from error
    shutil.rmtree(copies.folder, ignore_errors=True)
    return found


@contextmanager
def _snapshot(copies: Copies) -> Iterator[sqlite3.Connection]:
    thread = CopyThread(copies, Faults(copies.database), Fitness())
    try:
        yield thread.begin()
    finally:
        thread.disconnect()


@contextmanager
def _alone(copies: Copies) -> Iterator[None]:
    with copies.lock.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BootRefused(
                f"a replica still writes the copy in {copies.folder}: stop it, and try again"
            ) from None
        yield


def _contents(connection: sqlite3.Connection, copy: Path) -> Contents:
    change = connection.execute(NEWEST_CHANGE).fetchone()
    beat = connection.execute(heartbeat.NEWEST).fetchone()
    return Contents(
        copy,
        None if change is None else int(change[0]),
        None if change is None else str(change[1]),
        None if beat is None else str(beat[0]),
    )

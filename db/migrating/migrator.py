"""Migrates a database file, at boot and by `chittygraph migrate`; several processes may do so at once.

A new file appears whole or not at all; each migration is looked up again under the write lock.
"""

import logging
import os
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from db import temporary_folders
from db.errors import BootRefused
from db.migrating import ledger, wrangler
from db.migrating.adoption import adoption, recognition
from db.migrating.adoption.adoption import Adoption
from db.migrating.adoption.repair_report import Repair
from db.migrating.ledger import MIGRATIONS, Migration
from db.sqlite import file_checks

NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    exists: bool
    applied: tuple[str, ...]
    pending: tuple[str, ...]
    # For a registry of other programs: the migrations whose work is there, and what adoption repairs.
    recognised: tuple[str, ...] = ()
    repairs: tuple[Repair, ...] = ()

    @property
    def version(self) -> str | None:
        return self.applied[-1] if self.applied else None


def migrate(path: str | Path, folder: Path = MIGRATIONS) -> list[str]:
    """Like `bring_up_to_date`, but return the names of the migrations that ran."""
    return bring_up_to_date(path, folder).applied


def bring_up_to_date(path: str | Path, folder: Path = MIGRATIONS) -> Adoption:
    """Create the database or adopt one of other programs, then apply the pending migrations.

    Each migration commits together with its record in the ledger. Raises BootRefused, with nothing changed,
    for a file that cannot be served or whose migrations are not ours.
    """
    file = Path(path).resolve()
    migrations = ledger.load(folder)
    with file_checks.refusing(file):
        if not file_checks.exists(file):
            _create(file)
        file_checks.require_usable(file, writable=True)
        with file_checks.looking(file, alone=False) as connection:
            is_due = adoption.is_due(connection)
            if is_due:
                adoption.require_adoptable(connection, file, migrations)
            else:
                ledger.pending(migrations, ledger.applied(connection, file), file)
        with closing(file_checks.connect(file, "rw")) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            # In the journal mode that it has, so that a refusal changes no byte.
            adopted = adoption.adopt(connection, file, migrations) if is_due else None
            _prepare(connection, file)
            return adopted or Adoption([], _apply(connection, file, migrations), [])


def inspect(path: str | Path, folder: Path = MIGRATIONS) -> Status:
    """The migrations that ran and those that are pending; raises BootRefused if `migrate` would."""
    file = Path(path).resolve()
    migrations = ledger.load(folder)
    with file_checks.refusing(file):
        if not file_checks.exists(file):
            return Status(False, (), tuple(migration.name for migration in migrations))
        file_checks.require_usable(file, writable=False)
        with file_checks.looking(file, alone=True) as connection:
            if adoption.is_due(connection):
                plan = adoption.preview(connection, file, migrations)
                return Status(
                    True, (), tuple(plan.applied), tuple(plan.recognised), tuple(plan.repairs)
                )
            done = ledger.applied(connection, file)
            left = ledger.pending(migrations, done, file)
            since = _run_by_wrangler(connection, migrations, left)
    names = [migration.name for migration in left]
    return Status(True, (*done, *names[: len(since)]), tuple(names[len(since) :]))


def check(path: str | Path, folder: Path = MIGRATIONS) -> Adoption:
    """What `repair` would do; raises BootRefused if there is no database or if `migrate` would."""
    file = Path(path).resolve()
    migrations = ledger.load(folder)
    with file_checks.refusing(file):
        if not file_checks.exists(file):
            raise BootRefused(f"there is no database at {file}: give the path of one")
        file_checks.require_usable(file, writable=False)
        with file_checks.looking(file, alone=True) as connection:
            return adoption.preview(connection, file, migrations)


def repair(path: str | Path, folder: Path = MIGRATIONS) -> Adoption:
    """Copy a migrated database, then repair what `check` finds; raises BootRefused if it cannot."""
    file = Path(path).resolve()
    migrations = ledger.load(folder)
    with file_checks.refusing(file), closing(file_checks.connect(file, "rw")) as connection:
        _prepare(connection, file)
        return adoption.repair(connection, file, migrations)


def pending(path: str | Path, folder: Path = MIGRATIONS) -> list[str]:
    return list(inspect(path, folder).pending)


def require_migrated(path: Path) -> None:
    status = inspect(path)
    if not status.exists:
        raise BootRefused(f"{path} does not exist: make it with `chittygraph migrate`")
    if status.pending:
        raise BootRefused(
            f"{path} still lacks migration {status.pending[0]}: run `chittygraph migrate` first"
        )


def _create(file: Path) -> None:
    file_checks.require_writable_folder(file)
    # Made in a temporary folder and linked into place, so that no other boot sees it half made.
    with temporary_folders.create(file.parent, f".{file.name}-") as aside:
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
    log.info("database created", extra={"database": str(file)})


def _copy(blank: Path, file: Path) -> None:
    try:
        with os.fdopen(os.open(file, NEW, file_checks.PRIVATE), "wb") as new:
            new.write(blank.read_bytes())
    except FileExistsError:
        return


def _prepare(connection: sqlite3.Connection, file: Path) -> None:
    deadline = time.monotonic() + file_checks.BUSY_SECONDS
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError:
            # Unlike statements, changing the mode does not wait for other connections.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    if mode != "wal":
        raise BootRefused(f"{file} cannot use a write-ahead log: put it on a local file system")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _apply(connection: sqlite3.Connection, file: Path, migrations: list[Migration]) -> list[str]:
    names = []
    # This first look avoids the write lock if there is nothing to do.
    while ledger.pending(migrations, ledger.applied(connection, file), file):
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(ledger.CREATE)
            # Looked up inside the lock: another boot may have won.
            left = ledger.pending(migrations, ledger.applied(connection, file), file)
            since = _run_by_wrangler(connection, migrations, left)
            for migration in since:
                ledger.record(connection, migration)
            if left and not since:
                _run(connection, file, left[0])
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        if left and not since:
            log.info("migration applied", extra={"migration": left[0].name})
            names.append(left[0].name)
    return names


def _run_by_wrangler(
    connection: sqlite3.Connection, migrations: list[Migration], left: list[Migration]
) -> list[Migration]:
    """The first pending migrations that wrangler ran: its ledger has them, and their work is there."""
    named = wrangler.names(connection)
    if not left or left[0].name not in named:
        return []
    complete = recognition.recognise(connection, migrations).complete
    return list(takewhile(lambda each: each.name in named and each.name in complete, left))


def _run(connection: sqlite3.Connection, file: Path, migration: Migration) -> None:
    for number, statement in enumerate(migration.statements(), start=1):
        try:
            connection.execute(statement)
        except sqlite3.Error as error:
            raise BootRefused(
                f"migration {migration.name}.sql failed at statement {number}: {error}; {file} was"
                " left as the migration before made it: correct the file or the data and start again"
            ) from error
    ledger.record(connection, migration)

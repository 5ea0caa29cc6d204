"""Migrates a database file, at boot and by `chittygraph migrate`; several processes may do so at once.

Each migration is looked up again under the write lock.
"""

import logging
import sqlite3
import time
from collections.abc import Collection
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from itertools import takewhile
from pathlib import Path

from db import patience
from db.errors import BootRefused
from db.migrating import (
    creation,
    history_repair,
    ledger,
    lost_tables,
    missing_module,
    recreation,
    schema_comparison,
    wrangler,
)
from db.migrating.adoption import adoption, changed_cells, copies, recognition, repair_report
from db.migrating.adoption.adoption import Adoption
from db.migrating.adoption.changed_cells import Change, Tell
from db.migrating.adoption.repair_report import Repair
from db.migrating.ledger import MIGRATIONS, Migration
from db.model import instants
from db.sqlite import catalog, file_checks
from db.sqlite.damage import Extent

RECREATED = "migrate.recreate"
"""The cause of changes that tell that the rows of a table are gone which was made anew."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    exists: bool
    applied: tuple[str, ...]
    pending: tuple[str, ...]
    # For a registry of other programs: the migrations whose work is there, and what adoption repairs.
    recognised: tuple[str, ...] = ()
    repairs: tuple[Repair, ...] = ()
    changes: tuple[Change, ...] = ()
    # The triggers of the history that are gone or altered, which the next boot makes anew.
    unrecorded: tuple[str, ...] = ()

    @property
    def version(self) -> str | None:
        return self.applied[-1] if self.applied else None


def migrate(
    path: str | Path,
    folder: Path = MIGRATIONS,
    *,
    extent: Extent = Extent.WHOLE_AFTER_UNCLEAN_END,
) -> list[str]:
    """Like `bring_up_to_date`, but return the names of the migrations that ran."""
    return bring_up_to_date(path, folder, extent=extent).applied


def bring_up_to_date(
    path: str | Path,
    folder: Path = MIGRATIONS,
    *,
    to_repair: bool = False,
    tell: Tell = changed_cells.ignore,
    to_make: Collection[str] = (),
    extent: Extent = Extent.WHOLE_AFTER_UNCLEAN_END,
) -> Adoption:
    """Create the database or adopt one of other programs, then apply the pending migrations.

    A history that has lost triggers is mended first. Each migration commits together with its record in the
    ledger. Raises BootRefused, with nothing changed, for a file that cannot be served or whose migrations are
    not ours. With `to_repair`, what `repair` repairs is accepted, and tables `to_make` anew may be lost or
    unfit. `tell` is called with each changed cell, and `extent` of the file is read for damage first.
    """
    file = Path(path).resolve()
    migrations = ledger.load(folder)
    with file_checks.refusing(file):
        if not file_checks.exists(file):
            _require_nothing_to_make(file, to_make)
            creation.create(file)
        file_checks.require_usable(file, writable=True)
        is_at_rest = not file_checks.has_log(file)
        with file_checks.looking(file, alone=False, extent=extent) as connection:
            is_due = adoption.is_due(connection)
            if to_make:
                _require_unfit(connection, file, migrations, to_make)
            elif is_due:
                adoption.require_adoptable(connection, file, migrations)
            else:
                done = _ran(connection, file, migrations, enforced=not to_repair)
                if is_at_rest and _is_done(connection, migrations, done):
                    return Adoption([], [], [])
        with closing(file_checks.connect(file, "rw")) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            # In the journal mode that it has, so that a refusal changes no byte.
            adopted = (
                adoption.adopt(connection, file, migrations, tell, to_make) if is_due else None
            )
            _prepare(connection, file)
            return adopted or _apply(connection, file, migrations, tell, to_make)


def foresee(
    path: str | Path,
    folder: Path = MIGRATIONS,
    *,
    tell: Tell = changed_cells.ignore,
    to_make: Collection[str] = (),
) -> Adoption:
    """What `bring_up_to_date` would do, tried out on a copy; raises BootRefused like it."""
    file = Path(path).resolve()
    migrations = ledger.load(folder)
    with file_checks.refusing(file):
        if not file_checks.exists(file):
            _require_nothing_to_make(file, to_make)
            return Adoption([], [migration.name for migration in migrations], [])
        file_checks.require_usable(file, writable=False)
        with file_checks.looking(file, alone=True) as connection:
            if to_make:
                _require_unfit(connection, file, migrations, to_make)
            if adoption.is_due(connection):
                return adoption.preview(connection, file, migrations, tell, to_make)
            done = ledger.applied(connection, file)
            if not to_make:
                done = _ran(connection, file, migrations)
                lost = schema_comparison.lost_history(connection, migrations, done)
                if not lost and not ledger.pending(migrations, done, file):
                    return Adoption([], [], [])
            with copies.scratch(connection, file) as copy:
                log.info("trying migrations on a copy", extra={"database": str(file)})
                return _apply(copy, file, migrations, tell, to_make, is_trial=True)


def inspect(path: str | Path, folder: Path = MIGRATIONS, *, extent: Extent = Extent.PART) -> Status:
    """The migrations that ran and those that are pending; raises BootRefused if `migrate` would."""
    file = Path(path).resolve()
    migrations = ledger.load(folder)
    with file_checks.refusing(file):
        if not file_checks.exists(file):
            return Status(False, (), tuple(migration.name for migration in migrations))
        file_checks.require_usable(file, writable=False)
        with file_checks.looking(file, alone=True, extent=extent) as connection:
            if adoption.is_due(connection):
                plan = adoption.preview(connection, file, migrations)
                return Status(
                    True,
                    (),
                    tuple(plan.applied),
                    tuple(plan.recognised),
                    tuple(plan.repairs),
                    tuple(plan.changes),
                )
            done = _ran(connection, file, migrations)
            left = ledger.pending(migrations, done, file)
            since = _run_by_wrangler(connection, migrations, left)
            unrecorded = schema_comparison.compare(connection, migrations, done).unrecorded
    names = [migration.name for migration in left]
    return Status(
        True,
        (*done, *names[: len(since)]),
        tuple(names[len(since) :]),
        unrecorded=tuple(unrecorded),
    )


def check(
    path: str | Path, folder: Path = MIGRATIONS, tell: Tell = changed_cells.ignore
) -> Adoption:
    """What `repair` would do; raises BootRefused if there is no database or if `migrate` would."""
    file = Path(path).resolve()
    migrations = ledger.load(folder)
    with file_checks.refusing(file):
        if not file_checks.exists(file):
            raise _no_database(file)
        file_checks.require_usable(file, writable=False)
        with file_checks.looking(file, alone=True) as connection:
            if not adoption.is_due(connection):
                _ran(connection, file, migrations, enforced=False)
            return adoption.preview(connection, file, migrations, tell)


def repair(
    path: str | Path, folder: Path = MIGRATIONS, tell: Tell = changed_cells.ignore
) -> Adoption:
    """Copy a migrated database, then repair what `check` finds; raises BootRefused if it cannot."""
    file = Path(path).resolve()
    migrations = ledger.load(folder)
    with file_checks.refusing(file), closing(file_checks.connect(file, "rw")) as connection:
        _ran(connection, file, migrations, enforced=False)
        _prepare(connection, file)
        return adoption.repair(connection, file, migrations, tell)


def pending(
    path: str | Path, folder: Path = MIGRATIONS, *, extent: Extent = Extent.PART
) -> list[str]:
    """The migrations that are pending, and what a boot mends of the history; raises like `inspect`."""
    status = inspect(path, folder, extent=extent)
    return [*status.pending, *status.unrecorded]


def require_migrated(path: Path) -> None:
    status = inspect(path)
    if not status.exists:
        raise BootRefused(f"{path} does not exist: make it with `chittygraph migrate`")
    if status.pending:
        raise BootRefused(
            f"{path} still lacks migration {status.pending[0]}: run `chittygraph migrate` first"
        )


def _no_database(file: Path) -> BootRefused:
    return BootRefused(f"there is no database at {file}: give the path of one")


def _require_nothing_to_make(file: Path, names: Collection[str]) -> None:
    if names:
        raise _no_database(file)


def _require_unfit(
    connection: sqlite3.Connection, file: Path, migrations: list[Migration], names: Collection[str]
) -> None:
    is_due = adoption.is_due(connection)
    done = {} if is_due else ledger.applied(connection, file)
    if not is_due:
        ledger.pending(migrations, done, file)
    recreation.require_possible(connection, file, migrations, done, names)


def _ran(
    connection: sqlite3.Connection,
    file: Path,
    migrations: list[Migration],
    *,
    enforced: bool = True,
) -> dict[str, str]:
    """The migrations that ran, whose work must still be there; raises BootRefused if it is not."""
    connection.execute("BEGIN")  # another boot may be migrating
    try:
        done = ledger.applied(connection, file)
        ledger.pending(migrations, done, file)
        schema_comparison.require_intact(connection, file, migrations, done, enforced=enforced)
        lost_tables.require_none(connection, file, migrations, done)
    finally:
        connection.execute("ROLLBACK")
    return done


def _is_done(connection: sqlite3.Connection, known: list[Migration], done: Collection[str]) -> bool:
    """Whether nothing is to be written: as at nearly every start, which gets a quarter shorter by it."""
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    is_whole = not schema_comparison.lost_history(connection, known, done)
    return mode == "wal" and is_whole and len(done) == len(known)


def _prepare(connection: sqlite3.Connection, file: Path) -> None:
    deadline = time.monotonic() + patience.BUSY_SECONDS
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


def _apply(
    connection: sqlite3.Connection,
    file: Path,
    migrations: list[Migration],
    tell: Tell,
    to_make: Collection[str],
    *,
    is_trial: bool = False,
) -> Adoption:
    done = ledger.applied(connection, file)
    if to_make:
        return _recreate(connection, file, migrations, tell, to_make)
    mended = _mend(connection, file, migrations, done)
    # This first look avoids the write lock if there is nothing to do.
    if not ledger.pending(migrations, done, file):
        return Adoption([], [], mended)
    if not done:
        return Adoption([], _apply_each(connection, file, migrations, logging.DEBUG), [])
    since = instants.now()
    with changed_cells.recorded(connection) as cells:
        cells.watch()
        level = logging.DEBUG if is_trial else logging.INFO
        names = _apply_each(connection, file, migrations, level)
        changes, changed = cells.listed()
        cells.tell(tell)
        repairs = repair_report.made_since(connection, since)
    return Adoption([], names, [*mended, *repairs], changes=changes, changed=changed)


def _mend(
    connection: sqlite3.Connection, file: Path, migrations: list[Migration], done: Collection[str]
) -> list[Repair]:
    """Mend a history that has lost triggers; what was done, which the log and `status` tell too."""
    # This first look avoids the write lock.
    if not schema_comparison.lost_history(connection, migrations, done):
        return []
    with adoption.exclusively(connection):
        mended = history_repair.mend(connection, migrations, done)
        repair_report.keep_all(connection, mended)
    for each in mended:
        log.warning("history mended", extra={"database": str(file), **asdict(each)})
    return mended


def _recreate(
    connection: sqlite3.Connection,
    file: Path,
    migrations: list[Migration],
    tell: Tell,
    names: Collection[str],
) -> Adoption:
    """Make tables anew, those of migrations that ran in one transaction, then apply the pending ones."""
    done = ledger.applied(connection, file)
    with adoption.exclusively(connection):
        # Looked at inside the lock: another may have been first.
        recreation.require_possible(connection, file, migrations, done, names)
        anew = recreation.recreate(connection, migrations, done, names)
        history_repair.after_recreation(connection, names, RECREATED)
        history_repair.mend(connection, migrations, done)
    applied = _apply(connection, file, migrations, tell, ())
    late = [name for name in names if name not in anew.made]
    if late:
        with adoption.exclusively(connection):
            anew = anew.and_also(recreation.finish(connection, migrations, late, {}))
    return replace(applied, recreation=anew)


def _apply_each(
    connection: sqlite3.Connection, file: Path, migrations: list[Migration], level: int
) -> list[str]:
    """Apply all that are pending, each of which the log tells at this level before it runs: their names."""
    names = []
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
                log.log(level, "migration started", extra={"migration": left[0].name})
                _run(connection, file, left[0])
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        if left and not since:
            log.debug("migration applied", extra={"migration": left[0].name})
            names.append(left[0].name)
    return names


def _run_by_wrangler(
    connection: sqlite3.Connection, migrations: list[Migration], left: list[Migration]
) -> list[Migration]:
    """The first pending migrations that wrangler ran: its ledger has them, and their work is there."""
    named = wrangler.names(connection)
    if not left or left[0].name not in named:
        return []
    complete = recognition.recognise(catalog.read(connection), migrations).complete
    return list(takewhile(lambda each: each.name in named and each.name in complete, left))


def _run(connection: sqlite3.Connection, file: Path, migration: Migration) -> None:
    for number, statement in enumerate(migration.statements(), start=1):
        try:
            connection.execute(statement)
        except sqlite3.Error as error:
            advice = missing_module.advice(error) or "correct the file or the data and start again"
            raise BootRefused(
                f"migration {migration.name}.sql failed at statement {number}: {error}; {file} was"
                f" left as the migration before made it: {advice}"
            ) from error
    ledger.record(connection, migration)

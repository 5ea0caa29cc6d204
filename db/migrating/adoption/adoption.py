"""Taking over a registry that other programs made: recognised, copied, put right and recorded.

All of it is one transaction, so that a boot which is killed leaves either the database as it was or
the adopted one. The copy beside it is made while nobody else can write.
"""

import dataclasses
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from db.errors import BootRefused
from db.migrating import ledger
from db.migrating.adoption import (
    copies,
    enum_widening,
    recognition,
    reference_repair,
    repair_report,
    table_repair,
)
from db.migrating.adoption.recognition import Fit
from db.migrating.adoption.repair_report import Repair, Report
from db.migrating.ledger import Migration
from db.model import instants
from db.model.chitty_id import DID
from db.model.tables import TABLES

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Adoption:
    """What was or would be done: migrations that are there already, those that run, and repairs.

    `copy` is the name of the file that was made before, if one was.
    """

    recognised: list[str]
    applied: list[str]
    repairs: list[Repair]
    copy: str | None = None


def is_due(connection: sqlite3.Connection) -> bool:
    """Whether the database holds a table of the registry and no record of what made it."""
    names = {name.lower() for (name,) in connection.execute(ledger.TABLES)}
    ours = {table.name for table in TABLES}
    return "chittygraph_migrations" not in names and not names.isdisjoint(ours)


def foresee(
    connection: sqlite3.Connection, file: Path, migrations: Sequence[Migration]
) -> Adoption:
    """What adopting this database, or mending one that is ours, would do; it is only read.

    It is done to a copy that nobody else sees. Raises BootRefused where it cannot be done.
    """
    require_fitting(connection, file, migrations)
    with closing(sqlite3.connect("", isolation_level=None)) as copy:  # SQLite's own temporary file
        connection.backup(copy)
        return _bring(copy, file, migrations, backup=None)


def adopt(
    connection: sqlite3.Connection, file: Path, migrations: Sequence[Migration]
) -> Adoption | None:
    """Adopt the database after a copy was made beside it; None where another boot was first.

    The connection may write and has no transaction. Raises BootRefused or sqlite3.Error, with the
    database as it was and no copy left, where it cannot be done.
    """
    with _alone(connection):
        done = _after_copy(connection, file, migrations, "adoption") if is_due(connection) else None
    if done is not None:
        _tell("database adopted", file, done)
    return done


def mend(connection: sqlite3.Connection, file: Path, migrations: Sequence[Migration]) -> Adoption:
    """The same for a database that is ours and that something else wrote to."""
    with _alone(connection):
        done = _after_copy(connection, file, migrations, "repair")
    _tell("database repaired", file, done)
    return done


@contextmanager
def _alone(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("PRAGMA foreign_keys = OFF")  # references are put right as a whole
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        # On a full disk only the next statement that reads undoes what was written of a transaction.
        with suppress(sqlite3.Error):
            connection.execute("PRAGMA schema_version").fetchone()
        connection.execute("PRAGMA foreign_keys = ON")


def _after_copy(
    connection: sqlite3.Connection, file: Path, migrations: Sequence[Migration], event: str
) -> Adoption:
    backup = copies.beside(file, event)
    try:
        return _bring(connection, file, migrations, backup.name)
    except BaseException:
        backup.unlink()
        raise


def _tell(event: str, file: Path, done: Adoption) -> None:
    for repair in done.repairs:
        log.info("rows repaired", extra=dataclasses.asdict(repair))
    counts = {"recognised": len(done.recognised), "applied": len(done.applied)}
    log.info(event, extra={"database": str(file), "copy": done.copy, **counts})


def require_fitting(
    connection: sqlite3.Connection, file: Path, migrations: Sequence[Migration]
) -> Fit:
    """How the database stands to the migrations.

    Raises BootRefused, with every difference that cannot be put right, where there is one.
    """
    fit = recognition.fit(connection, migrations)
    differences = fit.differences or _ambiguous(connection, fit)
    if differences:
        raise _refusal(file, differences, adoptable=is_due(connection))
    return fit


def _refusal(file: Path, differences: list[str], *, adoptable: bool) -> BootRefused:
    other = "was not made by chittygraph and cannot be adopted" if adoptable else "does not fit"
    return BootRefused(
        f"{file} {other}: {'; '.join(differences)}: mend that with the program that made it, or"
        " name another file"
    )


# A ChittyID counts without what is stripped before it is stored here.
SPELT = f"iif(substr({{column}}, 1, {len(DID)}) = '{DID}', substr({{column}}, {len(DID) + 1}), {{column}})"
AMBIGUOUS = """
    SELECT {columns} FROM {table}
    GROUP BY {columns}
    HAVING {first} IS NULL AND {is_key} OR {first} IS NOT NULL AND count(*) > 1
    LIMIT 5
"""


def _ambiguous(connection: sqlite3.Connection, fit: Fit) -> list[str]:
    """Rows that share what our statements find a row by, or lack it."""
    found = []
    for name in fit.wanted.keys() & fit.there.keys():
        wanted = fit.wanted[name]
        for columns in sorted(wanted.constraints):
            spelt = [SPELT.format(column=each) for each in columns]
            is_key = str(wanted.columns[columns[0]].place > 0).upper()
            sql = AMBIGUOUS.format(
                columns=", ".join(spelt), table=name, first=spelt[0], is_key=is_key
            )
            values = ["/".join(map(str, row)) for row in connection.execute(sql)]
            if values:
                what = f"{name} has rows without a {' and '.join(columns)} of their own"
                found.append(f"{what}: {', '.join(values)}")
    return sorted(found)


def _bring(
    connection: sqlite3.Connection, file: Path, migrations: Sequence[Migration], backup: str | None
) -> Adoption:
    adoptable = is_due(connection)
    fit, report = require_fitting(connection, file, migrations), Report()
    connection.execute(ledger.CREATE)
    done = ledger.applied(connection, file)
    left = ledger.pending(migrations, done, file)
    try:
        with _unhindered(connection, fit):
            _complete(connection, fit, {each.name for each in left}, report)
    except sqlite3.IntegrityError as error:  # mended, two may be the same, or break another's rule
        differences = _ambiguous(connection, fit) or [
            f"mending what it holds breaks a rule: {error}"
        ]
        raise _refusal(file, differences, adoptable=adoptable) from error
    for name in done:
        for each in fit.lacking.get(name, []):
            report.note(each.table, "", f"{each.type} {each.name}, which was missing")
    if not done:
        reference_repair.keep_suspensions(connection)
    for migration in left:
        ledger.record(connection, migration)
    if report.counted:
        repair_report.record(connection, report, backup)
    return Adoption(
        recognised=[each.name for each in left if each.name in fit.amounts_to],
        applied=[each.name for each in left if each.name not in fit.amounts_to],
        repairs=report.repairs,
        copy=backup,
    )


@contextmanager
def _unhindered(connection: sqlite3.Connection, fit: Fit) -> Iterator[None]:
    """Set aside what would act on a repair or forbid one that is half done, and put it back.

    Triggers of others could write over what was mended; of two connections that are found to be
    active in the same place, which another's index may forbid too, one is ended only after both were
    mended.
    """
    aside = [
        each
        for name, each in fit.there.items()
        if each.table.lower() in fit.wanted
        and (
            (each.type == "trigger" and name not in fit.wanted)
            or (each.type == "index" and each.sql.upper().startswith("CREATE UNIQUE"))
        )
    ]
    for each in aside:
        name = each.name.replace('"', '""')
        connection.execute(f'DROP {each.type} "{name}"')
    yield
    for each in aside:
        connection.execute(each.sql)


UNIQUE = "CREATE UNIQUE INDEX {table}_have_one_{name} ON {table} ({columns})"


def _complete(connection: sqlite3.Connection, fit: Fit, left: set[str], report: Report) -> None:
    """Run what is still to run, and the repairs as soon as all four tables are there."""
    waiting = {table.name for table in TABLES} - fit.there.keys()
    if not waiting:
        _put_right(connection, fit, report)
    for name, statements in fit.statements.items():
        if name not in left and name not in fit.lacking:
            continue
        for statement in statements:
            connection.execute(statement)
        made = {each.name for each in fit.lacking.get(name, [])}
        if waiting and waiting <= made:
            _put_right(connection, fit, report)
        waiting -= made


def _put_right(connection: sqlite3.Connection, fit: Fit, report: Report) -> None:
    now = instants.now()
    enum_widening.widen(connection, report)
    table_repair.put_right(connection, fit.wanted, report)
    for table, columns in fit.unique:
        sql = UNIQUE.format(table=table, name="_and_".join(columns), columns=", ".join(columns))
        connection.execute(sql)
    reference_repair.make_strangers(connection, now, report)
    reference_repair.tell_source_types(connection, report)
    reference_repair.end_twins(connection, now, report)

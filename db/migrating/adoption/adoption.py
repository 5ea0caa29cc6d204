"""Adopts a registry that other programs made: recognises, copies and repairs it, and records what ran.

All of it is one transaction, so a killed boot leaves the database as it was or adopted. The copy beside it is
made while nobody else can write.
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
from db.migrating.adoption.recognition import Recognition
from db.migrating.adoption.repair_report import Repair, Report
from db.migrating.ledger import Migration
from db.model import instants
from db.model.chitty_id import DID
from db.model.tables import TABLES

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Adoption:
    """The migrations whose work is there already, those that run, and the repairs: done or to do."""

    recognised: list[str]
    applied: list[str]
    repairs: list[Repair]
    copy: str | None = None  # the name of the copy that was made before


def is_due(connection: sqlite3.Connection) -> bool:
    """Whether the database holds a table of the registry and no record of migrations."""
    names = {name.lower() for (name,) in connection.execute(ledger.TABLES)}
    ours = {table.name for table in TABLES}
    return "chittygraph_migrations" not in names and not names.isdisjoint(ours)


def preview(
    connection: sqlite3.Connection, file: Path, migrations: Sequence[Migration]
) -> Adoption:
    """What `adopt` would do, or `repair` to a database of ours; raises BootRefused if it cannot be done."""
    # It works on a private copy.
    require_adoptable(connection, file, migrations)
    with closing(sqlite3.connect("", isolation_level=None)) as copy:  # SQLite's own temporary file
        connection.backup(copy)
        return _bring_up_to_date(copy, file, migrations, backup=None)


def adopt(
    connection: sqlite3.Connection, file: Path, migrations: Sequence[Migration]
) -> Adoption | None:
    """Copy the database beside it, then adopt it; None if another boot was first.

    Raises BootRefused or sqlite3.Error, with the database as it was and no copy left, if it cannot be done.
    """
    with _exclusively(connection):
        done = _after_copy(connection, file, migrations, "adoption") if is_due(connection) else None
    if done is not None:
        _log("database adopted", file, done)
    return done


def repair(connection: sqlite3.Connection, file: Path, migrations: Sequence[Migration]) -> Adoption:
    """Copy and repair a database of ours that other programs wrote to; raises like `adopt`."""
    with _exclusively(connection):
        done = _after_copy(connection, file, migrations, "repair")
    _log("database repaired", file, done)
    return done


@contextmanager
def _exclusively(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("PRAGMA foreign_keys = OFF")  # references are repaired as a whole
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
    backup = copies.make(file, event)
    try:
        return _bring_up_to_date(connection, file, migrations, backup.name)
    except BaseException:
        backup.unlink()
        raise


def _log(event: str, file: Path, done: Adoption) -> None:
    for each in done.repairs:
        log.info("rows repaired", extra=dataclasses.asdict(each))
    counts = {"recognised": len(done.recognised), "applied": len(done.applied)}
    log.info(event, extra={"database": str(file), "copy": done.copy, **counts})


def require_adoptable(
    connection: sqlite3.Connection, file: Path, migrations: Sequence[Migration]
) -> Recognition:
    """Raises BootRefused, with every difference that cannot be repaired, if there is one."""
    comparison = recognition.recognise(connection, migrations)
    differences = comparison.differences or _ambiguous(connection, comparison)
    if differences:
        raise _refusal(file, differences, adoptable=is_due(connection))
    return comparison


def _refusal(file: Path, differences: list[str], *, adoptable: bool) -> BootRefused:
    other = "was not made by chittygraph and cannot be adopted" if adoptable else "does not fit"
    return BootRefused(
        f"{file} {other}: {'; '.join(differences)}: repair that with the program that made it, or"
        " name another file"
    )


# Two ChittyIDs that differ in the prefix that is stripped are the same.
WITHOUT_PREFIX = (
    f"iif(substr({{column}}, 1, {len(DID)}) = '{DID}',"
    f" substr({{column}}, {len(DID) + 1}), {{column}})"
)
AMBIGUOUS = """
    SELECT {columns} FROM {table}
    GROUP BY {columns}
    HAVING {first} IS NULL AND {is_key} OR {first} IS NOT NULL AND count(*) > 1
    LIMIT 5
"""


def _ambiguous(connection: sqlite3.Connection, comparison: Recognition) -> list[str]:
    """Rows that share, or lack, the columns by which our statements find a row."""
    differences = []
    for name in comparison.expected.keys() & comparison.stored.keys():
        expected = comparison.expected[name]
        for columns in sorted(expected.constraints):
            bare = [WITHOUT_PREFIX.format(column=each) for each in columns]
            is_key = str(expected.columns[columns[0]].place > 0).upper()
            sql = AMBIGUOUS.format(
                columns=", ".join(bare), table=name, first=bare[0], is_key=is_key
            )
            values = ["/".join(map(str, row)) for row in connection.execute(sql)]
            if values:
                what = f"{name} has rows without a {' and '.join(columns)} of their own"
                differences.append(f"{what}: {', '.join(values)}")
    return sorted(differences)


def _bring_up_to_date(
    connection: sqlite3.Connection, file: Path, migrations: Sequence[Migration], backup: str | None
) -> Adoption:
    adoptable = is_due(connection)
    comparison, report = require_adoptable(connection, file, migrations), Report()
    connection.execute(ledger.CREATE)
    done = ledger.applied(connection, file)
    left = ledger.pending(migrations, done, file)
    try:
        with _without_triggers(connection, comparison):
            _complete(connection, comparison, {each.name for each in left}, report)
    except (
        sqlite3.IntegrityError
    ) as error:  # repaired, two may be the same, or break another's rule
        differences = _ambiguous(connection, comparison) or [
            f"repairing what it holds breaks a rule: {error}"
        ]
        raise _refusal(file, differences, adoptable=adoptable) from error
    restored = {each.name: each for name in done for each in comparison.missing.get(name, [])}
    for each in restored.values():
        report.note(each.table, "", f"{each.type} {each.name}, which was missing")
    if not done:
        reference_repair.keep_suspensions(connection)
    for migration in left:
        ledger.record(connection, migration)
    if report.counted:
        repair_report.record(connection, report, backup)
    return Adoption(
        recognised=[each.name for each in left if each.name in comparison.complete],
        applied=[each.name for each in left if each.name not in comparison.complete],
        repairs=report.repairs,
        copy=backup,
    )


@contextmanager
def _without_triggers(connection: sqlite3.Connection, comparison: Recognition) -> Iterator[None]:
    """Drop what would act on a repair or forbid one that is half done, and create it again."""
    # Triggers of others could overwrite repaired values. Of two connections that are active in the
    # same place, which another's unique index may forbid too, one is ended only after both were
    # repaired.
    aside = [
        each
        for name, each in comparison.stored.items()
        if each.table.lower() in comparison.expected
        and (
            (each.type == "trigger" and name not in comparison.expected)
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


def _complete(
    connection: sqlite3.Connection, comparison: Recognition, left: set[str], report: Report
) -> None:
    """Run what is still to run, and the repairs as soon as all four tables are there."""
    awaited = {table.name for table in TABLES} - comparison.stored.keys()
    if not awaited:
        _repair_rows(connection, comparison, report)
    for name, statements in comparison.statements.items():
        if name not in left and name not in comparison.missing:
            continue
        for statement in statements:
            connection.execute(statement)
        made = {each.name for each in comparison.missing.get(name, [])}
        if awaited and awaited <= made:
            _repair_rows(connection, comparison, report)
        awaited -= made


def _repair_rows(connection: sqlite3.Connection, comparison: Recognition, report: Report) -> None:
    now = instants.now()
    enum_widening.widen(connection, report)
    table_repair.repair(connection, comparison.expected, report)
    for table, columns in comparison.unique:
        sql = UNIQUE.format(table=table, name="_and_".join(columns), columns=", ".join(columns))
        connection.execute(sql)
    reference_repair.add_missing_actors(connection, now, report)
    reference_repair.correct_source_types(connection, report)
    reference_repair.end_twins(connection, now, report)

"""Adopts a registry that other programs made: recognises, copies and repairs it, and records what ran.

All of it is one transaction, so a killed boot leaves the database as it was or adopted. The copy beside it is
made while nobody else can write.
"""

import dataclasses
import logging
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from db import attribution
from db.attribution import Attribution
from db.errors import BootRefused
from db.migrating import history_repair, ledger, lost_tables, recreation
from db.migrating.adoption import (
    changed_cells,
    copies,
    enum_widening,
    lineage_rows,
    lineages,
    recognition,
    reference_repair,
    repair_report,
    table_repair,
)
from db.migrating.adoption.changed_cells import Change, ChangedCells, Tell
from db.migrating.adoption.lineages import Relative
from db.migrating.adoption.recognition import Recognition
from db.migrating.adoption.repair_report import Repair, Report
from db.migrating.ledger import Migration
from db.migrating.recreation import Recreation
from db.model import instants
from db.model.chitty_id import normalised_in_sql
from db.model.tables import TABLES
from db.sqlite import catalog

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Adoption:
    """The migrations whose work is there already, those that run, and the repairs: done or to do.

    Of `changed` cells whose new value does not tell the old one, `changes` are the first of each column.
    """

    recognised: list[str]
    applied: list[str]
    repairs: list[Repair]
    copy: str | None = None  # the name of the copy that was made before
    changes: list[Change] = field(default_factory=list)
    changed: int = 0
    recreation: Recreation | None = None


def is_due(connection: sqlite3.Connection) -> bool:
    """Whether the database holds a table of the registry and no record of migrations."""
    names = {name.lower() for (name,) in connection.execute(ledger.TABLES)}
    ours = {table.name for table in TABLES}
    return "chittygraph_migrations" not in names and not names.isdisjoint(ours)


def preview(
    connection: sqlite3.Connection,
    file: Path,
    migrations: Sequence[Migration],
    tell: Tell = changed_cells.ignore,
    to_make: Collection[str] = (),
) -> Adoption:
    """What `adopt` would do, or `repair` to a database of ours; raises BootRefused if it cannot be done."""
    if not to_make and is_due(connection):
        require_adoptable(connection, file, migrations)
    with copies.scratch(connection, file) as copy, exclusively(copy) as cells:
        done = _bring_up_to_date(copy, file, migrations, None, cells, to_make)
        cells.tell(tell)
    return done


def adopt(
    connection: sqlite3.Connection,
    file: Path,
    migrations: Sequence[Migration],
    tell: Tell = changed_cells.ignore,
    to_make: Collection[str] = (),
) -> Adoption | None:
    """Copy the database beside it, then adopt it; None if another boot was first.

    The tables `to_make` are made anew if they are lost or unfit. Raises BootRefused or sqlite3.Error, with
    the database as it was and no copy left, if it cannot be done.
    """
    with exclusively(connection) as cells:
        if not is_due(connection):
            return None
        done = _after_copy(connection, file, migrations, "adoption", cells, to_make)
        cells.tell(tell)
    _log("database adopted", file, done)
    return done


def repair(
    connection: sqlite3.Connection,
    file: Path,
    migrations: Sequence[Migration],
    tell: Tell = changed_cells.ignore,
) -> Adoption:
    """Copy and repair a database of ours that other programs wrote to; raises like `adopt`."""
    with exclusively(connection) as cells:
        done = _after_copy(connection, file, migrations, "repair", cells)
        cells.tell(tell)
    _log("database repaired", file, done)
    return done


@contextmanager
def exclusively(connection: sqlite3.Connection) -> Iterator[ChangedCells]:
    connection.execute("PRAGMA foreign_keys = OFF")  # references are repaired as a whole
    with changed_cells.recorded(connection) as cells, _transaction(connection):
        yield cells


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
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
    connection: sqlite3.Connection,
    file: Path,
    migrations: Sequence[Migration],
    event: str,
    cells: ChangedCells,
    to_make: Collection[str] = (),
) -> Adoption:
    backup = copies.make(file, event)
    try:
        return _bring_up_to_date(connection, file, migrations, backup.name, cells, to_make)
    except BaseException:
        backup.unlink()
        raise


def _log(event: str, file: Path, done: Adoption) -> None:
    for each in done.repairs:
        log.info("rows repaired", extra=dataclasses.asdict(each))
    counts = {"recognised": len(done.recognised), "applied": len(done.applied)}
    log.info(event, extra={"database": str(file), "copy": done.copy, **counts})


def require_adoptable(
    connection: sqlite3.Connection,
    file: Path,
    migrations: Sequence[Migration],
    to_make: Collection[str] = (),
) -> Recognition:
    """Raises BootRefused, with every difference that cannot be repaired, if there is one."""
    return _require_adoptable(connection, file, migrations, to_make)[1]


def _require_adoptable(
    connection: sqlite3.Connection,
    file: Path,
    migrations: Sequence[Migration],
    to_make: Collection[str],
) -> tuple[list[Relative], Recognition]:
    """The tables that are to be renamed, and how the database compares once they are."""
    stored = catalog.read(connection)
    relatives = lineages.recognise(stored, file) if is_due(connection) else []
    comparison = recognition.recognise(lineages.after_renaming(stored, relatives), migrations)
    if is_due(connection) and not relatives and not comparison.differences:
        lost_tables.require_none(connection, file, migrations, (), to_make)
    differences = comparison.differences or _ambiguous(connection, comparison)
    if differences:
        raise _refusal(file, differences, adoptable=is_due(connection))
    return relatives, comparison


def _refusal(file: Path, differences: list[str], *, adoptable: bool) -> BootRefused:
    other = "was not made by chittygraph and cannot be adopted" if adoptable else "does not fit"
    return BootRefused(
        f"{file} {other}: {'; '.join(differences)}: repair that with the program that made it, or"
        " name another file"
    )


WRITING = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'writing'"
# Two ChittyIDs that differ in the prefix that is stripped are the same.
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
            bare = [normalised_in_sql(each) for each in columns]
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
    connection: sqlite3.Connection,
    file: Path,
    migrations: Sequence[Migration],
    backup: str | None,
    cells: ChangedCells,
    to_make: Collection[str] = (),
) -> Adoption:
    adoptable, since = is_due(connection), instants.now()
    report = Report(cells, recreated=to_make)
    if not adoptable:
        for mended in history_repair.mend(connection, migrations, ledger.applied(connection, file)):
            report.note(mended.table, mended.column, mended.problem, mended.rows)
    kept = recreation.set_unfit_aside(connection, migrations, to_make)
    relatives, comparison = _require_adoptable(connection, file, migrations, to_make)
    lineages.rename(connection, relatives, file)
    cells.watch()
    connection.execute(ledger.CREATE)
    done = ledger.applied(connection, file)
    cause = "repair" if done else "adopt"
    _attribute(connection, cause)
    left = ledger.pending(migrations, done, file)
    try:
        with _without_triggers(connection, comparison):
            _complete(connection, comparison, {each.name for each in left}, relatives, report)
            _attribute(connection, cause)
            lineage_rows.link(connection, relatives, report)
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
    for table, columns in comparison.unique if done else ():
        report.note(table, " and ".join(columns), "a value that rows might have shared")
    if not done:
        reference_repair.keep_suspensions(connection)
    for migration in left:
        ledger.record(connection, migration)
    if left:
        repair_report.take_over(connection, report, since)
    if report.counted:
        repair_report.record(connection, report, backup)
    changes, changed = cells.listed()
    _attribute(connection, None)
    anew = recreation.finish(connection, migrations, to_make, kept) if to_make else None
    return Adoption(
        recognised=[each.name for each in left if each.name in comparison.complete],
        applied=[each.name for each in left if each.name not in comparison.complete],
        repairs=report.repairs,
        copy=backup,
        changes=changes,
        changed=changed,
        recreation=anew,
    )


def _attribute(connection: sqlite3.Connection, cause: str | None) -> None:
    """Let what is written from now on be recorded with this cause, if there is a history already."""
    if not connection.execute(WRITING).fetchone():
        return
    if cause is None:
        connection.execute(attribution.EMPTY)
    else:
        connection.execute(attribution.FILL, Attribution(cause).bind())


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
        and ((each.type == "trigger" and name not in comparison.expected) or each.is_unique)
    ]
    for each in aside:
        name = each.name.replace('"', '""')
        connection.execute(f'DROP {each.type} "{name}"')
    yield
    for each in aside:
        connection.execute(each.sql)


UNIQUE = "CREATE UNIQUE INDEX {table}_have_one_{name} ON {table} ({columns})"


def _complete(
    connection: sqlite3.Connection,
    comparison: Recognition,
    left: set[str],
    relatives: Sequence[Relative],
    report: Report,
) -> None:
    """Run what is still to run, and the repairs as soon as all four tables are there."""
    awaited = {table.name for table in TABLES} - comparison.stored.keys()
    if not awaited:
        _repair_rows(connection, comparison, relatives, report)
    for name, statements in comparison.statements.items():
        if name not in left and name not in comparison.missing:
            continue
        for statement in statements:
            connection.execute(statement)
        made = {each.name for each in comparison.missing.get(name, [])}
        if awaited and awaited <= made:
            _repair_rows(connection, comparison, relatives, report)
        awaited -= made


def _repair_rows(
    connection: sqlite3.Connection,
    comparison: Recognition,
    relatives: Sequence[Relative],
    report: Report,
) -> None:
    now = instants.now()
    lineage_rows.copy(connection, relatives, comparison.expected, now, report)
    report.cells.watch()  # the tables that were made since
    enum_widening.widen(connection, report)
    table_repair.repair(connection, comparison.expected, report)
    for table, columns in comparison.unique:
        sql = UNIQUE.format(table=table, name="_and_".join(columns), columns=", ".join(columns))
        connection.execute(sql)
    recreated = {*report.recreated, *repair_report.recreated_tables(connection)}
    reference_repair.add_lost_contexts(
        connection, now, report, all_are_lost="contexts" in recreated
    )
    reference_repair.add_missing_actors(connection, now, report)
    reference_repair.correct_source_types(connection, report)
    reference_repair.end_twins(connection, now, report)
    reference_repair.clear_principals_of_others(connection, now, report)

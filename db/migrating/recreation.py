"""Makes tables anew, empty, that are missing or unfit: only those that an operator names.

What is there under such a name is renamed, never dropped. Rows that refer to what is lost stay as they are,
and are told.
"""

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from db.errors import BootRefused
from db.migrating import lost_tables, schema_comparison
from db.migrating.adoption import recognition, reference_repair, repair_report
from db.migrating.adoption.repair_report import MADE_ANEW, Repair
from db.migrating.ledger import Migration
from db.model import instants, searched
from db.model.tables import REFERENCES, TABLES
from db.program import Value
from db.sqlite import catalog

MOST_LISTED = 20
KEPT_AS = "the table, kept as "
BEFORE_RECREATION = "_before_recreation"


@dataclass(frozen=True, slots=True)
class Dangling:
    """Rows of `table` whose `column` refers to a row of a table that is empty now; the first by key."""

    table: str
    column: str
    to: str
    count: int
    rows: list[tuple[Value, Value]]


@dataclass(frozen=True, slots=True)
class Recreation:
    """The tables made anew, what those that were there are called now, and what is still broken."""

    made: list[str]
    kept: dict[str, str]
    dangling: list[Dangling]
    broken: list[str]

    def and_also(self, later: "Recreation") -> "Recreation":
        return Recreation(
            self.made + later.made,
            self.kept | later.kept,
            self.dangling + later.dangling,
            later.broken,
        )


def require_possible(
    connection: sqlite3.Connection,
    file: Path,
    migrations: Sequence[Migration],
    ran: Collection[str],
    names: Collection[str],
) -> None:
    """Raise BootRefused if one of these tables is none of ours, or need not be made anew."""
    known = schema_comparison.table_names(migrations)
    unfit = _unfit(connection, migrations, ran)
    lost = lost_tables.find(connection, migrations, ran)
    for name in names:
        if name not in known:
            raise BootRefused(
                f"no migration makes a table {name}: name one of {', '.join(sorted(known))}"
            )
        if name not in unfit and name not in lost:
            raise BootRefused(
                f"table {name} of {file} is there and fits, so it is not made anew: leave it out"
            )
        if unfit.get(name, [""])[0].endswith("not a table"):
            raise BootRefused(f"{file}: {unfit[name][0]}: drop or rename it first")


def recreate(
    connection: sqlite3.Connection,
    migrations: Sequence[Migration],
    ran: Collection[str],
    names: Collection[str],
) -> Recreation:
    """Make those of these tables anew that migrations made which ran, in the open transaction."""
    own = [migration for migration in migrations if migration.name in ran]
    made: list[str] = []
    kept: dict[str, str] = {}
    for name in names:
        definitions = schema_comparison.definitions_of(name, own)
        if definitions:
            kept |= _set_aside(connection, name, definitions)
            for sql in definitions.values():
                connection.execute(sql)
            made.append(name)
    if "installation_facts" in made:
        reference_repair.keep_suspensions(connection)
    return finish(connection, own, made, kept)


def set_unfit_aside(
    connection: sqlite3.Connection, migrations: Sequence[Migration], names: Collection[str]
) -> dict[str, str]:
    """Rename those of these tables that are there and unfit; their new names."""
    unfit = _unfit(connection, migrations, ()) if names else {}
    kept: dict[str, str] = {}
    for name in names:
        if name in unfit:
            definitions = schema_comparison.definitions_of(name, migrations)
            kept |= _set_aside(connection, name, definitions)
    return kept


def finish(
    connection: sqlite3.Connection,
    migrations: Sequence[Migration],
    made: Collection[str],
    kept: dict[str, str],
) -> Recreation:
    """Record what was made anew where `status` and repairs look for it, and tell what refers to it."""
    now = instants.now()
    if "repairs" in catalog.read(connection):
        for table in made:
            repair_report.keep(connection, now, Repair(table, "", MADE_ANEW, 1), None)
        for table, name in kept.items():
            repair_report.keep(connection, now, Repair(table, "", f"{KEPT_AS}{name}", 1), None)
    stored = catalog.read(connection)
    anew = [table for table in TABLES if table.name in made and searched.index_of(table) in stored]
    for sql in searched.refill(anew):
        connection.execute(sql)
    broken = schema_comparison.compare(connection, migrations, _all(migrations)).broken
    return Recreation(list(made), kept, _dangling(connection, made), broken)


def _unfit(
    connection: sqlite3.Connection, migrations: Sequence[Migration], ran: Collection[str]
) -> dict[str, list[str]]:
    """Of a database without a ledger, tables that later migrations make are not missing."""
    if ran:
        return schema_comparison.broken_tables(connection, migrations, ran)
    return recognition.recognise(catalog.read(connection), migrations).unfit


def _all(migrations: Sequence[Migration]) -> list[str]:
    return [migration.name for migration in migrations]


RENAME = "ALTER TABLE {table} RENAME TO {kept}"


def _set_aside(
    connection: sqlite3.Connection, table: str, definitions: Collection[str]
) -> dict[str, str]:
    stored = catalog.read(connection)
    if table not in stored:
        return {}
    kept, number = f"{table}{BEFORE_RECREATION}", 1
    while kept in stored:
        number += 1
        kept = f"{table}{BEFORE_RECREATION}_{number}"
    # References, triggers and views of others go on meaning the table of this name.
    connection.execute("PRAGMA legacy_alter_table = ON")
    try:
        connection.execute(RENAME.format(table=table, kept=kept))
    finally:
        connection.execute("PRAGMA legacy_alter_table = OFF")
    # The names of its indexes and triggers are needed; they hold nothing of their own.
    for each in stored.values():
        if each.name in definitions and each.type in {"index", "trigger"}:
            connection.execute(f"DROP {each.type} {each.name}")
    return {table: kept}


DANGLING = """
    FROM {table} AS row
    WHERE row.{column} IS NOT NULL AND ({only})
        AND NOT EXISTS (SELECT 1 FROM {to} WHERE {to}.{to_key} = row.{column})
"""


def _dangling(connection: sqlite3.Connection, made: Collection[str]) -> list[Dangling]:
    """What refers to rows that these tables do not have."""
    stored = catalog.read(connection)
    found = []
    for relation in REFERENCES:
        table, to = relation.parent, relation.child
        if to.name not in made or relation.column not in _columns(stored, table.name):
            continue
        rest = DANGLING.format(
            table=table.name,
            column=relation.column,
            only=relation.only.format(row="row") or "TRUE",
            to=to.name,
            to_key=to.key,
        )
        (count,) = connection.execute(f"SELECT count(*) {rest}").fetchone()
        if count:
            first = f"SELECT row.{table.key}, row.{relation.column} {rest} LIMIT {MOST_LISTED}"
            rows = connection.execute(first).fetchall()
            found.append(Dangling(table.name, relation.column, to.name, count, rows))
    return found


def _columns(stored: dict[str, catalog.Object], table: str) -> Collection[str]:
    return stored[table].columns if table in stored else ()

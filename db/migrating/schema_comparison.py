"""Compares a database with what the migrations that ran on it make, so that a lost table is not served.

Tables, columns and indexes of others are left alone, and so is what an adopted table has in another form that
our statements can use.
"""

import re
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from db.errors import BootRefused
from db.migrating import history_triggers, missing_module, table_differences
from db.migrating.adoption import enum_widening
from db.migrating.ledger import Migration
from db.sqlite import catalog
from db.sqlite.catalog import Object

_DEFINING = re.compile(r"(?:CREATE|ALTER|DROP)\b", re.IGNORECASE)


@dataclass(slots=True)
class Comparison:
    """`check --fix` repairs what is `unenforced` or only `slow`, but nothing that is `broken`.

    Because of what is `unrecorded`, changes are missing from the history: every boot repairs that.
    """

    broken: list[str] = field(default_factory=list)
    unenforced: list[str] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LostTrigger:
    """A trigger of the history that is gone or altered."""

    name: str
    table: str
    problem: str


def compare(
    connection: sqlite3.Connection, migrations: Sequence[Migration], ran: Collection[str]
) -> Comparison:
    own = tuple(each for each in migrations if each.name in ran)
    # Nearly always the text is the same; to read the catalog takes ten times as long.
    if _definitions_made(own) <= _definitions(connection):
        return Comparison()
    return _compared(catalog.read(connection), _catalog_made(own))


def require_intact(
    connection: sqlite3.Connection,
    file: Path,
    migrations: Sequence[Migration],
    ran: Collection[str],
    *,
    enforced: bool = True,
) -> None:
    """Raise BootRefused, with every difference, if something is broken or, if `enforced`, unenforced."""
    comparison = compare(connection, migrations, ran)
    if comparison.broken:
        tables = broken_tables(connection, migrations, ran)
        raise BootRefused(
            f"{file} is not as its migrations made it: {'; '.join(comparison.broken)}: undo that change,"
            " or restore a backup with `chittygraph restore FILE`"
            f"{or_recreate(tables) if tables else ''}"
        )
    if enforced and comparison.unenforced:
        raise BootRefused(
            f"{file} no longer enforces what is relied on: {'; '.join(comparison.unenforced)}: run"
            " `chittygraph check --fix`, which copies the database and repairs that"
        )


def lost_history(
    connection: sqlite3.Connection, migrations: Sequence[Migration], ran: Collection[str]
) -> list[LostTrigger]:
    """The triggers of the history that these migrations made and that are gone or altered."""
    own = tuple(each for each in migrations if each.name in ran)
    if _definitions_made(own) <= _definitions(connection):
        return []
    stored = catalog.read(connection)
    return [
        LostTrigger(each.name, each.table, difference)
        for name, each in _catalog_made(own).items()
        if name in history_triggers.NAMES and each.table.lower() in stored
        if (difference := _difference(each, stored.get(name)))
    ]


def triggers_made(
    migrations: Sequence[Migration], ran: Collection[str], tables: Collection[str]
) -> list[Object]:
    """The triggers of these tables, in the order in which these migrations made them."""
    made = _catalog_made(tuple(each for each in migrations if each.name in ran)).values()
    return [each for each in made if each.type == "trigger" and each.table.lower() in tables]


def or_recreate(tables: Collection[str]) -> str:
    """The other way out, which is taken only by whoever names the tables."""
    return (
        "; nothing is made anew by itself, since an empty table would pass for the registry:"
        f" if the rows are lost for good, `chittygraph migrate --recreate {' '.join(tables)}` does"
    )


def broken_tables(
    connection: sqlite3.Connection, migrations: Sequence[Migration], ran: Collection[str]
) -> dict[str, list[str]]:
    """The tables that are missing or unfit, each with its differences."""
    stored = catalog.read(connection)
    broken = {}
    for name, each in _catalog_made(tuple(own for own in migrations if own.name in ran)).items():
        result = Comparison()
        if each.type == "table":
            _compare_table(result, each, stored.get(name))
        if result.broken:
            broken[name] = result.broken
    return broken


def table_names(migrations: Sequence[Migration]) -> set[str]:
    made = _catalog_made(tuple(migrations))
    return {name for name, each in made.items() if each.type == "table"}


def made_by(migrations: Sequence[Migration]) -> Mapping[str, Object]:
    """What these migrations make in an empty database, by name in lower case."""
    return _catalog_made(tuple(migrations))


OF_TABLE = """
    SELECT name, sql FROM sqlite_master
    WHERE lower(tbl_name) = :table AND sql IS NOT NULL
    ORDER BY type <> 'table', rowid
"""


def definitions_of(table: str, migrations: Sequence[Migration]) -> dict[str, str]:
    """A table, its indexes and its triggers as these migrations make them: the SQL of each by name."""
    with closing(_migrated(tuple(migrations))) as scratch:
        return dict(scratch.execute(OF_TABLE, {"table": table}).fetchall())


def _compared(stored: Mapping[str, Object], expected: Mapping[str, Object]) -> Comparison:
    result = Comparison()
    for name, each in expected.items():
        if each.type == "table":
            _compare_table(result, each, stored.get(name))
        elif each.type == "virtual" or each.table.lower() in stored:
            # Else the loss of its table explains that of the index.
            _compare_index(result, each, stored.get(name))
    return result


def _compare_table(result: Comparison, expected: Object, stored: Object | None) -> None:
    if stored is None:
        result.broken.append(f"table {expected.name} is missing")
        return
    broken = [
        *table_differences.missing_columns(expected.columns, stored),
        *table_differences.of(expected, stored),
    ]
    result.broken += broken
    if broken:  # which explains the rest
        return
    result.unenforced += [
        f"rows of {stored.name} may share their {' and '.join(columns)}"
        for columns in sorted(expected.constraints - stored.unique)
    ]
    result.unenforced += [
        f"{stored.name}.{column} has {enum_widening.NARROW}"
        for column in enum_widening.narrow_columns(expected.name, stored.sql)
    ]


def _compare_index(result: Comparison, expected: Object, stored: Object | None) -> None:
    """A trigger is compared like an index on which uniqueness depends."""
    matters = expected.type != "index" or expected.is_unique
    difference = _difference(expected, stored)
    if not difference:
        return
    if expected.name in history_triggers.NAMES:
        found = result.unrecorded
    elif not matters:
        found = result.slow
    else:
        found = result.unenforced if stored is None else result.broken
    found.append(f"{expected.type} {expected.name} is {difference}")


def _difference(expected: Object, stored: Object | None) -> str:
    if stored is None:
        return "missing"
    return "" if stored.meaning == expected.meaning else "another than was made"


@lru_cache(maxsize=4)
def _definitions_made(migrations: tuple[Migration, ...]) -> frozenset[tuple[str, ...]]:
    with closing(_migrated(migrations)) as scratch:
        return _definitions(scratch)


@lru_cache(maxsize=4)
def _catalog_made(migrations: tuple[Migration, ...]) -> Mapping[str, Object]:
    with closing(_migrated(migrations)) as scratch:
        return catalog.read(scratch)


def _migrated(migrations: tuple[Migration, ...]) -> sqlite3.Connection:
    """An empty database in memory as these migrations make it."""
    scratch = sqlite3.connect(":memory:", isolation_level=None)
    scratch.execute("BEGIN")
    for migration in migrations:
        for statement in migration.statements():
            if _DEFINING.match(statement):  # the others are about rows, of which there are none
                _define(scratch, statement)
    return scratch


def _define(scratch: sqlite3.Connection, statement: str) -> None:
    """Raises BootRefused where this SQLite cannot have what other ones have made."""
    try:
        scratch.execute(statement)
    except sqlite3.OperationalError as error:
        advice = missing_module.advice(error)
        if advice is None:
            raise
        raise BootRefused(f"the registry cannot be used here: {advice}") from error


DEFINITIONS = """
    SELECT type, lower(name), lower(tbl_name), sql FROM sqlite_master
    WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
"""


def _definitions(connection: sqlite3.Connection) -> frozenset[tuple[str, ...]]:
    return frozenset(connection.execute(DEFINITIONS).fetchall())

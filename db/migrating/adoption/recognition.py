"""Finds which migrations a database amounts to, from what it holds.

Each statement of a migration runs on an empty database to see what it makes; if the database has that, it
need not run. An object of the same name with another definition is a difference, which nothing here repairs.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache

from db.migrating.ledger import Migration
from db.model import column_types
from db.model.column_types import ColumnType
from db.model.tables import TABLES
from db.sqlite import catalog
from db.sqlite.catalog import Object, StoredColumn

Objects = Mapping[str, Object]

_KINDS: dict[tuple[str, str], ColumnType] = {
    (table.name, name): column.type for table in TABLES for name, column in table.columns.items()
}
_NUMBERS = {"INTEGER", "NUMERIC", "BLOB"}
_TEXTS = {"TEXT", "BLOB"}
# A column that turns texts which look like numbers into numbers spoils free text alone.
_FREE_TEXT = (column_types.TEXT, None)


@dataclass(slots=True)
class Recognition:
    """How a database compares with the migrations.

    `stored` is what it holds, `expected` what all migrations make, `created` each object as it first was. Of
    the migrations that are not `complete`, `statements` are still to run and make `missing`. `unique` are the
    columns, by table, that our statements take for unique although the database does not enforce it.
    """

    stored: Objects
    expected: Objects = field(default_factory=dict)
    created: dict[str, Object] = field(default_factory=dict)
    complete: list[str] = field(default_factory=list)
    statements: dict[str, list[str]] = field(default_factory=dict)
    missing: dict[str, list[Object]] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    unique: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a migration, and the catalogs of the empty database before and after it."""

    migration: str
    sql: str
    before: Objects
    after: Objects

    def makes(self) -> Iterator[Object]:
        """The new objects, and the tables that get a column."""
        for name, each in self.after.items():
            if name not in self.before or each.columns.keys() != self.before[name].columns.keys():
                yield each


def recognise(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> Recognition:
    steps = _run_on_empty(tuple(migrations))
    result = Recognition(catalog.read(connection), expected=steps[-1].after)
    definitions: dict[str, list[str]] = defaultdict(list)  # a later migration may replace an index
    for step in steps:
        for each in step.makes():
            result.created.setdefault(each.name, each)
            if each.type != "table":
                definitions[each.name].append(each.meaning)
    for migration in migrations:
        own = [step for step in steps if step.migration == migration.name]
        _compare(result, migration.name, own, definitions)
    for name, meanings in definitions.items():
        if name in result.stored and result.stored[name].meaning not in meanings:
            one, other = result.stored[name].type, result.created[name].type
            result.differences.append(f"{one} {name} is another than the {other} that is made here")
    for name, expected in result.expected.items():
        if name in result.stored and expected.type == "table":
            result.differences += _table_differences(expected, result.stored[name])
            result.differences += _missing_columns(result.created[name], result.stored[name])
            missing = expected.constraints - result.stored[name].unique
            result.unique += [(name, columns) for columns in sorted(missing)]
    return result


@lru_cache(maxsize=4)
def _run_on_empty(migrations: tuple[Migration, ...]) -> list[Step]:
    steps = []
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as scratch:
        before: Objects = {}
        for migration in migrations:
            for sql in migration.statements():
                scratch.execute(sql)
                after = catalog.read(scratch)
                steps.append(Step(migration.name, sql, before, after))
                before = after
    return steps


def _compare(
    result: Recognition, name: str, steps: Sequence[Step], definitions: Mapping[str, Sequence[str]]
) -> None:
    states: list[tuple[str, bool | None]] = []  # None of a statement that makes nothing
    for step in steps:
        made = list(step.makes())
        missing = [each for each in made if not _has(result.stored, step, each, definitions)]
        if missing:
            result.missing.setdefault(name, []).extend(missing)
        states.append((step.sql, not missing if made else None))
    if any(done for _, done in states) and all(done is not False for _, done in states):
        result.complete.append(name)
    else:
        result.statements[name] = [sql for sql, done in states if not done]


def _has(
    stored: Objects, step: Step, made: Object, definitions: Mapping[str, Sequence[str]]
) -> bool:
    """Whether a database has the object, as this step or a later one makes it, or the added columns."""
    name = made.name.lower()
    if name not in stored:
        return False
    if made.type != "table":
        known = definitions[made.name]
        # One that is no migration's is a difference: running the statement would not help.
        return stored[name].meaning not in known[: known.index(made.meaning)]
    if name not in step.before:
        return True
    added = made.columns.keys() - step.before[name].columns.keys()
    return added <= stored[name].columns.keys()


def _table_differences(expected: Object, stored: Object) -> list[str]:
    name = stored.name
    if stored.type != "table":
        return [f"{name} is a {stored.type}{' table' * (stored.type == 'virtual')}, not a table"]
    differences = []
    if stored.without_rowid and not expected.without_rowid:
        differences.append(f"table {name} is WITHOUT ROWID, while pages are read by rowid")
    if "rowid" in stored.columns and not stored.columns["rowid"].place:
        differences.append(f"table {name} has a column rowid, which hides the row's own")
    for key, column in stored.columns.items():
        if key in expected.columns:
            differences += _column_differences(stored, expected.columns[key], column)
        elif column.required and column.default is None and not column.generated:
            differences.append(
                f"{name}.{column.name} is NOT NULL without a DEFAULT, and nothing here fills it"
            )
    return differences


def _missing_columns(created: Object, stored: Object) -> list[str]:
    """A column that a later migration adds may be missing; those of the table itself may not."""
    missing = [name for name in created.columns if name not in stored.columns]
    if not missing or stored.type != "table":
        return []
    return [f"table {stored.name} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}"]


def _column_differences(table: Object, expected: StoredColumn, stored: StoredColumn) -> list[str]:
    name = f"{table.name}.{stored.name}"
    if stored.generated:
        return [f"{name} is generated, so nothing can be stored in it"]
    differences = []
    kind = _KINDS.get((table.name.lower(), expected.name))
    takes = _NUMBERS if expected.affinity == "INTEGER" else _TEXTS
    free = expected.affinity == "TEXT" and kind not in _FREE_TEXT
    wrong = (
        stored.type not in (expected.type, "ANY") if table.strict else stored.affinity not in takes
    )
    if wrong and (table.strict or not free):
        differences.append(f"{name} is {stored.type}, which cannot hold what {expected.type} does")
    if stored.required and not expected.required:
        differences.append(f"{name} is NOT NULL, while no value is one of its values here")
    return differences

"""Finds which migrations a database amounts to, from what it holds.

Each statement of a migration runs on an empty database to see what it makes; if the database has that, it
need not run. An object of the same name with another definition is a difference, which nothing here repairs.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache

from db.migrating import table_differences
from db.migrating.ledger import Migration
from db.sqlite import catalog
from db.sqlite.catalog import Object

Objects = Mapping[str, Object]


@dataclass(slots=True)
class Recognition:
    """How a database compares with the migrations; `unfit` are the differences of each table that has some.

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
    unfit: dict[str, list[str]] = field(default_factory=dict)
    unique: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a migration, and the catalogs of the empty database before and after it.

    It `makes` the objects that are new, and the tables that get a column.
    """

    migration: str
    sql: str
    before: Objects
    after: Objects
    makes: Sequence[Object]


def recognise(stored: Objects, migrations: Sequence[Migration]) -> Recognition:
    steps = _run_on_empty(tuple(migrations))
    result = Recognition(stored, expected=steps[-1].after)
    definitions: dict[str, list[str]] = defaultdict(list)  # a later migration may replace an index
    for step in steps:
        for each in step.makes:
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
            # A column that a later migration adds may be missing.
            needed = result.created[name].columns
            unfit = [
                *table_differences.of(expected, result.stored[name]),
                *table_differences.missing_columns(needed, result.stored[name]),
            ]
            if unfit:
                result.unfit[name] = unfit
            result.differences += unfit
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
                steps.append(Step(migration.name, sql, before, after, _made(before, after)))
                before = after
    # What a later migration drops for good need not be made.
    return [
        step
        for step in steps
        if not step.makes or any(each.name.lower() in before for each in step.makes)
    ]


def _made(before: Objects, after: Objects) -> list[Object]:
    return [
        each
        for name, each in after.items()
        if name not in before or each.columns.keys() != before[name].columns.keys()
    ]


def _compare(
    result: Recognition, name: str, steps: Sequence[Step], definitions: Mapping[str, Sequence[str]]
) -> None:
    states: list[tuple[str, bool | None]] = []  # None of a statement that makes nothing
    for step in steps:
        missing = [each for each in step.makes if not _has(result.stored, step, each, definitions)]
        if missing:
            result.missing.setdefault(name, []).extend(missing)
        states.append((step.sql, not missing if step.makes else None))
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

"""Which migrations a database amounts to, found by what is in it rather than by what it says.

What each statement of a migration makes is found by running it on an empty database. A statement
whose work is there already need not run; a thing of the same name that is made otherwise is a
difference, which nothing here can put right.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from db.migrating.ledger import Migration
from db.model import column_types
from db.model.column_types import ColumnType
from db.model.tables import TABLES
from db.sqlite import catalog
from db.sqlite.catalog import Object, StoredColumn

Objects = dict[str, Object]

_KINDS: dict[tuple[str, str], ColumnType] = {
    (table.name, name): column.type for table in TABLES for name, column in table.columns.items()
}
_NUMBERS = {"INTEGER", "NUMERIC", "BLOB"}
_TEXTS = {"TEXT", "BLOB"}
# A column that turns texts which look like numbers into numbers spoils free text alone.
_FREE_TEXT = (column_types.TEXT, None)


@dataclass(slots=True)
class Fit:
    """How a database stands to the migrations.

    `there` is what it holds, `wanted` what all the migrations make, `created` the same as each thing
    first was. `amounts_to` are the migrations of which everything is there; of the others
    `statements` are what is still to run and `lacking` what that makes. `differences` says in words
    what cannot be put right. `unique` are the columns, by table, that our statements take for unique
    and nothing keeps so.
    """

    there: Objects
    wanted: Objects = field(default_factory=dict)
    created: Objects = field(default_factory=dict)
    amounts_to: list[str] = field(default_factory=list)
    statements: dict[str, list[str]] = field(default_factory=dict)
    lacking: dict[str, list[Object]] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    unique: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)


def fit(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> Fit:
    """How this database stands to these migrations; it is only read."""
    there = catalog.read(connection)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as scratch:
        found = Fit(there)
        for migration in migrations:
            _look(found, migration, scratch)
    for name, wanted in found.wanted.items():
        if name in there and wanted.type == "table":
            found.differences += _table_differences(wanted, there[name])
            found.differences += _lacking_columns(found.created[name], there[name])
            lacking = wanted.constraints - there[name].unique
            found.unique += [(name, columns) for columns in sorted(lacking)]
    return found


def _look(found: Fit, migration: Migration, scratch: sqlite3.Connection) -> None:
    there = found.there
    steps: list[tuple[str, bool | None]] = []
    for sql in migration.statements():
        before = found.wanted
        scratch.execute(sql)
        found.wanted = catalog.read(scratch)
        made = list(_made(before, found.wanted))
        for each in made:
            found.created.setdefault(each.name, each)
            if each.name in there and each.type != "table":
                found.differences += _differences(each, there[each.name])
        lacking = [each for each in made if not _has(there, before, each)]
        if lacking:
            found.lacking.setdefault(migration.name, []).extend(lacking)
        steps.append((sql, not lacking if made else None))
    if any(done for _, done in steps) and all(done is not False for _, done in steps):
        found.amounts_to.append(migration.name)
    else:
        found.statements[migration.name] = [sql for sql, done in steps if not done]


def _made(before: Objects, after: Objects) -> Iterator[Object]:
    for name, each in after.items():
        if name not in before or each.columns.keys() != before[name].columns.keys():
            yield each


def _has(there: Objects, before: Objects, made: Object) -> bool:
    """Whether a database has the object, or the columns that were added to one."""
    name = made.name.lower()
    if name not in there:
        return False
    if name not in before:
        return True
    return made.columns.keys() - before[name].columns.keys() <= there[name].columns.keys()


def _differences(wanted: Object, found: Object) -> list[str]:
    if found.type == wanted.type and found.meaning == wanted.meaning:
        return []
    return [f"{found.type} {found.name} is another than the {wanted.type} that is made here"]


def _table_differences(wanted: Object, found: Object) -> list[str]:
    name = found.name
    if found.type != "table":
        return [f"{name} is a {found.type}{' table' * (found.type == 'virtual')}, not a table"]
    said = []
    if found.without_rowid and not wanted.without_rowid:
        said.append(f"table {name} is WITHOUT ROWID, while pages are read by rowid")
    if "rowid" in found.columns and not found.columns["rowid"].place:
        said.append(f"table {name} has a column rowid, which hides the row's own")
    for key, column in found.columns.items():
        if key in wanted.columns:
            said += _column_differences(found, wanted.columns[key], column)
        elif column.required and column.default is None and not column.generated:
            said.append(
                f"{name}.{column.name} is NOT NULL without a DEFAULT, and nothing here fills it"
            )
    return said


def _lacking_columns(created: Object, found: Object) -> list[str]:
    """A column that a later migration adds may be lacking; those of the table itself may not."""
    lacking = [name for name in created.columns if name not in found.columns]
    if not lacking or found.type != "table":
        return []
    return [f"table {found.name} lacks the column{'s' * (len(lacking) > 1)} {', '.join(lacking)}"]


def _column_differences(table: Object, wanted: StoredColumn, found: StoredColumn) -> list[str]:
    name = f"{table.name}.{found.name}"
    if found.generated:
        return [f"{name} is generated, so nothing can be stored in it"]
    said = []
    kind = _KINDS.get((table.name.lower(), wanted.name))
    takes = _NUMBERS if wanted.affinity == "INTEGER" else _TEXTS
    free = wanted.affinity == "TEXT" and kind not in _FREE_TEXT
    wrong = found.type not in (wanted.type, "ANY") if table.strict else found.affinity not in takes
    if wrong and (table.strict or not free):
        said.append(f"{name} is {found.type}, which cannot hold what {wanted.type} does")
    if found.required and not wanted.required:
        said.append(f"{name} is NOT NULL, while no value is one of its values here")
    return said

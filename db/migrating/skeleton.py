"""The beginning of a new migration, written from the declared tables."""

import re
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from db.errors import BootRefused
from db.migrating import history_triggers, instant_triggers, ledger
from db.migrating.ledger import Migration
from db.model import column_types
from db.model.tables import TABLES, Column, Table
from db.queries import json_text

NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
HEAD = """\
-- {file}
-- TODO: what this change means, in one or two sentences.
-- TODO: what happens to existing rows, or "Nothing to backfill" and why.
"""
DEFAULT = "-- TODO: the DEFAULT is the value of existing rows.\n"
INDEX = """\
-- Serves lists of {table}: whether any row is non-canonical. The condition names every column, so each new
-- column replaces the index; `chittygraph dev migration` writes it from db/model/tables.py.
DROP INDEX {table}_odd;
CREATE INDEX {table}_odd ON {table} ({key})
WHERE (
    {conditions}
) IS NOT TRUE;
"""
HISTORY = """\
-- Let the history hold the new column; `chittygraph dev migration` writes these triggers.
{drop}
{create}"""
TRIGGERS = """\
-- Let other programs write the new instant in any form; `chittygraph dev migration` writes these triggers.
DROP TRIGGER {table}_canonical_instants;
DROP TRIGGER {table}_canonical_instants_of_new;
{create}"""
DECLARATIONS = {
    column_types.INT: "INTEGER NOT NULL DEFAULT 0",
    column_types.BIG_INT: "INTEGER NOT NULL DEFAULT 0",
    column_types.STRING_LIST: "TEXT NOT NULL DEFAULT '[]'"
    " CHECK (json_valid({name}) AND json_type({name}) = 'array')",
    column_types.OBJECT: "TEXT NOT NULL DEFAULT '{{}}'"
    " CHECK (json_valid({name}) AND json_type({name}) = 'object')",
}


def write(name: str, tables: Collection[str], folder: Path = ledger.MIGRATIONS) -> Path:
    """Write the next migration for columns that none makes yet; raises BootRefused for a malformed name."""
    if not NAME.fullmatch(name):
        raise BootRefused(
            f"{name!r} is not a valid migration name: use lower-case words, such as add_topic_to_contexts"
        )
    migrations = ledger.load(folder)
    path = folder / f"{len(migrations) + 1:04}_{name}.sql"
    parts = [HEAD.format(file=path.name)]
    for table in TABLES:
        if table.name in tables:
            added = _new_columns(table, migrations)
            parts += ["".join(map(_add, [table] * len(added), added)), replace_index(table)]
            if any(column.type is column_types.INSTANT for column in added):
                parts.append(replace_triggers(table))
            parts.append(replace_history(table))
    path.write_text("\n".join(filter(None, parts)), encoding="utf-8")
    return path


def replace_index(table: Table[Any]) -> str:
    conditions = "\n    AND ".join(
        condition.replace(" THEN ", "\n        THEN ")
        for condition in json_text.canonical_conditions(table)
    )
    return INDEX.format(table=table.name, key=table.key, conditions=conditions)


def replace_triggers(table: Table[Any]) -> str:
    create = instant_triggers.create(instant_triggers.of(table))
    return TRIGGERS.format(table=table.name, create=create)


def replace_history(table: Table[Any]) -> str:
    drop = "\n".join(f"DROP TRIGGER {name};" for name in history_triggers.names(table))
    return HISTORY.format(drop=drop, create=history_triggers.create(table))


def _new_columns(table: Table[Any], migrations: Sequence[Migration]) -> list[Column]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as scratch:
        for migration in migrations:
            for statement in migration.statements():
                scratch.execute(statement)
        sql = "SELECT name FROM pragma_table_info(:table)"
        made = {name for (name,) in scratch.execute(sql, {"table": table.name})}
    return [column for name, column in table.columns.items() if name not in made]


def _add(table: Table[Any], column: Column) -> str:
    declaration = DECLARATIONS.get(column.type, "TEXT NOT NULL DEFAULT ''").format(name=column.name)
    note = DEFAULT
    if column.type.names:
        values = ", ".join(f"'{value}'" for value in column.type.names)
        first = next(iter(column.type.names))
        declaration = f"TEXT NOT NULL DEFAULT '{first}' CHECK ({column.name} IN ({values}))"
    if column.nullable:
        declaration, note = re.sub(r" NOT NULL DEFAULT \S+", "", declaration), ""
    return f"{note}ALTER TABLE {table.name} ADD COLUMN {column.name} {declaration};\n"

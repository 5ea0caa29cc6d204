"""What must agree, agrees."""

import contextlib
import enum
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from db import kinds, migrator
from db.tables import TABLES, Column, Table

COLUMNS = """
    SELECT name, type, "notnull" FROM pragma_table_info(:table)
"""
WHOLE_NUMBERS = (kinds.INT, kinds.BIG_INT)


@pytest.fixture
def migrated(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    file = tmp_path / "registry.db"
    migrator.migrate(file)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        yield connection


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_declared_columns_are_those_of_the_migrated_table(migrated, table: Table[Any]):
    declared = {
        (column.name, "INTEGER" if column.kind in WHOLE_NUMBERS else "TEXT", not column.nullable)
        for column in table.columns.values()
    }

    stored = {
        (name, affinity, bool(required))
        for name, affinity, required in migrated.execute(COLUMNS, {"table": table.name})
    }

    assert stored == declared


ENUMERATIONS = [
    pytest.param(table, column, id=f"{table.name}.{column.name}")
    for table in TABLES
    for column in table.columns.values()
    if isinstance(column.kind.python, enum.EnumType)
]
MADE_BY = "SELECT sql FROM sqlite_master WHERE name = :table"


@pytest.mark.parametrize(("table", "column"), ENUMERATIONS)
def test_a_table_takes_exactly_the_values_of_an_enumeration(
    migrated, table: Table[Any], column: Column
):
    values = ", ".join(f"'{member.value}'" for member in column.kind.python)

    (made,) = migrated.execute(MADE_BY, {"table": table.name}).fetchone()

    assert f"CHECK ({column.name} IN ({values}))" in made

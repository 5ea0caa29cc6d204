"""What must agree, agrees."""

import ast
import enum
import functools
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from db.model import column_types
from db.model.tables import TABLES, Column, Table
from tests.support.paths import ROOT, source_files

COLUMNS = """
    SELECT name, type, "notnull" FROM pragma_table_info(:table)
"""
WHOLE_NUMBERS = (column_types.INT, column_types.BIG_INT)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_declared_columns_are_those_of_the_migrated_table(migrated, table: Table[Any]):
    declared = {
        (column.name, "INTEGER" if column.type in WHOLE_NUMBERS else "TEXT", not column.nullable)
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
    if isinstance(column.type.python, enum.EnumType)
]
MADE_BY = "SELECT sql FROM sqlite_master WHERE name = :table"


@pytest.mark.parametrize(("table", "column"), ENUMERATIONS)
def test_a_table_takes_exactly_the_values_of_an_enumeration(
    migrated, table: Table[Any], column: Column
):
    values = ", ".join(f"'{member.value}'" for member in column.type.python)

    (made,) = migrated.execute(MADE_BY, {"table": table.name}).fetchone()

    assert f"CHECK ({column.name} IN ({values}))" in made


ARROW = ("db", "resolvers", "schema", "server")
SOURCES = [path.relative_to(ROOT) for path in source_files(*ARROW)]
LIBRARIES = {"aiosqlite", "cachetools", "httptools", "httpx2", "orjson", "pysqlite3"}
OF_HTTP_AND_GRAPHQL = {"graphql", "strawberry", "starlette", "uvicorn"}
STATEMENT = re.compile(
    r"\b(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|PRAGMA|CREATE (TABLE|INDEX))\b"
)


@functools.cache
def imported(source: Path) -> set[str]:
    """The top-level names of what a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / source).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the package: a relative one hides the arrow"
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_imports_point_one_way(source: Path):
    package = source.parts[0]

    later = ARROW[ARROW.index(package) + 1 :]

    assert imported(source).isdisjoint({*later, "tests", "benchmarks"})


@pytest.mark.parametrize("source", [each for each in SOURCES if each.parts[0] == "db"], ids=str)
def test_the_database_layer_needs_few_libraries(source: Path):
    assert imported(source) <= sys.stdlib_module_names | LIBRARIES | {"db"}


@pytest.mark.parametrize(
    "source", [each for each in SOURCES if each.parts[0] == "resolvers"], ids=str
)
def test_the_rules_know_nothing_of_http_and_graphql(source: Path):
    assert imported(source).isdisjoint(OF_HTTP_AND_GRAPHQL)


@pytest.mark.parametrize("source", [each for each in SOURCES if each.parts[0] != "db"], ids=str)
def test_sql_is_written_in_the_database_layer_only(source: Path):
    texts = [
        node.value
        for node in ast.walk(ast.parse((ROOT / source).read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]

    assert [text for text in texts if STATEMENT.search(text)] == []


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINNED = dict(re.findall(r"^(\S+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
NEEDED = PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]


@pytest.mark.parametrize("needed", NEEDED)
def test_the_lock_pins_a_version_that_is_asked_for(needed: str):
    requirement = Requirement(needed)

    pinned = PINNED.get(canonicalize_name(requirement.name))

    assert pinned is not None, "pin it: see the top of requirements.lock"
    assert requirement.specifier.contains(pinned)


def test_every_package_is_installed():
    packages = {".".join(source.parent.parts) for source in SOURCES}

    assert set(PROJECT["tool"]["setuptools"]["packages"]) == packages | {"migrations"}

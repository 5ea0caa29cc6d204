"""SQLite writes the JSON text of canonical rows, byte for byte as Python writes it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import orjson
import pytest

from db.errors import Unreadable
from db.migrating import migrator
from db.migrating.ledger import MIGRATIONS
from db.model.tables import TABLES, Column, Relation, Table
from db.program import Statement
from db.queries import json_listings, json_text
from db.queries.conditions import EVERYTHING
from db.queries.listings import Listing, Order, PageRange
from schema.compiled.converters import converter
from tests.support.corpus import non_canonical
from tests.support.expectations import sql_plans
from tests.support.expectations.orderings import DIRECT, THROUGH_CONNECTIONS

COLUMNS = [
    pytest.param(table, column, id=f"{table.name}.{column.name}")
    for table in TABLES
    for column in table.columns.values()
    if json_text.has_json_text([("value", column)])
]
CHARACTERS = [
    chr(code) for code in (*range(0x300), *range(0x2000, 0x2070), *range(0xFFF0, 0x10010))
]
INSTANTS = (
    "2026-03-17T09:30:00.000Z",
    "0001-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59.999Z",
    "0000-12-31T23:59:59.999Z",
    "2024-02-29T23:59:59.999Z",
    "2026-02-29T00:00:00.000Z",
    "2026-04-31T00:00:00.000Z",
    "2026-01-01T24:00:00.000Z",
    "2026-01-01T23:59:60.000Z",
    "2026-01-01t00:00:00.000z",
    "2026-01-01T00:00:00.000Z\0",
    "now",
    "now\0",
)
NAMES = ("active", "deleted", "human", "actor", "api", "User", "USER", "all", "all\0")
VALUES = {
    repr(value): value
    for value in (
        *non_canonical.TEXTS,
        *non_canonical.NUMBERS,
        *non_canonical.ANY,
        *non_canonical.INSTANTS,
        *INSTANTS,
        *non_canonical.ENUMS,
        *NAMES,
    )
}


@pytest.fixture(params=TABLES, ids=lambda table: table.name)
def table(request: pytest.FixtureRequest) -> Table[Any]:
    """Each table."""
    found: Table[Any] = request.param
    return found


@pytest.fixture
def loose(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a canonical registry whose tables accept any value."""
    file = tmp_path / "registry.db"
    non_canonical.fill_canonical(file, seed=1)
    non_canonical.loosen(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        yield connection


def count_non_canonical(connection: sqlite3.Connection, table: Table[Any]) -> int:
    sql = f"SELECT count(*) FROM {table.name} WHERE {json_text.non_canonical(table)}"
    ((count,),) = connection.execute(sql)
    return int(count)


def written_by_python(column: Column, stored: Any) -> str | None:
    try:
        (value,) = converter(column)([stored])
    except Unreadable:
        return None
    return orjson.dumps({"value": value}).decode()


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_sqlite_writes_canonical_values_as_python_does(loose, table: Table[Any], column: Column):
    wrong, canonical = [], 0
    rest = f"rowid <> (SELECT min(rowid) FROM {table.name})"
    loose.execute(f"DELETE FROM {table.name} WHERE {rest}")
    for value in VALUES.values():
        with suppress(sqlite3.IntegrityError):  # a rowid takes nothing but whole numbers
            loose.execute(f"UPDATE {table.name} SET {column.name} = :value", {"value": value})
        if count_non_canonical(loose, table):
            continue
        ((found, stored),) = loose.execute(
            f"SELECT {json_text.object_text([('value', column)], 'x')}, x.{column.name}"
            f" FROM {table.name} AS x"
        )
        canonical += 1
        if found != written_by_python(column, stored):
            wrong.append((stored, found))

    assert wrong == []
    assert canonical > 0


def test_sqlite_writes_every_character_as_python_does(migrated):
    wrong = [
        character
        for character in CHARACTERS
        for text in (character, f"a{character}b" * 20)
        for found in migrated.execute("SELECT json_object('a', :text)", {"text": text})
        if found[0].encode() != orjson.dumps({"a": text})
    ]

    assert wrong == []


def test_rows_that_the_schema_can_express_are_canonical(loose, table: Table[Any]):
    assert count_non_canonical(loose, table) == 0


def test_the_index_of_non_canonical_rows_matches_the_declared_columns(migrated, table: Table[Any]):
    ((sql,),) = migrated.execute(
        "SELECT sql FROM sqlite_schema WHERE name = :name", {"name": f"{table.name}_odd"}
    )

    where = json_text.non_canonical(table)
    declared = f"CREATE INDEX {table.name}_odd ON {table.name} ({table.key}) WHERE {where}"

    assert "".join(sql.split()) == "".join(declared.split()), (
        f"a migration makes it anew:\n\nDROP INDEX {table.name}_odd;\n\n{declared};\n"
    )


@pytest.mark.parametrize("analyzed", [False, True])
def test_that_index_tells_whether_any_row_is_non_canonical(
    loose, table: Table[Any], analyzed: bool
):
    if analyzed:
        loose.execute("ANALYZE")

    asked = Statement(
        f"SELECT EXISTS (SELECT 1 FROM {table.name} WHERE {json_text.non_canonical(table)})"
    )
    found = " ".join(sql_plans.plan(loose, asked)).replace("COVERING ", "")

    assert f"{table.name} USING INDEX {table.name}_odd" in found


@pytest.mark.parametrize(
    "relation",
    [*DIRECT.values(), *THROUGH_CONNECTIONS.values()],
    ids=[*DIRECT, *THROUGH_CONNECTIONS],
)
def test_a_page_of_json_text_walks_the_same_indexes_as_other_pages(
    migrated, relation: Relation[Any]
):
    child = relation.child
    listing = Listing(child, relation, EVERYTHING, live=True)
    page_range = PageRange((Order(child.newest, True), Order(child.key, True)), 21)
    members = [("key", child.columns[child.key])]

    arrays = json_listings.page(listing, page_range, [child.key]).of("[]")
    spelled = json_listings.text_page(listing, page_range, [child.key], members).of("[]")

    walked = [step for step in sql_plans.plan(migrated, spelled) if step.startswith("SE")]
    assert walked == 2 * [
        step for step in sql_plans.plan(migrated, arrays) if step.startswith("SE")
    ]


def test_migrating_an_older_registry_indexes_its_non_canonical_rows(tmp_path):
    older, file = tmp_path / "older", tmp_path / "registry.db"
    older.mkdir()
    for migration in sorted(MIGRATIONS.glob("*.sql"))[:9]:
        (older / migration.name).write_text(migration.read_text())
    migrator.migrate(file, older)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)"
            " VALUES ('CHITTY-ACTOR-ADA', 'human', 'now', 'now')"
        )

        migrator.migrate(file)

        assert [count_non_canonical(connection, table) for table in TABLES] == [1, 0, 0, 0]

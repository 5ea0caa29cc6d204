"""Triggers bring the instants that other programs write to canonical form."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db.errors import BootRefused
from db.migrating import instant_triggers, ledger, migrator, skeleton
from db.migrating.instant_triggers import WRITTEN, Written
from db.migrating.ledger import MIGRATIONS
from db.model.tables import CONTEXTS, TABLES
from tests.support.registries import legacy_registries
from tests.support.registries.databases import new_registry

NAIVE, NAIVE_LATER = "2026-01-01 23:00:05", "2026-01-02 01:30"
CANONICAL, CANONICAL_LATER = "2026-01-01T23:00:05.000Z", "2026-01-02T01:30:00.000Z"
# What a trigger writes counts too.
WITH_ITS_CHANGE = 2
COLUMNS = 'SELECT name, type, pk FROM pragma_table_info(:table) WHERE "notnull" OR pk'
ACTOR = (
    "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at) VALUES ('A', 'human', ?, ?)"
)
SEEN = "SELECT created_at, updated_at, last_seen_at FROM actors"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return new_registry(tmp_path / "registry.db")


@pytest.fixture(params=[False, True], ids=["once", "recursive"])
def connection(file: Path, request: pytest.FixtureRequest) -> Iterator[sqlite3.Connection]:
    """A connection of another program, in whose triggers others may act or not."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA recursive_triggers = {int(request.param)}")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        yield connection


def put(connection: sqlite3.Connection, table: str, **values: Any) -> None:
    """A row with these values, and something where there must be a value."""
    names = [name for name, *_ in connection.execute(COLUMNS, {"table": table})]
    row = {**{name: 1 if name in ("installation_id", "rank") else "x" for name in names}, **values}
    marks = ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT OR REPLACE INTO {table} ({', '.join(row)}) VALUES ({marks})", row)


def instants(connection: sqlite3.Connection, written: Written) -> list[Any]:
    sql = f"SELECT {', '.join(written.instants)} FROM {written.table}"
    (values,) = connection.execute(sql).fetchall()
    return list(values)


def without_spaces(sql: str) -> str:
    return "".join(sql.split())


def test_every_table_whose_instants_are_compared_has_them():
    of_lists = {table.name for table in TABLES}

    assert of_lists <= {written.table for written in WRITTEN}
    assert len(WRITTEN) == len({written.table for written in WRITTEN})


@pytest.mark.parametrize("written", WRITTEN, ids=lambda each: each.table)
def test_the_migrated_ones_are_those_declared(file: Path, written: Written):
    with closing(sqlite3.connect(file)) as connection:
        made = connection.execute(
            "SELECT sql FROM sqlite_schema"
            " WHERE type = 'trigger' AND tbl_name = ? AND name LIKE '%instants%'"
            " ORDER BY name",
            (written.table,),
        ).fetchall()

    declared = instant_triggers.create(written)
    assert without_spaces(";".join(sql for (sql,) in made) + ";") == without_spaces(declared), (
        f"a migration makes them anew:\n\n{declared}"
    )


@pytest.mark.parametrize("written", WRITTEN, ids=lambda each: each.table)
def test_each_instant_of_a_table_is_converted_however_it_is_written(connection, written: Written):
    put(connection, written.table, **dict.fromkeys(written.instants, NAIVE))
    inserted = instants(connection, written)
    for name in written.instants:
        connection.execute(f"UPDATE {written.table} SET {name} = ?", (NAIVE_LATER,))
    updated = instants(connection, written)
    put(connection, written.table, **dict.fromkeys(written.instants, 1761072726))
    replaced = instants(connection, written)

    assert inserted == [CANONICAL] * len(written.instants)
    assert updated == [CANONICAL_LATER] * len(written.instants)
    assert replaced == ["2025-10-21T18:52:06.000Z"] * len(written.instants)


def test_an_upsert_converts_too(connection):
    put(connection, "actors", created_at=CANONICAL, updated_at=CANONICAL)

    connection.execute(
        "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)"
        " VALUES ('x', 'human', ?, ?) ON CONFLICT DO UPDATE SET last_seen_at = excluded.updated_at",
        (NAIVE, NAIVE),
    )

    assert connection.execute(SEEN).fetchall() == [(CANONICAL, CANONICAL, CANONICAL)]


def test_what_cannot_be_read_stays_and_the_rest_is_converted(connection):
    for unreadable in ("yesterday", "2026-02-30", "2026-01-01T23:60:00.000Z", b"x", None):
        put(connection, "actors", created_at=NAIVE, updated_at=NAIVE_LATER, last_seen_at=unreadable)
        inserted = connection.execute(SEEN).fetchall()
        connection.execute("UPDATE actors SET created_at = ?, last_seen_at = 'x'", (NAIVE_LATER,))
        connection.execute("UPDATE actors SET updated_at = ?", (NAIVE,))

        assert inserted == [(CANONICAL, CANONICAL_LATER, unreadable)]
        assert connection.execute(SEEN).fetchall() == [(CANONICAL_LATER, CANONICAL, "x")]


def test_an_empty_text_is_null_where_there_may_be_none_but_not_in_keys(connection):
    put(connection, "actors", created_at=NAIVE, updated_at=NAIVE, last_seen_at="")
    put(connection, "api_keys", created_at=NAIVE, expires_at="")

    assert connection.execute(SEEN).fetchall() == [(CANONICAL, CANONICAL, None)]
    assert connection.execute("SELECT expires_at FROM api_keys").fetchall() == [("",)]


def test_a_missing_instant_is_the_nearest_of_the_row_as_in_a_repair(tmp_path: Path):
    file = legacy_registries.by_hand(tmp_path / "registry.db", loosely=True)
    migrator.migrate(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("UPDATE contexts SET created_at = NULL, updated_at = ?", (NAIVE_LATER,))
        connection.execute("UPDATE installations SET installed_at = ?, updated_at = NULL", (NAIVE,))
        connection.execute("UPDATE connections SET created_at = NULL, updated_at = NULL")

        contexts = connection.execute("SELECT created_at, updated_at FROM contexts")
        assert contexts.fetchall() == [(CANONICAL_LATER, CANONICAL_LATER)]
        installations = connection.execute("SELECT installed_at, updated_at FROM installations")
        assert installations.fetchall() == [(CANONICAL, CANONICAL)]
        connections = connection.execute("SELECT created_at, updated_at FROM connections")
        assert connections.fetchall() == [(None, None)]


def test_canonical_rows_are_written_once(connection):
    # It writes rows too: those of the index of searches.
    connection.execute("DROP TRIGGER actors_search_of_new")
    before = connection.total_changes
    connection.execute(ACTOR, (CANONICAL, CANONICAL))
    connection.execute("UPDATE actors SET updated_at = ?", (CANONICAL_LATER,))

    assert connection.total_changes == before + 2 * WITH_ITS_CHANGE


def test_the_writing_program_is_told_of_its_own_rows_alone(connection):
    returned = connection.execute(f"{ACTOR} RETURNING created_at", (NAIVE, NAIVE)).fetchall()
    inserted = connection.execute("SELECT changes(), last_insert_rowid()").fetchall()
    connection.execute("UPDATE actors SET last_seen_at = datetime('now')")

    assert returned == [(NAIVE,)]
    assert inserted == [(1, 1)]
    assert connection.execute("SELECT changes()").fetchall() == [(1,)]


def test_a_trigger_of_others_that_sets_the_time_works_beside_them(connection):
    connection.execute(
        "CREATE TRIGGER touch AFTER UPDATE ON actors WHEN NEW.updated_at = OLD.updated_at BEGIN"
        f" UPDATE actors SET updated_at = '{NAIVE_LATER}' WHERE chitty_id = NEW.chitty_id; END"
    )
    connection.execute(ACTOR, (NAIVE, NAIVE))
    connection.execute("UPDATE actors SET display_name = 'Ada'")

    assert connection.execute(SEEN).fetchall() == [(CANONICAL, CANONICAL_LATER, None)]


def test_migrating_an_older_registry_converts_what_it_holds(tmp_path: Path):
    older, file = tmp_path / "older", tmp_path / "registry.db"
    older.mkdir()
    for migration in sorted(MIGRATIONS.glob("*.sql"))[:17]:
        (older / migration.name).write_text(migration.read_text())
    migrator.migrate(file, older)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for written in WRITTEN:
            put(connection, written.table, **dict.fromkeys(written.instants, NAIVE))

        migrator.migrate(file)

        for written in WRITTEN:
            assert instants(connection, written) == [CANONICAL] * len(written.instants)


def test_a_registry_without_them_is_refused_until_check_restores_them_and_its_instants(file: Path):
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER actors_canonical_instants_of_new")
        connection.execute(ACTOR, (NAIVE, NAIVE))

        with pytest.raises(
            BootRefused, match="trigger actors_canonical_instants_of_new is missing"
        ):
            migrator.migrate(file)
        migrator.repair(file)

        assert connection.execute(SEEN).fetchall() == [(CANONICAL, CANONICAL, None)]
        connection.execute("UPDATE actors SET chitty_id = 'B'")
        connection.execute(ACTOR, (NAIVE, NAIVE))
        assert connection.execute(f"{SEEN} WHERE chitty_id = 'A'").fetchall() == [
            (CANONICAL, CANONICAL, None)
        ]


def test_the_skeleton_of_a_migration_replaces_them_for_a_new_instant(tmp_path: Path):
    migrator.migrate(tmp_path / "registry.db")
    replacing = ledger.Migration("9999_replace", skeleton.replace_triggers(CONTEXTS))
    with closing(sqlite3.connect(tmp_path / "registry.db", isolation_level=None)) as connection:
        for statement in replacing.statements():
            connection.execute(statement)
        connection.execute("PRAGMA ignore_check_constraints = ON")
        put(connection, "contexts", created_at=NAIVE, updated_at=NAIVE, deleted_at=NAIVE)

        found = connection.execute("SELECT created_at, updated_at, deleted_at FROM contexts")
        assert found.fetchall() == [(CANONICAL, CANONICAL, CANONICAL)]

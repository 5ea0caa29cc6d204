"""What wrangler's ledger of migrations says is trusted only where the tables agree."""

import contextlib
import sqlite3
from pathlib import Path

from db.migrating import migrator, wrangler
from tests.support.other_programs.wrangler import FILES, older_migrations

NAMES = [name.removesuffix(".sql") for name in FILES]


def select(file: Path, sql: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return connection.execute(sql).fetchall()


def test_a_migration_that_wrangler_lists_but_nobody_ran_is_run(tmp_path: Path):
    file = tmp_path / "registry.db"
    migrator.migrate(file, older_migrations(tmp_path))
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO d1_migrations (name) VALUES (?)", [FILES[-1]])
        connection.execute("INSERT INTO d1_migrations (name) VALUES (?)", [FILES[-2]])

    applied = migrator.migrate(file)

    assert applied == NAMES[-2:]


def test_wranglers_ledger_keeps_the_migrations_of_others(tmp_path: Path):
    file = tmp_path / "registry.db"
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(wrangler.CREATE)
        connection.execute("INSERT INTO d1_migrations (name) VALUES ('0001_make_tea.sql')")

    migrator.migrate(file)

    named = [name for (name,) in select(file, "SELECT name FROM d1_migrations ORDER BY id")]
    assert named == ["0001_make_tea.sql", *FILES]


def test_a_table_that_only_has_the_name_of_wranglers_ledger_stays_unchanged(tmp_path: Path):
    file = tmp_path / "registry.db"
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE d1_migrations (flock TEXT, headed_for TEXT NOT NULL)")

    applied = migrator.migrate(file)

    assert applied == NAMES
    assert select(file, "SELECT * FROM d1_migrations") == []

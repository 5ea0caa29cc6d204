"""Backups and dumps keep the history; imports, adoption and repairs make one of their own. Each is true."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from db.audit import verification
from tests.support.registries import legacy_registries
from tests.support.registries.databases import demo_registry, elsewhere, opened
from tests.support.registries.histories import prune_some
from tests.support.services.commands import command

TABLES = ("changes", "checkpoint")
SUMMARY = "SELECT cause, operation, count(*) FROM changes GROUP BY 1, 2 ORDER BY 1, 2"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_registry(tmp_path_factory.mktemp("demo") / "registry.db")


@pytest.fixture
async def file(demo: Path, tmp_path: Path) -> Path:
    """A registry with a history that was pruned in part."""
    file = Path(shutil.copy(demo, tmp_path / "registry.db"))
    with elsewhere(file) as connection:
        connection.execute("UPDATE contexts SET name = name || '!'")
    async with opened(file) as db:
        await prune_some(db, "2999-01-01T00:00:00.000Z", most=100, portions=6)
    return file


def run(*words: object) -> str:
    done = command(*words)
    assert done.returncode == 0, done
    return done.stdout


def rows(file: Path, sql: str) -> list[Any]:
    with elsewhere(file) as connection:
        found: list[Any] = connection.execute(sql).fetchall()
        return found


def differences(file: Path) -> list[str]:
    with verification.snapshot(file) as connection:
        return [str(each) for each in verification.verify(connection)]


def assert_same_history(file: Path, other: Path) -> None:
    for table in TABLES:
        assert rows(other, f"SELECT * FROM {table}") == rows(file, f"SELECT * FROM {table}")
    assert rows(other, "SELECT max(sequence) > 600 FROM changes") == [(1,)]
    assert differences(other) == []


async def test_a_backup_keeps_the_history(file, tmp_path):
    run("backup", tmp_path / "backup.db", "--database", file)
    run("restore", tmp_path / "backup.db", "--database", tmp_path / "new.db")

    assert_same_history(file, tmp_path / "new.db")


async def test_a_dump_keeps_the_history_and_the_order_of_triggers(file, tmp_path):
    triggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid"
    run("export", "--sql", "--output", tmp_path / "dump.sql", "--database", file)
    run("restore", tmp_path / "dump.sql", "--database", tmp_path / "new.db")

    assert_same_history(file, tmp_path / "new.db")
    assert rows(tmp_path / "new.db", triggers) == rows(file, triggers)


async def test_rows_that_are_imported_begin_a_history_of_their_own(file, tmp_path):
    new = tmp_path / "new.db"
    run("export", "--jsonl", "--output", tmp_path / "rows.jsonl", "--database", file)
    run("import", tmp_path / "rows.jsonl", "--as-stored", "--database", new)

    lines = (tmp_path / "rows.jsonl").read_text().splitlines()
    count = sum("installation_facts" not in line for line in lines)
    assert rows(new, SUMMARY) == [("import", "created", count)]
    assert len(rows(new, "SELECT DISTINCT at FROM changes")) == 1
    assert differences(new) == []


async def test_rows_that_an_import_replaces_are_updated(file, tmp_path):
    line = json.loads(run("export", "--jsonl", "contexts", "--database", file).partition("\n")[0])
    before = rows(file, "SELECT max(sequence) FROM changes")[0][0]
    (tmp_path / "one.jsonl").write_text(json.dumps({**line, "tools": ["hammer"]}) + "\n")

    run("import", tmp_path / "one.jsonl", "--update", "--database", file)

    found = rows(
        file,
        f"SELECT kind, key, operation, cause, after ->> 'tools' FROM changes WHERE sequence > {before}",
    )
    assert found == [("contexts", line["chitty_id"], "updated", "import", '["hammer"]')]
    assert differences(file) == []


def test_a_registry_that_is_adopted_and_repaired_has_a_true_history(tmp_path):
    file = tmp_path / "registry.db"
    with legacy_registries.opened(file) as connection:
        connection.executescript(legacy_registries.TABLES)
        legacy_registries.fill(connection)

    run("migrate", "--database", file)

    assert rows(file, "SELECT count(*) > 0 FROM changes") == [(1,)]
    assert differences(file) == []


async def test_a_repair_is_recorded_under_its_name(file):
    with elsewhere(file) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE contexts SET tools = 'a, b' WHERE rowid = 1")
    before = rows(file, "SELECT max(sequence) FROM changes")[0][0]

    run("check", "--fix", "--database", file)

    found = rows(file, f"SELECT kind, operation, cause FROM changes WHERE sequence > {before}")
    assert found == [("contexts", "updated", "repair")]
    assert differences(file) == []


@pytest.mark.parametrize("table", ["actors", "contexts", "installations", "connections", *TABLES])
async def test_a_table_that_is_made_anew_leaves_a_true_history(file, table):
    with elsewhere(file) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(f"DROP TABLE {table}")

    run("migrate", "--recreate", table, "--database", file)

    assert differences(file) == []

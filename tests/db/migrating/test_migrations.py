"""Migrations are applied one whole file at a time, also when several processes boot."""

import contextlib
import logging
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from db.errors import BootRefused
from db.migrating import ledger, migrator, schema_comparison

ROOT = ledger.MIGRATIONS.parent
NAMES = [path.stem for path in sorted(ledger.MIGRATIONS.glob("*.sql"))]
MIGRATE = """
import sys
from pathlib import Path
from db.migrating import migrator
print("ready", flush=True)
sys.stdin.readline()
print(*migrator.migrate(*map(Path, sys.argv[1:])))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "migrations"
    path.mkdir()
    return path


def rows(file: Path, sql: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        return connection.execute(sql).fetchall()


def copy_of_migrations(folder: Path, upto: int = len(NAMES)) -> None:
    for name in NAMES[:upto]:
        text = (ledger.MIGRATIONS / f"{name}.sql").read_text()
        (folder / f"{name}.sql").write_text(text)


def booting(*args: Path) -> subprocess.Popen[str]:
    """A process that has imported all it needs and migrates as soon as it is sent a line."""
    return subprocess.Popen(
        [sys.executable, "-c", MIGRATE, *map(str, args)],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[str]) -> list[str]:
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    return out.split()


def wait_until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def start(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_a_new_database_gets_every_migration_in_order(file: Path):
    applied = migrator.migrate(file)

    assert applied == NAMES
    assert NAMES[:4] == [
        "0001_create_contexts_table",
        "0002_create_installations_table",
        "0003_create_actors_table",
        "0004_create_connections_table",
    ]
    assert migrator.inspect(file) == migrator.Status(True, tuple(NAMES), ())
    assert rows(file, "PRAGMA journal_mode") == [("wal",)]


def test_a_database_that_lacks_nothing_gets_a_log_again(file: Path):
    migrator.migrate(file)
    assert rows(file, "PRAGMA journal_mode = DELETE") == [("delete",)]

    applied = migrator.migrate(file)

    assert applied == []
    assert rows(file, "PRAGMA journal_mode") == [("wal",)]


def test_migrating_twice_applies_nothing_and_changes_no_byte(file: Path):
    migrator.migrate(file)
    before = file.read_bytes()

    again = migrator.migrate(file)

    assert again == []
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_inspecting_a_missing_database_creates_none(file: Path):
    status = migrator.inspect(file)

    assert (status.exists, status.version, list(status.pending)) == (False, None, NAMES)
    assert not file.exists()


def test_an_older_database_gets_only_the_missing_migrations(file: Path, folder: Path):
    copy_of_migrations(folder, upto=4)
    migrator.migrate(file, folder)

    status = migrator.inspect(file)
    applied = migrator.migrate(file)

    assert status.version == NAMES[3]
    assert list(status.pending) == applied == NAMES[4:]


def test_eight_processes_booting_at_once_apply_each_migration_once(file: Path):
    processes = [booting(file) for _ in range(8)]
    for process in processes:
        wait_until_ready(process)

    for process in processes:
        start(process)
    applied = [name for process in processes for name in finish(process)]

    assert sorted(applied) == NAMES
    assert rows(file, "SELECT count(*) FROM chittygraph_migrations") == [(len(NAMES),)]
    assert rows(file, "PRAGMA integrity_check") == [("ok",)]
    assert list(file.parent.iterdir()) == [file]


def test_a_boot_killed_within_a_migration_leaves_the_one_before(file: Path, folder: Path):
    (folder / "0001_pace.sql").write_text(
        "CREATE TABLE pace (steps); INSERT INTO pace VALUES (1000000000000);"
    )
    (folder / "0002_slow.sql").write_text(
        "CREATE TABLE half (step);"
        "INSERT INTO half WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < (SELECT steps FROM pace)) SELECT max(i) FROM n;"
    )
    process = booting(file, folder)
    start(process)
    try:
        wait_until_writing(file)
    finally:
        process.kill()
        process.communicate()

    assert migrator.inspect(file, folder).applied == ("0001_pace",)
    assert rows(file, "SELECT name FROM sqlite_master WHERE name = 'half'") == []
    rows(file, "UPDATE pace SET steps = 3")
    assert migrator.migrate(file, folder) == ["0002_slow"]
    assert rows(file, "SELECT step FROM half") == [(3,)]


def wait_until_writing(file: Path) -> None:
    """Return once the first migration is in and another process holds the write lock."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if file.exists() and one_has_run(file) and is_locked(file):
            return
        time.sleep(0.02)
    pytest.fail("the slow migration never started")


def one_has_run(file: Path) -> bool:
    return rows(file, "SELECT count(*) FROM chittygraph_migrations") == [(1,)]


def is_locked(file: Path) -> bool:
    with contextlib.closing(sqlite3.connect(file, timeout=0.3)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
    return False


def test_a_failing_migration_is_named_and_leaves_the_ones_before(file: Path, folder: Path):
    (folder / "0001_good.sql").write_text("CREATE TABLE good (x);")
    (folder / "0002_bad.sql").write_text("CREATE TABLE bad (x);\nINSERT INTO nowhere VALUES (1);")

    with pytest.raises(BootRefused, match=r"0002_bad\.sql failed at statement 2: no such table"):
        migrator.migrate(file, folder)

    assert migrator.inspect(file, folder).applied == ("0001_good",)
    assert rows(file, "SELECT name FROM sqlite_master WHERE name = 'bad'") == []


def test_a_sqlite_that_lacks_what_search_needs_is_told_from_a_wrong_file(file: Path, folder: Path):
    text = "CREATE VIRTUAL TABLE words USING fts9 (word);"
    (folder / "0001_words.sql").write_text(text)

    with pytest.raises(BootRefused, match="built without fts9, which search needs: use a build"):
        migrator.migrate(file, folder)

    with pytest.raises(
        BootRefused, match="cannot be used here: SQLite there was built without fts9"
    ):
        schema_comparison.made_by(ledger.load(folder))


def test_foreign_keys_hold_within_a_migration(file: Path, folder: Path):
    (folder / "0001_orphan.sql").write_text(
        "CREATE TABLE parents (id INTEGER PRIMARY KEY);"
        "CREATE TABLE children (parent INTEGER REFERENCES parents (id));"
        "INSERT INTO children VALUES (1);"
    )

    with pytest.raises(BootRefused, match="FOREIGN KEY"):
        migrator.migrate(file, folder)


def test_semicolons_in_triggers_strings_and_comments_end_no_statement(file: Path, folder: Path):
    (folder / "0001_tricky.sql").write_text(
        "-- a comment; with one\nCREATE TABLE t (x TEXT); /* and; another */\n"
        "CREATE TRIGGER once AFTER INSERT ON t BEGIN"
        " DELETE FROM t; INSERT INTO t VALUES ('a;b'); END;"
        "INSERT INTO t VALUES ('c;d')\n"
        "-- the end; without a statement\n"
    )

    migrator.migrate(file, folder)

    assert rows(file, "SELECT x FROM t") == [("a;b",)]


def test_other_line_endings_do_not_count_as_an_edit(file: Path, folder: Path):
    migrator.migrate(file)
    copy_of_migrations(folder)
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert migrator.pending(file, folder) == []


@pytest.mark.parametrize("look", [migrator.migrate, migrator.pending])
def test_an_edited_migration_that_ran_is_refused(file: Path, folder: Path, look):
    migrator.migrate(file)
    before = file.read_bytes()
    copy_of_migrations(folder)
    (folder / f"{NAMES[2]}.sql").write_text("CREATE TABLE actors (x);")

    with pytest.raises(BootRefused, match=rf"{NAMES[2]}\.sql was edited after it ran on .*restore"):
        look(file, folder)

    assert file.read_bytes() == before
    assert rows(file, "SELECT count(*) FROM actors") == [(0,)]


@pytest.mark.parametrize("look", [migrator.migrate, migrator.pending])
def test_a_database_newer_than_the_code_is_refused(file: Path, folder: Path, look):
    migrator.migrate(file)
    before = file.read_bytes()
    copy_of_migrations(folder, upto=len(NAMES) - 1)

    with pytest.raises(BootRefused, match=f"newer than this chittygraph.*{NAMES[-1]}"):
        look(file, folder)

    assert file.read_bytes() == before
    assert list(file.parent.glob("registry*")) == [file]


@pytest.mark.parametrize(
    "names",
    [["0002_b"], ["0001_a", "0003_c"], ["0001_a", "0001_b"], ["0001_a", "0002_b", "later"]],
)
def test_numbers_that_leave_a_gap_or_repeat_are_refused(file: Path, folder: Path, names: list[str]):
    for name in names:
        (folder / f"{name}.sql").write_text("SELECT 1;")

    with pytest.raises(BootRefused, match="each number once and none left out"):
        migrator.migrate(file, folder)

    assert not file.exists()


def test_a_folder_without_migrations_is_refused(file: Path, folder: Path):
    with pytest.raises(BootRefused, match="the installation is incomplete"):
        migrator.migrate(file, folder)


@pytest.mark.parametrize("word", ["COMMIT", "begin", "PRAGMA user_version = 1", "VACUUM"])
def test_a_migration_may_not_end_its_transaction(file: Path, folder: Path, word: str):
    (folder / "0001_sly.sql").write_text(f"CREATE TABLE t (x);\n-- why not\n{word};")

    with pytest.raises(BootRefused, match="which a migration may not"):
        migrator.migrate(file, folder)

    assert rows(file, "SELECT name FROM sqlite_master WHERE name = 't'") == []


def test_a_restored_copy_goes_back_to_a_write_ahead_log(file: Path):
    migrator.migrate(file)
    copy = file.with_name("copy.db")
    rows_outside_a_transaction(file, f"VACUUM INTO '{copy}'")

    applied = migrator.migrate(copy)

    assert applied == []
    assert rows(copy, "PRAGMA journal_mode") == [("wal",)]


def rows_outside_a_transaction(file: Path, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(sql)


@pytest.mark.parametrize("name", NAMES)
def test_a_migration_opens_with_its_name_and_stays_within_what_d1_accepts(name: str):
    text = (ledger.MIGRATIONS / f"{name}.sql").read_text()

    assert text.startswith(f"-- {name}.sql\n-- ")
    for word in ("CURRENT_TIMESTAMP", "datetime('now')", " TEMP ", "TEMPORARY"):
        assert word not in text
    for pattern in re.findall(r"(?:GLOB|LIKE) '([^']*)'", text):
        assert len(pattern) <= 50
    assert max(map(len, text.split(";\n\n"))) < 100_000


def test_of_duplicate_active_connections_the_newest_stays(file: Path, folder: Path):
    copy_of_migrations(folder, upto=4)
    migrator.migrate(file, folder)
    # As another program made it: no constraint of ours but the key, and times in two forms.
    rows(file, "DROP TABLE connections")
    rows(
        file,
        "CREATE TABLE connections (connection_id TEXT UNIQUE, source_chitty_id TEXT, source_type TEXT,"
        " target_service TEXT, target_endpoint TEXT, connection_type TEXT, credentials_kv_key TEXT,"
        " status TEXT, last_health_check TEXT, last_error TEXT, error_count, request_count,"
        " last_used_at TEXT, config TEXT, created_at TEXT, updated_at TEXT, disconnected_at TEXT)",
    )
    for key, endpoint, status, created in [
        ("old", "NULL", "active", "2025-10-21T10:00:00.000Z"),
        ("new", "NULL", "active", "2025-10-21 18:52:06"),
        ("blank", "''", "active", "2025-10-20 00:00:00"),
        ("elsewhere", "'/v2'", "active", "2025-10-01 00:00:00"),
        ("failed", "NULL", "failed", "2025-10-01 00:00:00"),
        ("tied-a", "'/v3'", "active", "2025-10-01 00:00:00"),
        ("tied-b", "'/v3'", "active", "2025-10-01T00:00:00.000Z"),
    ]:
        rows(
            file,
            "INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service,"
            " target_endpoint, status, created_at, updated_at) VALUES"
            f" ('{key}', 'CHITTY-A', 'actor', 'github', {endpoint},"
            f" '{status}', '{created}', '2025-10-22 00:00:00')",
        )

    migrator.migrate(file)

    assert rows(
        file, "SELECT connection_id, status, updated_at FROM connections ORDER BY rowid"
    ) == [
        ("old", "inactive", "2025-10-22T00:00:00.001Z"),
        ("new", "active", "2025-10-22T00:00:00.000Z"),
        ("blank", "inactive", "2025-10-22T00:00:00.001Z"),
        ("elsewhere", "active", "2025-10-22T00:00:00.000Z"),
        ("failed", "failed", "2025-10-22T00:00:00.000Z"),
        ("tied-a", "inactive", "2025-10-22T00:00:00.001Z"),
        ("tied-b", "active", "2025-10-22T00:00:00.000Z"),
    ]


def test_actors_that_share_a_principal_lose_it_and_the_old_value_is_kept(file: Path, folder: Path):
    copy_of_migrations(folder, upto=14)
    migrator.migrate(file, folder)
    for key, principal in [("a", "'shared'"), ("b", "'shared'"), ("c", "'own'"), ("d", "NULL")]:
        rows(
            file,
            "INSERT INTO actors (chitty_id, actor_type, chitty_auth_principal_id, created_at,"
            f" updated_at) VALUES ('{key}', 'human', {principal}, '2025-10-22T00:00:00.000Z',"
            " '2025-10-22T00:00:00.000Z')",
        )

    migrator.migrate(file)

    assert rows(file, "SELECT chitty_id, chitty_auth_principal_id, updated_at FROM actors") == [
        ("a", None, "2025-10-22T00:00:00.001Z"),
        ("b", None, "2025-10-22T00:00:00.001Z"),
        ("c", "own", "2025-10-22T00:00:00.000Z"),
        ("d", None, "2025-10-22T00:00:00.000Z"),
    ]
    assert rows(file, "SELECT row_key, value_before, value_after FROM replaced_values") == [
        ("a", "shared", None),
        ("b", "shared", None),
    ]
    assert rows(file, "SELECT table_name, problem, row_count FROM repairs") == [
        ("actors", "shared by several actors", 2)
    ]
    with pytest.raises(sqlite3.IntegrityError, match="chitty_auth_principal_id"):
        rows(file, "UPDATE actors SET chitty_auth_principal_id = 'own' WHERE chitty_id = 'd'")


def test_one_index_of_a_source_replaces_seven_even_if_one_was_lost(file: Path, folder: Path):
    copy_of_migrations(folder, upto=18)
    migrator.migrate(file, folder)
    rows(file, "DROP INDEX connections_by_source_and_error_count")

    migrator.migrate(file)

    assert rows(
        file, "SELECT name FROM sqlite_master WHERE name LIKE 'connections_by_source%'"
    ) == [("connections_by_source",)]
    assert migrator.check(file).repairs == []


def test_a_new_registry_has_had_no_repairs(file: Path):
    migrator.migrate(file)

    assert rows(file, "SELECT * FROM repairs UNION ALL SELECT * FROM replaced_values") == []


def test_each_migration_of_a_registry_is_told_before_it_runs(
    file: Path, folder: Path, caplog: pytest.LogCaptureFixture
):
    copy_of_migrations(folder, upto=len(NAMES) - 2)
    with caplog.at_level(logging.INFO, migrator.__name__):
        migrator.migrate(file, folder)  # a new file
        copy_of_migrations(folder)
        migrator.foresee(file, folder)
        assert caplog.messages == ["trying migrations on a copy"]
        caplog.clear()

        migrator.migrate(file, folder)

    told = [record.__dict__["migration"] for record in caplog.records]
    assert caplog.messages == ["migration started"] * 2
    assert told == NAMES[-2:]

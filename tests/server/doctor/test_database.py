"""`doctor` looks at the database without changing it."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from db.migrating import ledger
from tests.support.registries import legacy_registries, relatives
from tests.support.registries.databases import demo_registry, elsewhere, new_registry
from tests.support.running.ordinary_user import ordinary_user
from tests.support.services.doctor import Examination
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, served, url_of

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM actors").fetchall()
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return demo_registry(tmp_path / "registry.db")


def contents(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Each file with its mode and time."""
    return {
        path.name: (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns)
        for path in folder.iterdir()
        if path.is_file()
    }


@contextmanager
def snapshot_held(file: Path) -> Iterator[int]:
    """Another process that reads an old state within, and its id."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def test_a_sound_deployment_has_no_problem_and_stays_unchanged(file: Path):
    before = contents(file.parent)

    found = Examination(file)

    assert (found.code, found.problems(), found.report["problems"]) == (0, [], 0)
    for check in ("sqlite", "database", "integrity", "journal", "schema", "migrations", "clock"):
        assert found.levels(check) == ["ok"], found.found(check)
    assert contents(file.parent) == before


def test_a_missing_database_is_only_a_warning(tmp_path: Path):
    found = Examination(tmp_path / "registry.db")

    assert found.code == 0
    assert "make it with `chittygraph migrate`" in found.found("database")
    assert list(tmp_path.iterdir()) == []


def broken(file: Path, sql: str) -> Path:
    with elsewhere(file) as connection:
        connection.executescript(sql)
    return file


def garbage(file: Path) -> Path:
    with file.open("r+b") as opened:
        opened.seek(4096 * 20)
        opened.write(b"\xa5" * 4096)
    return file


def text(file: Path) -> Path:
    file.write_text("not a database, but long enough\n" * 100)
    return file


def empty(file: Path) -> Path:
    file.write_bytes(b"")
    return file


def newer(file: Path) -> Path:
    return broken(file, "INSERT INTO chittygraph_migrations VALUES ('9999_later', '', '')")


def of_another_program(file: Path) -> Path:
    file.unlink()
    return broken(file, "CREATE TABLE theirs (a)")


def half_written(file: Path) -> Path:
    file.with_name(f"{file.name}-journal").write_bytes(b"half a transaction")
    return file


PROBLEMS: dict[Callable[[Path], Path], tuple[str, str, str]] = {
    garbage: ("integrity", "the file is damaged", "restore a backup"),
    text: ("integrity", "not a SQLite database", "restore it from a backup"),
    empty: ("database", "is empty (0 bytes)", "delete it to begin with a new database"),
    newer: ("migrations", "newer than this chittygraph", "install the version that made it"),
    of_another_program: ("migrations", "was not made by chittygraph", "name another database"),
    half_written: ("integrity", "half a transaction", "start the server"),
}


@pytest.mark.parametrize("make", PROBLEMS, ids=lambda make: make.__name__)
def test_what_stops_a_boot_is_a_problem_and_stays_unchanged(
    file: Path, make: Callable[[Path], Path]
):
    check, says, advice = PROBLEMS[make]
    make(file)
    before = contents(file.parent)

    found = Examination(file)

    assert found.code == 1
    assert check in found.problems()
    assert says in found.found(check)
    assert advice in found.found(check)
    assert contents(file.parent) == before


@pytest.mark.parametrize(
    ("sql", "level", "says"),
    [
        ("DROP TABLE installation_facts", "problem", "table installation_facts is missing"),
        ("DROP INDEX one_actor_per_principal", "problem", "check --fix"),
        ("DROP INDEX contexts_by_name", "warning", "so lists are slow"),
    ],
)
def test_a_schema_that_differs_is_found(file: Path, sql: str, level: str, says: str):
    broken(file, sql)

    found = Examination(file)

    assert found.levels("schema") == [level]
    assert says in found.found("schema")


def test_a_table_that_is_gone_is_one_finding_and_stops_no_other_check(file: Path):
    broken(file, "DROP TABLE api_keys; DROP TABLE contexts")

    found = Examination(file, "--auth", "protected")

    assert found.levels("schema") == ["problem", "problem"]
    assert found.levels("clock") == found.levels("credentials") == ["skipped"]
    assert found.levels("wal") == ["ok"]


def test_pending_migrations_are_a_warning(tmp_path: Path):
    file = tmp_path / "registry.db"
    folder = tmp_path / "migrations"
    folder.mkdir()
    legacy_registries.by_our_files(file, 4)
    with elsewhere(file) as connection:
        connection.execute(ledger.CREATE)
        for migration in ledger.load(ledger.MIGRATIONS)[:4]:
            connection.execute(ledger.RECORD, _record(migration))

    found = Examination(file, "--min-free-mb", "1")

    assert "warning: pending: 0005_connect" in found.found("migrations")
    assert found.levels("schema") == ["ok"]


def _record(migration: ledger.Migration) -> dict[str, str]:
    return {"name": migration.name, "checksum": migration.checksum, "now": "2026-01-01"}


def test_a_registry_that_is_to_be_adopted_is_a_warning(tmp_path: Path):
    found = Examination(legacy_registries.by_hand(tmp_path / "registry.db"))

    assert "chittygraph migrate --check" in found.found("migrations")
    assert found.levels("schema") == ["skipped"]
    assert "turn the write-ahead log on" in found.found("journal")


def test_a_clock_behind_the_newest_row_is_a_warning(file: Path):
    broken(file, "UPDATE contexts SET updated_at = '2199-01-01T00:00:00.000Z'")

    found = Examination(file)

    assert found.code == 0
    assert "seconds behind the newest instant (contexts.updated_at" in found.found("clock")
    assert "set it" in found.found("clock")


def test_a_folder_that_cannot_be_written_is_a_problem_and_all_else_is_looked_at():
    with tempfile.TemporaryDirectory(dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")) as folder:
        path = demo_registry(Path(folder).resolve() / "registry.db")
        Examination(path)  # all is imported
        path.chmod(0o444)
        path.parent.chmod(0o555)
        before = contents(path.parent)

        with ordinary_user():
            found = Examination(path)

        assert "cannot be written" in found.found("database")
        for check in ("integrity", "journal", "schema", "migrations", "clock"):
            assert found.levels(check) == ["ok"], found.found(check)
        assert contents(path.parent) == before
        path.parent.chmod(0o755)


def test_beside_a_server_it_changes_nothing_and_names_the_processes(file: Path):
    with served(file, *QUIET, "--metrics-token", "s3cret-of-metrics-1234", fork=False) as (
        process,
        said,
    ):
        port = said.partition("/graphql")[0].rpartition(":")[2]
        with urlopen(url_of(said, "/readyz"), timeout=TIMEOUT_SECONDS) as ready:
            assert ready.status == 200  # by now it has opened the database
        with elsewhere(file) as connection:
            connection.execute("UPDATE actors SET display_name = 'in the log'")
        log = file.with_name("registry.db-wal")
        before = file.read_bytes(), log.read_bytes()
        assert before[1]

        found = Examination(file, "--port", port)

        # The index beside them has the marks of all readers, this one too.
        assert (file.read_bytes(), log.read_bytes()) == before
        assert f"process {process.pid} (" in found.found("processes")
        assert f"process {process.pid} (" in found.found("open files")
        assert found.levels("server") == ["ok"]
        assert f"process {process.pid} " in found.found("secrets")
        assert "got --metrics-token as a flag" in found.found("secrets")
        assert "s3cret-of-metrics" not in found.done.stdout
        with elsewhere(file) as connection:
            connection.execute("DROP TABLE webhook_deliveries")
        assert "is not ready" in Examination(file, "--port", port).found("server")


def test_the_process_that_keeps_the_log_from_shrinking_is_named(file: Path):
    with snapshot_held(file) as pid:
        with elsewhere(file) as connection:
            connection.execute("UPDATE actors SET display_name = 'later'")

        found = Examination(file)

        assert found.levels("wal") == ["ok"]
        assert f"kept for process {pid} (" in found.found("wal")


def test_a_large_log_that_is_held_is_a_warning(file: Path):
    with snapshot_held(file) as pid:
        with elsewhere(file) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("CREATE TABLE theirs AS SELECT randomblob(70000000)")

        found = Examination(file)

        assert found.levels("wal") == ["warning"]
        assert f"process {pid} (" in found.found("wal")
        assert "end what reads there" in found.found("wal")


def test_a_reader_of_the_newest_state_keeps_nothing(file: Path):
    with elsewhere(file) as connection:
        connection.execute("UPDATE actors SET display_name = 'before'")
    with snapshot_held(file):
        found = Examination(file)

    assert "kept for" not in found.found("wal")


def test_an_empty_registry_can_be_examined(tmp_path: Path):
    found = Examination(new_registry(tmp_path / "registry.db"))

    assert found.code == 0
    assert found.levels("clock") == ["skipped"]


def test_a_registry_of_another_lineage_is_to_be_adopted_and_a_catalogue_is_a_problem(
    tmp_path: Path,
):
    mixed = relatives.made(tmp_path / "mixed.db", relatives.MIXED)
    catalogue = relatives.made(tmp_path / "catalogue.db", relatives.CATALOGUE)

    found = [Examination(path).found("migrations") for path in (mixed, catalogue)]

    assert found[0].startswith("warning: the tables are another program's, not adopted yet")
    assert found[1].startswith(f"problem: {catalogue} holds ChittyConnect's catalogue of services")

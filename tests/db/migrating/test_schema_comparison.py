"""A database that no longer is as its migrations made it is refused by name, and nothing is made anew."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from db.errors import BootRefused
from db.migrating import history_triggers, ledger, migrator
from db.model.tables import CONTEXTS
from server.cli import main
from tests.support.registries.databases import new_registry
from tests.support.registries.legacy_registries import OLD, opened, put, rows

Look = Callable[[Path], object]
LOOKS: list[Look] = [
    *(migrator.migrate, migrator.inspect, migrator.pending, migrator.require_migrated),
    *(migrator.check, migrator.repair),
]
WITHOUT_HISTORY = "".join(f"DROP TRIGGER {name};" for name in history_triggers.names(CONTEXTS))
WITHOUT_TOOLS = f"""
    {WITHOUT_HISTORY}
    ALTER TABLE contexts RENAME COLUMN tools TO instruments
"""
BROKEN = {
    "DROP TABLE installations": "table installations is missing",
    "DROP TABLE webhook_deliveries": "table webhook_deliveries is missing",
    "ALTER TABLE actors RENAME TO people": "table actors is missing",
    WITHOUT_TOOLS: "table contexts lacks the column tools",
    "ALTER TABLE api_keys DROP COLUMN label": "table api_keys lacks the column label",
    "ALTER TABLE contexts ADD COLUMN place TEXT NOT NULL DEFAULT ''; DROP TABLE server_keys": (
        "table server_keys is missing"
    ),
    "DROP TABLE server_keys; CREATE VIEW server_keys AS SELECT 1 AS name, 2 AS value": (
        "server_keys is a view, not a table"
    ),
    "DROP TABLE server_keys; CREATE TABLE server_keys (name INTEGER PRIMARY KEY, value BLOB)": (
        "server_keys.name is INTEGER, which cannot hold what TEXT does"
    ),
    "DROP TABLE server_keys; CREATE TABLE server_keys (name TEXT, value AS (name), created_at)": (
        "server_keys.value is generated, so nothing can be stored in it"
    ),
    "DROP INDEX one_actor_per_principal;"
    "CREATE INDEX one_actor_per_principal ON actors (chitty_auth_principal_id)": (
        "index one_actor_per_principal is another than was made"
    ),
}
LOOSE_CONTEXTS = """
    CREATE TABLE loose AS SELECT * FROM contexts;
    DROP TABLE contexts;
    ALTER TABLE loose RENAME TO contexts;
"""
UNENFORCED = {
    "DROP INDEX one_active_connection_per_endpoint": (
        "index one_active_connection_per_endpoint is missing"
    ),
    LOOSE_CONTEXTS: "rows of contexts may share their chitty_id; rows of contexts may share their name",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return new_registry(tmp_path / "registry.db")


def change(file: Path, sql: str) -> None:
    with opened(file) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.executescript(sql)


def contents(file: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in file.parent.iterdir()}


def names(file: Path) -> list[str]:
    return [name for (name,) in rows(file, "SELECT name FROM sqlite_master ORDER BY name")]


@pytest.mark.parametrize("sql", BROKEN)
def test_what_is_broken_is_named_by_every_look_and_not_made_anew(file: Path, sql: str):
    change(file, sql)
    before = contents(file)

    for look in LOOKS:
        with pytest.raises(BootRefused, match="is not as its migrations made it") as refused:
            look(file)
        assert BROKEN[sql] in str(refused.value)
        assert "restore a backup with `chittygraph restore FILE`" in str(refused.value)

    assert contents(file) == before


def test_every_difference_is_named_at_once(file: Path):
    change(
        file, "DROP TABLE installations; ALTER TABLE api_keys DROP COLUMN label; DROP TABLE actors"
    )

    with pytest.raises(BootRefused) as refused:
        migrator.migrate(file)

    for difference in (
        "table installations is",
        "api_keys lacks the column label",
        "table actors is",
    ):
        assert difference in str(refused.value)


@pytest.mark.parametrize("sql", UNENFORCED)
def test_uniqueness_that_nothing_enforces_is_refused_until_it_is_repaired(file: Path, sql: str):
    change(file, sql)

    for look in (migrator.migrate, migrator.inspect, migrator.require_migrated):
        with pytest.raises(BootRefused, match="run `chittygraph check --fix`") as refused:
            look(file)
        assert UNENFORCED[sql] in str(refused.value)

    assert main(["check", "--database", str(file)]) == 1
    assert main(["check", "--fix", "--database", str(file)]) == 0
    assert migrator.migrate(file) == []


def test_a_check_that_forbids_some_values_is_refused_until_it_is_repaired(file: Path):
    with opened(file) as connection:
        (sql,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'actors'"
        ).fetchone()
    narrow = sql.replace("'service', ", "")
    assert narrow != sql
    change(file, f"DROP TABLE actors; {narrow}")

    with pytest.raises(BootRefused, match=r"actors\.actor_type has a CHECK that forbids some"):
        migrator.migrate(file)

    assert main(["check", "--fix", "--database", str(file)]) == 0
    assert migrator.migrate(file) == []


def test_objects_of_others_are_no_difference(file: Path):
    change(
        file,
        """
        CREATE TABLE theirs (a);
        ALTER TABLE contexts ADD COLUMN colour TEXT;
        ALTER TABLE contexts ADD COLUMN weight INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX contexts_by_colour ON contexts (colour);
        CREATE TRIGGER noticed AFTER INSERT ON contexts BEGIN INSERT INTO theirs VALUES (1); END;
        CREATE VIEW coloured AS SELECT colour FROM contexts;
        """,
    )

    assert migrator.migrate(file) == []
    assert migrator.inspect(file).pending == ()


def test_a_missing_index_that_only_makes_lists_fast_stops_no_boot(file: Path):
    change(
        file,
        "DROP INDEX contexts_by_name; DROP INDEX contexts_by_owner;"
        "CREATE INDEX contexts_by_owner ON contexts (owner_chitty_id)",
    )

    assert migrator.migrate(file) == []


def test_only_what_ran_is_compared_before_the_rest_is_applied(file: Path, tmp_path: Path):
    file.unlink()
    older = tmp_path / "older"
    older.mkdir()
    for path in sorted(ledger.MIGRATIONS.glob("*.sql"))[:4]:
        (older / path.name).write_text(path.read_text())
    migrator.migrate(file, older)
    change(file, "DROP TABLE actors")

    with pytest.raises(BootRefused, match="table actors is missing"):
        migrator.migrate(file)

    assert len(rows(file, "SELECT name FROM chittygraph_migrations")) == 4


def test_a_repair_invents_no_rows_for_a_table_that_is_gone(
    file: Path, capsys: pytest.CaptureFixture[str]
):
    with opened(file) as connection:
        put(
            connection,
            "contexts",
            chitty_id="CHITTY-CONTEXT-1",
            name="late",
            owner_chitty_id="CHITTY-LATE",
            created_at=OLD,
            updated_at=OLD,
        )
    change(file, "DROP TABLE actors")

    for words in (["check"], ["check", "--fix"], ["status"], ["migrate"], ["migrate", "--check"]):
        code = main([*words, "--database", str(file)])

        shown = capsys.readouterr()
        assert (code, shown.out, shown.err.count("\n")) == (1, "", 1)
        assert "table actors is missing" in shown.err
    assert "actors" not in names(file)
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_what_the_migrations_make_is_computed_once_per_process(file: Path):
    migrator.migrate(file)
    started: list[str] = []
    real = sqlite3.connect

    def counting(database: object, *args: object, **options: object) -> sqlite3.Connection:
        started.append(str(database))
        return real(database, *args, **options)  # type: ignore[call-overload, no-any-return]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sqlite3, "connect", counting)
        migrator.migrate(file)

    assert started
    assert ":memory:" not in started

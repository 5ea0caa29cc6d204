"""`migrate --recreate` makes the tables anew that an operator names, and nothing else ever does."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from db.errors import BootRefused
from db.migrating import history_triggers, ledger, migrator, schema_comparison
from db.model import tables
from tests.support.registries import legacy_registries
from tests.support.registries.databases import demo_registry, new_registry
from tests.support.registries.legacy_registries import opened, rows
from tests.support.services.commands import command, complaint
from tests.support.services.doctor import Examination

ALL = sorted(schema_comparison.table_names(ledger.load(ledger.MIGRATIONS)))
OBJECTS = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"
MADE = (
    OBJECTS
    + " AND name NOT LIKE 'd1!_%' ESCAPE '!' AND name NOT LIKE '!_cf!_%' ESCAPE '!' ORDER BY name"
)
WITHOUT_HISTORY = "".join(
    f"DROP TRIGGER {name};" for name in history_triggers.names(tables.CONTEXTS)
)
CONTEXTS = "SELECT * FROM contexts ORDER BY chitty_id"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_registry(tmp_path_factory.mktemp("demo") / "registry.db")


@pytest.fixture
def file(demo: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(demo, tmp_path / "registry.db"))


@contextmanager
def unguarded(file: Path) -> Iterator[Any]:
    with opened(file) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        yield connection


def change(file: Path, sql: str) -> None:
    with unguarded(file) as connection:
        connection.executescript(sql)


def stored(file: Path, names: set[str]) -> dict[str, list[Any]]:
    """The rows of these tables."""
    with opened(file) as connection:
        return {each: connection.execute(f"SELECT * FROM {each}").fetchall() for each in names}


def migrate(file: Path, *words: str) -> CompletedProcess[str]:
    return command("migrate", *words, "--database", file)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("table", ALL)
def test_a_table_is_made_anew_exactly_as_the_migrations_made_it(file: Path, demo: Path, table: str):
    change(file, f"DROP TABLE {table}")

    refused = migrate(file)
    done = migrate(file, "--recreate", table)

    assert f"table {table} is missing" in complaint(refused)
    assert f"`chittygraph migrate --recreate {table}`" in refused.stderr
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"made {table} anew, empty\n")
    assert rows(file, MADE) == rows(demo, MADE)
    assert migrate(file).stdout == f"{file} is up to date\n"
    others = {*ALL} - {table, "repairs", "changes"}
    assert stored(file, others) == stored(demo, others)


def test_a_check_says_what_would_be_done_and_changes_nothing(file: Path):
    change(file, "DROP TABLE contexts")
    before = contents(file.parent)

    foretold = migrate(file, "--recreate", "contexts", "--check")
    looked = contents(file.parent)
    done = migrate(file, "--recreate", "contexts")

    assert (foretold.returncode, done.returncode) == (1, 0)
    assert looked == before
    assert foretold.stdout.replace("to make", "made") == done.stdout


def test_rows_that_refer_to_a_lost_table_are_listed_and_come_back_from_a_backup(
    file: Path, demo: Path
):
    saved = file.with_name("contexts.jsonl")
    change(file, "DROP TABLE contexts")
    (count,) = rows(demo, "SELECT count(*) FROM connections WHERE source_type = 'context'")[0]

    done = migrate(file, "--recreate", "contexts")
    command("export", "--jsonl", "contexts", "--database", demo, "--output", saved)
    imported = command("import", saved, "--database", file)
    checked = command("check", "--database", file)

    lines = done.stdout.splitlines()
    assert lines[1] == f"{count} rows refer to missing contexts by connections.source_chitty_id:"
    assert all(line.startswith("  connections ") for line in lines[2:22])
    assert lines[22] == f"  and {count - 20} more"
    assert lines[23].startswith("next: bring back the rows of contexts from a backup")
    assert (imported.returncode, checked.returncode) == (0, 0)
    assert rows(file, CONTEXTS) == rows(demo, CONTEXTS)


def test_what_is_lost_for_good_gets_deleted_contexts_and_no_actors_for_contexts(file: Path):
    sources = "SELECT DISTINCT source_chitty_id FROM connections WHERE source_type = 'context'"
    change(file, "DROP TABLE contexts")
    before = rows(file, "SELECT connection_id, source_chitty_id, source_type FROM connections")
    migrate(file, "--recreate", "contexts")

    fixed = command("check", "--fix", "--database", file)

    assert fixed.returncode == 0
    assert (
        rows(file, "SELECT connection_id, source_chitty_id, source_type FROM connections") == before
    )
    assert sorted(rows(file, "SELECT chitty_id FROM contexts")) == sorted(rows(file, sources))
    assert rows(file, "SELECT DISTINCT status, owner_chitty_id FROM contexts") == [
        ("deleted", "CHITTY-UNKNOWN")
    ]
    assert rows(file, "SELECT count(*) FROM actors WHERE chitty_id LIKE 'CHITTY-CONTEXT%'") == [
        (0,)
    ]


def test_contexts_that_were_dropped_and_made_by_the_old_file_become_no_actors(file: Path):
    actors = rows(file, "SELECT count(*) FROM actors")[0][0]
    (made, *_) = legacy_registries.TABLES.split(";")
    change(file, f"DROP TABLE contexts; {made}")

    fixed = command("check", "--fix", "--database", file)

    assert fixed.returncode == 0
    assert "a source that is a missing context, for which a deleted one stands in" in fixed.stdout
    assert rows(file, "SELECT count(*) FROM actors") == [(actors + 1,)]
    assert rows(file, "SELECT DISTINCT status FROM contexts") == [("deleted",)]


def test_several_tables_are_made_at_once_and_one_that_is_not_named_stays_a_refusal(file: Path):
    change(file, "DROP TABLE contexts; DROP TABLE actors; DROP TABLE server_keys")

    all_named = complaint(migrate(file))
    some = migrate(file, "--recreate", "contexts", "ACTORS")
    refused = migrate(file)
    rest = migrate(file, "--recreate", "server_keys")

    assert "`chittygraph migrate --recreate contexts actors server_keys`" in all_named
    assert some.returncode == 1
    assert "made contexts anew, empty\nmade actors anew, empty\n" in some.stdout
    assert "still wrong: table server_keys is missing" in some.stdout
    assert "by connections.source_chitty_id" in some.stdout
    assert "`chittygraph migrate --recreate server_keys`" in complaint(refused)
    assert rest.returncode == 0
    assert migrate(file).returncode == 0


def test_an_unfit_table_is_kept_under_another_name_with_all_that_is_not_ours(
    file: Path, demo: Path
):
    change(
        file,
        f"""
        {WITHOUT_HISTORY}
        DROP INDEX contexts_odd;
        ALTER TABLE contexts RENAME COLUMN tools TO instruments;
        CREATE TABLE notes (context TEXT REFERENCES contexts (chitty_id));
        CREATE VIEW names AS SELECT name FROM contexts;
        CREATE INDEX theirs ON contexts (status);
        """,
    )
    others = "SELECT name, sql FROM sqlite_master WHERE name IN ('notes', 'names', 'connections')"
    before, stored = rows(file, others), rows(file, "SELECT chitty_id, instruments FROM contexts")

    done = migrate(file, "--recreate", "contexts")
    change(
        file,
        f"{WITHOUT_HISTORY} DROP INDEX contexts_odd;"
        "ALTER TABLE contexts RENAME COLUMN tools TO instruments",
    )
    again = migrate(file, "--recreate", "contexts")

    assert done.stdout.startswith(
        "kept the old contexts as contexts_before_recreation\nmade contexts anew, empty\n"
    )
    assert again.stdout.startswith("kept the old contexts as contexts_before_recreation_2\n")
    assert rows(file, "SELECT chitty_id, instruments FROM contexts_before_recreation") == stored
    assert rows(file, others) == before
    assert rows(file, "SELECT tbl_name FROM sqlite_master WHERE name = 'theirs'") == [
        ("contexts_before_recreation",)
    ]
    ours = [each for each in rows(demo, MADE) if each[2] == "contexts"]
    assert [each for each in rows(file, MADE) if each[2] == "contexts"] == ours
    assert rows(file, "SELECT count(*) FROM contexts, names") == [(0,)]
    assert migrate(file).returncode == 0


@pytest.mark.parametrize(
    ("sql", "table", "said"),
    [
        ("", "contexts", "is there and fits, so it is not made anew"),
        ("", "nosuch", "no migration makes a table nosuch: name one of actors, api_keys"),
        ("", "chittygraph_migrations", "no migration makes a table chittygraph_migrations"),
        (
            "DROP TABLE server_keys; CREATE VIEW server_keys AS SELECT 1 AS name",
            "server_keys",
            "server_keys is a view, not a table: drop or rename it first",
        ),
        (
            "DROP TABLE contexts; CREATE INDEX contexts_by_name ON actors (email)",
            "contexts",
            "contexts_by_name already exists",
        ),
    ],
    ids=["fit", "unknown", "the ledger", "a view", "a name that is taken"],
)
def test_what_cannot_be_made_anew_is_refused_and_nothing_is_changed(
    file: Path, sql: str, table: str, said: str
):
    change(file, sql)
    before = rows(file, OBJECTS)

    refused = migrate(file, "--recreate", table)

    assert said in complaint(refused)
    assert rows(file, OBJECTS) == before


def test_a_table_that_wrangler_made_is_missed_before_adoption(tmp_path: Path):
    file = legacy_registries.by_wrangler(tmp_path / "registry.db")
    change(file, "DROP TABLE connections")
    before = contents(tmp_path)

    for look in (migrator.migrate, migrator.inspect, migrator.check):
        with pytest.raises(
            BootRefused, match="table connections is missing, although wrangler"
        ) as no:
            look(file)
        assert "`chittygraph migrate --recreate connections`" in str(no.value)

    assert contents(tmp_path) == before


def test_a_gap_among_the_tables_of_another_program_is_a_loss(tmp_path: Path):
    file = legacy_registries.by_hand(tmp_path / "registry.db")
    change(file, "DROP TABLE contexts")

    refused = migrate(file)
    foretold = migrate(file, "--recreate", "contexts", "--check")
    done = migrate(file, "--recreate", "contexts")

    assert "table contexts is missing, while installations is there" in complaint(refused)
    assert "to make contexts anew, empty" in foretold.stdout
    assert done.returncode == 0
    assert "made contexts anew, empty" in done.stdout
    assert rows(file, "SELECT chitty_id, status FROM contexts") == [
        (legacy_registries.CONTEXT, "deleted")
    ]
    assert rows(file, "SELECT source_type FROM connections") == [("context",)]
    assert migrate(file).stdout == f"{file} is up to date\n"


def test_a_registry_that_wrangler_made_and_that_lost_everything_is_no_new_one(tmp_path: Path):
    file = legacy_registries.by_wrangler(tmp_path / "registry.db")
    tables = ("contexts", "installations", "actors", "connections")
    change(file, "".join(f"DROP TABLE {table};" for table in tables))

    refused = migrate(file)
    done = migrate(file, *(word for table in tables for word in ("--recreate", table)))

    assert all(f"table {table} is missing" in complaint(refused) for table in tables)
    assert done.returncode == 0
    assert migrate(file).stdout == f"{file} is up to date\n"


def test_a_damaged_registry_can_still_be_asked_examined_and_copied(file: Path):
    change(file, "DROP TABLE contexts")
    copy = file.with_name("copy.db")

    asked = command("sql", "SELECT count(*) AS n FROM connections", "--database", file)
    saved = command("backup", copy, "--database", file)
    restored = command("restore", copy, "--database", file)

    assert (asked.returncode, saved.returncode) == (0, 0)
    assert "table contexts is missing" in saved.stderr
    assert rows(copy, "SELECT * FROM actors") == rows(file, "SELECT * FROM actors")
    assert "problem: table contexts is missing" in Examination(file).found("schema")
    assert "table contexts is missing" in complaint(restored)


def test_a_backup_without_a_table_pushes_no_whole_one_out_of_its_folder(file: Path):
    folder = file.with_name("backups")
    words = ("backup", folder, "--once", "--keep", "1", "--database", file)
    command(*words)
    (whole,) = folder.iterdir()

    change(file, "DROP TABLE contexts")
    partial = command(*words)

    assert partial.returncode == 0
    assert "older backups were kept" in partial.stderr
    assert whole in folder.iterdir()


def test_status_tells_which_tables_were_made_anew(tmp_path: Path):
    file = new_registry(tmp_path / "registry.db")
    change(file, "DROP TABLE api_keys")
    migrate(file, "--recreate", "api_keys")

    shown = command("status", "--database", file, "--json")

    [recorded] = json.loads(shown.stdout)["repaired"]
    assert recorded["repair"]["table"] == "api_keys"
    assert recorded["repair"]["problem"] == "the table, made anew and empty"


def test_a_database_that_is_not_there_is_not_made_for_one_table(tmp_path: Path):
    file = tmp_path / "registry.db"

    for words in ((), ("--check",)):
        refused = migrate(file, "--recreate", "contexts", *words)
        assert "there is no database at" in complaint(refused)

    assert list(tmp_path.iterdir()) == []

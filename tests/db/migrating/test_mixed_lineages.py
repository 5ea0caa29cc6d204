"""Tables of several lineages in one database, and the catalogue of services among them or alone."""

from pathlib import Path

import pytest

from db.errors import BootRefused
from db.migrating import migrator
from server.cli import main
from tests.support.registries import legacy_registries, relatives
from tests.support.registries.legacy_registries import rows
from tests.support.registries.relatives import made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_originals_actors_and_connections_beside_main_tables_are_adopted_too(file: Path):
    made(file, relatives.MIXED)

    migrator.migrate(file)

    assert rows(file, "SELECT name FROM contexts WHERE chitty_id LIKE '%f01'") == [("ledger",)]
    found = (
        "SELECT installation_id, target_endpoint, status FROM connections ORDER BY installation_id"
    )
    assert rows(file, found) == [
        (None, None, "active"),
        (41, "/app/installations/41", "active"),
        (43, "/app/installations/43", "active"),
        (relatives.BEYOND_53_BITS, None, "active"),
    ]
    assert migrator.check(file).repairs == []


def test_the_catalogue_beside_a_registry_is_kept_under_another_name(file: Path):
    made(file, relatives.MAIN_DATABASE)

    done = migrator.bring_up_to_date(file)

    assert [
        line for line in map(str, done.repairs) if "catalogue" in line or "service" in line
    ] == [
        "2 x connections: a service and no connection, not copied from connections_before_adoption",
        "1 x connections: a table of ChittyConnect's catalogue of services, kept whole as"
        " connections_before_adoption",
    ]
    joined = (
        "SELECT slug, log.status FROM connections_before_adoption AS service"
        " JOIN connection_health_log AS log ON log.connection_id = service.id"
    )
    assert rows(file, joined) == [("github", "ok")]


def test_the_catalogue_beside_the_originals_other_tables_makes_way_for_connections(file: Path):
    made(file, relatives.ORIGINAL_WITH_CATALOGUE)

    done = migrator.bring_up_to_date(file)

    assert [name[:4] for name in done.recognised] == ["0001", "0002", "0003"]
    assert rows(file, "SELECT count(*) FROM connections_before_adoption") == [(2,)]
    assert rows(file, "SELECT count(*) FROM connections") == [(0,)]
    assert migrator.check(file).repairs == []


@pytest.mark.parametrize(
    "beside", ["", "CREATE TABLE prompts (id); INSERT INTO prompts VALUES (1);"]
)
def test_the_catalogue_alone_is_refused_in_one_sentence(
    file: Path, beside: str, capsys: pytest.CaptureFixture[str]
):
    made(file, relatives.CATALOGUE + beside)
    before = contents(file.parent)

    for words in (["migrate", "--check"], ["migrate"], ["status"], ["check"], ["check", "--fix"]):
        code = main([*words, "--database", str(file)])

        said = capsys.readouterr()
        assert (code, said.out) == (1, "")
        assert said.err == (
            f"chittygraph: {file} holds ChittyConnect's catalogue of services, whose table connections"
            " lists services and their health and not what contexts are connected to: it is no"
            " registry, so name another file\n"
        )
    assert contents(file.parent) == before


def test_a_table_of_another_program_that_only_shares_a_name_is_not_taken_for_a_relative(file: Path):
    made(file, "CREATE TABLE installations (id INTEGER PRIMARY KEY, metadata TEXT)")

    with pytest.raises(BootRefused, match="table installations lacks the columns installation_id"):
        migrator.migrate(file)


def test_a_database_that_d1_only_opened_counts_as_new(file: Path):
    made(
        file,
        "CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"
        "CREATE TABLE _cf_ALARM (actor_id TEXT, scheduled_time INTEGER);",
    )

    assert migrator.migrate(file)
    assert rows(file, "SELECT count(*) FROM contexts") == [(0,)]


def test_the_ledger_of_wrangler_and_the_tables_of_d1_stay_as_they_are(file: Path):
    ledger = legacy_registries.D1_LEDGER.replace("0001_create_contexts_table", "013_connections")
    made(
        file,
        relatives.MAIN_DATABASE + ledger + "CREATE TABLE _cf_METADATA (key INTEGER, value BLOB);",
    )

    migrator.migrate(file)

    names = [name for (name,) in rows(file, "SELECT name FROM d1_migrations ORDER BY id")]
    assert names[0] == "013_connections.sql"
    assert set(names) > {
        "0001_create_contexts_table.sql",
        "0016_index_installations_of_sources.sql",
    }

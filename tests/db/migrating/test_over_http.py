"""Engines over HTTP are migrated as files are, and refused for the same reasons."""

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db import database_url, open_database
from db.errors import BootRefused
from db.migrating import ledger, over_http, remote_opening
from db.migrating.over_http import State
from db.migrating.schema_comparison import definitions_of
from db.model import searched
from db.model.tables import TABLES
from tests.support.other_programs import rqlite
from tests.support.registries.databases import registry_at
from tests.support.services.engines import ask, carry_out, define, on_each, transport_to
from tests.support.services.sqlite_transport import SQLiteTransport

NAMES = [migration.name for migration in ledger.load(ledger.MIGRATIONS)]
OBJECTS = """
    SELECT name, sql FROM sqlite_master
    WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND lower(tbl_name) = '{table}'
"""


async def migrate(url: str, folder: Path = ledger.MIGRATIONS) -> tuple[State, list[str]]:
    async with transport_to(url) as transport:
        names: list[str] = []
        before = await over_http.migrate(transport, database_url.parse(url), names, folder)
        return before, names


async def refusal(url: str, folder: Path = ledger.MIGRATIONS) -> str:
    with pytest.raises(BootRefused) as refused:
        await migrate(url, folder)
    assert str(database_url.parse(url)) in str(refused.value)
    return str(refused.value)


def first(count: int, folder: Path) -> Path:
    """A folder of the first migrations."""
    folder.mkdir()
    for migration in ledger.load(ledger.MIGRATIONS)[:count]:
        (folder / f"{migration.name}.sql").write_text(migration.sql)
    return folder


@on_each
async def test_an_empty_database_is_migrated_once_and_becomes_what_a_file_is(engine_url: str):
    before, applied = await migrate(engine_url)
    after, again = await migrate(engine_url)

    assert before.is_new
    assert (applied, again) == (NAMES, [])
    assert not after.is_new
    assert list(after.done) == NAMES
    assert after.differences == after.found.slow == []
    for table in TABLES:
        stored = await ask(engine_url, OBJECTS.format(table=table.name))
        made = definitions_of(table.name, ledger.load(ledger.MIGRATIONS))
        assert {name: sql for name, sql in stored} == made  # noqa: C416 - which mypy can follow


async def test_several_that_migrate_at_once_run_each_migration_once(engine_url: str):
    done = await asyncio.gather(*(migrate(engine_url) for _ in range(3)))

    assert sorted(name for _, applied in done for name in applied) == NAMES
    assert [name for (name,) in await ask(engine_url, wrangler_ledger())] == NAMES


def wrangler_ledger() -> str:
    return "SELECT replace(name, '.sql', '') AS name FROM d1_migrations ORDER BY id"


async def test_an_older_database_gets_only_the_missing_migrations(engine_url: str, tmp_path: Path):
    _, some = await migrate(engine_url, first(20, tmp_path / "older"))
    before, rest = await migrate(engine_url)

    assert (some, rest) == (NAMES[:20], NAMES[20:])
    assert not before.is_new


async def test_a_newer_database_is_refused(engine_url: str, tmp_path: Path):
    await migrate(engine_url)

    said = await refusal(engine_url, first(20, tmp_path / "older"))

    assert f"is newer than this chittygraph: it has migration {NAMES[20]}" in said


async def test_a_migration_that_was_edited_is_refused(engine_url: str, tmp_path: Path):
    folder = first(2, tmp_path / "edited")
    await migrate(engine_url, folder)
    edited = folder / f"{NAMES[1]}.sql"
    edited.write_text(edited.read_text() + "-- more\n")

    assert f"migration {NAMES[1]}.sql was edited after it ran on" in await refusal(
        engine_url, folder
    )


async def test_a_database_of_another_program_is_refused(engine_url: str):
    await carry_out(engine_url, "CREATE TABLE notes (id INTEGER PRIMARY KEY)")

    assert "was not made by chittygraph: it holds the tables notes" in await refusal(engine_url)


async def test_a_registry_of_another_program_is_not_adopted(engine_url: str):
    await carry_out(engine_url, "CREATE TABLE contexts (chitty_id TEXT PRIMARY KEY)")

    said = await refusal(engine_url)

    assert "holds the registry of another program, and only a file can be adopted" in said
    assert "`chittygraph move`" in said


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("INSERT INTO missing VALUES (1)", "statement 3: .*missing"),
        (f"INSERT INTO half SELECT {'+'.join('1' * 1_200)}", "Expression tree is too large"),
        (
            "CREATE VIRTUAL TABLE words USING fts9 (word)",
            "built without fts9, which search needs|not authorized",  # as D1 says of any module but its own
        ),
    ],
    ids=["wrong", "too deep", "no module"],
)
async def test_a_migration_that_fails_leaves_the_database_as_the_one_before_made_it(
    engine_url: str, tmp_path: Path, statement: str, says: str
):
    folder = first(2, tmp_path / "broken")
    (folder / "0003_broken.sql").write_text(
        f"-- Broken.\nCREATE TABLE half (id TEXT);\n{statement};\n"
    )

    said = await refusal(engine_url, folder)

    assert "migration 0003_broken.sql failed: " in said
    assert re.search(says, said)
    assert [
        name for (name,) in await ask(engine_url, ledger.APPLIED.replace(", checksum", ""))
    ] == (NAMES[:2])
    assert await ask(engine_url, "SELECT name FROM sqlite_master WHERE name = 'half'") == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            "DROP TRIGGER contexts_canonical_instants",
            "trigger contexts_canonical_instants is missing",
        ),
        ("DROP INDEX one_actor_per_principal", "index one_actor_per_principal is missing"),
        ("ALTER TABLE contexts RENAME TO kept", "table contexts is missing"),
    ],
)
async def test_a_database_that_lacks_what_is_relied_on_is_refused(
    engine_url: str, change: str, says: str
):
    await migrate(engine_url)
    await carry_out(engine_url, change)

    said = await refusal(engine_url)

    assert f"is not as its migrations made it: {says}" in said
    assert "undo that change, or copy a registry that is whole" in said


async def test_a_database_that_was_vacuumed_is_as_it_was_made(tmp_path: Path):
    with rqlite.cluster(tmp_path / "rqlite") as cluster:
        await migrate(cluster.url)
        cluster.leader().vacuum()

        after, again = await migrate(cluster.url)

    assert again == []
    assert after.differences == after.found.slow == []


@pytest.mark.parametrize("lost", sorted(searched.INDEXES | searched.VOCABULARIES))
async def test_an_index_of_searches_that_a_vacuumed_database_has_lost_is_named(
    tmp_path: Path, lost: str
):
    file = tmp_path / "registry.db"
    registry_at(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(f"DROP TABLE {lost}")
        connection.execute("VACUUM")

    transport = SQLiteTransport(file)
    state = await over_http.look(transport, database_url.parse("rqlite://127.0.0.1:4001"))
    await transport.close()

    assert state.differences == [f"virtual {lost} is missing"]


@on_each
async def test_lost_triggers_of_the_history_are_made_anew_and_what_changed_is_recorded(
    engine_url: str, caplog: pytest.LogCaptureFixture
):
    await migrate(engine_url)
    await carry_out(engine_url, ADD_ACTOR.format(id="kept"), ADD_ACTOR.format(id="gone"))
    await carry_out(
        engine_url,
        "DROP TRIGGER actors_history",
        "DROP TRIGGER actors_history_of_old",
        "DROP TRIGGER actors_history_of_new",
    )
    await carry_out(
        engine_url,
        "UPDATE actors SET display_name = 'changed' WHERE chitty_id = 'kept'",
        "DELETE FROM actors WHERE chitty_id = 'gone'",
        ADD_ACTOR.format(id="new"),
    )

    await asyncio.gather(*(migrate(engine_url) for _ in range(3)))

    after, _ = await migrate(engine_url)
    told = {record.message for record in caplog.records}
    assert after.differences == []
    assert told == {"history mended"}
    assert await ask(engine_url, CHANGES) == [
        ("gone", "created", "gone"),
        ("gone", "deleted", None),
        ("kept", "created", "kept"),
        ("kept", "updated", "changed"),
        ("new", "created", "new"),
    ]


ADD_ACTOR = """
    INSERT INTO actors (chitty_id, actor_type, display_name, created_at, updated_at)
    VALUES ('{id}', 'human', '{id}', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')
"""
CHANGES = """
    SELECT key, operation, after ->> 'display_name' AS name FROM changes
    ORDER BY key, sequence
"""


async def test_migrations_that_wrangler_ran_are_recorded_and_not_run_again(engine_url: str):
    for migration in ledger.load(ledger.MIGRATIONS)[:5]:
        await define(engine_url, *migration.statements())
    await define(
        engine_url,
        "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE,"
        " applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
        *(f"INSERT INTO d1_migrations (name) VALUES ('{name}.sql')" for name in NAMES[:5]),
        ledger.CREATE,
    )

    _, applied = await migrate(engine_url)

    assert applied == NAMES[5:]
    assert [name for (name,) in await ask(engine_url, wrangler_ledger())] == NAMES


async def test_a_table_that_wrangler_made_and_that_is_gone_is_not_made_empty(engine_url: str):
    await migrate(engine_url)
    await carry_out(
        engine_url, "DROP TABLE outgoing_deliveries", "DELETE FROM chittygraph_migrations"
    )

    assert "has lost tables: table outgoing_deliveries is missing" in await refusal(engine_url)


async def test_readiness_tells_what_was_lost_since_and_that_it_is_back(engine_url: str):
    database = await open_database.open_database(engine_url)
    sql = "CREATE TRIGGER contexts_history_lost AFTER UPDATE ON contexts BEGIN SELECT 1; END"
    ((made,),) = await ask(
        engine_url, "SELECT sql FROM sqlite_master WHERE name = 'contexts_history'"
    )
    try:
        well = await database.pending()
        await carry_out(engine_url, "DROP TRIGGER contexts_history", sql)
        lost = await database.pending()
        await carry_out(engine_url, "DROP TRIGGER contexts_history_lost", str(made))
        back = await database.pending()
    finally:
        await database.close()

    assert (well, lost, back) == ([], ["trigger contexts_history is missing"], [])


async def test_readiness_tells_once_that_a_newer_version_has_migrated(
    engine_url: str, caplog: pytest.LogCaptureFixture
):
    database = await open_database.open_database(engine_url)
    newer = "INSERT INTO chittygraph_migrations VALUES ('9999_newer', '-', '2026')"
    try:
        await carry_out(engine_url, newer)
        for _ in range(2):
            with pytest.raises(BootRefused):
                await database.pending()
    finally:
        await database.close()

    told = [each for each in caplog.records if each.msg == "database is not as it should be"]
    assert len(told) == 1
    assert "it has migration 9999_newer" in told[0].__dict__["reason"]


async def test_a_command_refuses_a_database_that_is_not_migrated(engine_url: str):
    with pytest.raises(BootRefused, match=f"still lacks migration {NAMES[0]}: run `chittygraph"):
        await open_database.open_database(engine_url, migrate=False)


@pytest.mark.parametrize(
    "url", ["rqlite://ada:hunter2@127.0.0.1:1,127.0.0.1:2", "d1+http://hunter2@127.0.0.1:1"]
)
async def test_an_engine_that_is_not_there_is_waited_for_and_then_refused(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(remote_opening, "COMMAND_SECONDS", 1.0)

    with pytest.raises(BootRefused, match="could not be used within 1 seconds") as refused:
        await open_database.open_database(url, migrate=False)

    (line,) = caplog.records
    assert line.message == "start waits for the database"
    assert "***@127.0.0.1:1" in str(refused.value)
    assert "hunter2" not in f"{refused.value} {vars(line)}"


async def test_a_wrong_password_is_refused_at_once(
    engine_url: str, caplog: pytest.LogCaptureFixture
):
    wrong = re.sub(r"[^:/@]+@", "wrong@", engine_url)

    for migrates in (True, False):
        with pytest.raises(BootRefused, match=r"cannot be used: .* refuses") as refused:
            await open_database.open_database(wrong, migrate=migrates)
        assert "wrong" not in str(refused.value)

    assert caplog.records == []

import json

import pytest

from db.model import chitty_id
from db.model.tables import TABLES
from db.program import Statement, rows
from db.sqlite.database import SQLiteDatabase
from resolvers.permissions import Capability
from server.demo import registry
from tests.support.registries.databases import UNHURRIED, new_registry


@pytest.fixture
async def database(tmp_path):
    path = tmp_path / "registry.db"
    new_registry(path)
    database = await SQLiteDatabase.open(path, **UNHURRIED)
    yield database
    await database.close()


async def ask(database, sql):
    return await database.read(rows(Statement(sql)))


async def everything(database):
    return [await ask(database, f"SELECT * FROM {table.name} ORDER BY 1") for table in TABLES]


async def count(database, sql):
    [(found,)] = await ask(database, f"SELECT count(*) FROM {sql}")
    return found


async def test_an_empty_registry_gets_the_rows_that_the_report_states(database):
    report = await registry.fill(database)

    assert report is not None
    assert report.counts == {"actors": 40, "installations": 12, "contexts": 120, "connections": 437}
    assert [len(found) for found in await everything(database)] == [40, 120, 12, 437]
    assert "contexts" in report.first_query


async def test_filling_a_second_time_writes_nothing(database):
    await registry.fill(database)
    before = await everything(database)

    assert await registry.fill(database) is None
    assert await everything(database) == before


async def test_a_registry_with_a_single_row_stays_unchanged(database):
    await database.write(
        rows(
            Statement(
                "INSERT INTO installations (installation_id, chitty_id, account_id, account_login,"
                " account_type, repository_selection, installed_at, updated_at)"
                " VALUES (1, 'CHITTY-INSTALL-ONE', 1, 'one', 'User', 'all', :at, :at)",
                {"at": "2026-01-01T00:00:00.000Z"},
            )
        )
    )

    assert await registry.fill(database) is None
    assert [len(found) for found in await everything(database)] == [0, 0, 1, 0]


async def test_the_demo_is_the_same_every_time(database, tmp_path):
    other_path = tmp_path / "other.db"
    new_registry(other_path)
    other = await SQLiteDatabase.open(other_path, **UNHURRIED)

    await registry.fill(database)
    await registry.fill(other)

    assert await everything(database) == await everything(other)
    await other.close()


async def test_every_chitty_id_of_the_demo_is_well_formed_and_used_once(database):
    await registry.fill(database)

    found = await ask(
        database,
        "SELECT chitty_id FROM actors UNION ALL SELECT chitty_id FROM contexts"
        " UNION ALL SELECT chitty_id FROM installations",
    )
    linked = await ask(
        database,
        "SELECT chitty_dna_id FROM actors UNION SELECT chitty_dna_id FROM contexts"
        " UNION SELECT chitty_chronicle_timeline_id FROM contexts",
    )

    assert len(set(found)) == len(found) == 172
    assert all(chitty_id.is_well_formed(each) for (each,) in found + linked if each)


async def test_every_value_of_the_demo_can_be_read_as_its_column_type(database):
    await registry.fill(database)

    for table, found in zip(TABLES, await everything(database), strict=True):
        names = [name for _, name, *_ in await ask(database, f"PRAGMA table_info({table.name})")]
        for values in found:
            row = table.row(**dict(zip(names, values, strict=True)))
            for column in table.columns.values():
                column.read(row)


async def test_the_demo_shows_every_state_of_everything(database):
    await registry.fill(database)

    assert await count(database, "(SELECT DISTINCT actor_type FROM actors)") == 4
    assert await count(database, "(SELECT DISTINCT status FROM actors)") == 3
    assert await count(database, "(SELECT DISTINCT status FROM contexts)") == 3
    assert await count(database, "(SELECT DISTINCT status FROM connections)") == 4
    assert await count(database, "(SELECT DISTINCT source_type FROM connections)") == 2
    assert await count(database, "(SELECT DISTINCT target_service FROM connections)") == 28
    assert await count(database, "(SELECT DISTINCT account_type FROM installations)") == 3
    assert await count(database, "installations WHERE suspended_by_chitty_id IS NOT NULL") == 1
    assert await count(database, "installations WHERE uninstalled_at IS NOT NULL") == 1
    assert await count(database, "connections WHERE status = 'failed' AND last_error IS NULL") == 0
    owners = "(SELECT DISTINCT owner_chitty_id FROM contexts)"
    assert 20 < await count(database, owners) < 30
    many = "(SELECT 1 FROM contexts GROUP BY owner_chitty_id HAVING count(*) >= 30)"
    assert await count(database, many) == 1


async def test_the_demo_grants_every_capability_that_is_enforced_and_one_that_means_nothing_here(
    database,
):
    await registry.fill(database)

    words = "SELECT DISTINCT value FROM actors, json_each(actors.capabilities)"
    granted = {word for (word,) in await ask(database, words)}

    known = {capability.value for capability in Capability}
    not_enforced_yet = {Capability.AUDIT_READ.value}
    assert {word for word in granted if ":" in word} <= known
    assert known - not_enforced_yet <= granted
    assert granted - known == {"tools.call"}


async def test_the_demo_obeys_the_rules_of_the_registry(database):
    await registry.fill(database)

    open_at_the_deleted = """connections
        LEFT JOIN actors ON actors.chitty_id = source_chitty_id
        LEFT JOIN contexts ON contexts.chitty_id = source_chitty_id
        WHERE 'deleted' IN (actors.status, contexts.status) AND connections.status <> 'disconnected'
    """
    owned_by_the_deleted = """contexts JOIN actors ON actors.chitty_id = owner_chitty_id
        WHERE actors.status = 'deleted' AND contexts.status <> 'deleted'
    """
    sourceless = """connections
        LEFT JOIN actors ON actors.chitty_id = source_chitty_id AND source_type = 'actor'
        LEFT JOIN contexts ON contexts.chitty_id = source_chitty_id AND source_type = 'context'
        WHERE coalesce(actors.chitty_id, contexts.chitty_id) IS NULL
    """
    dated = "(status = 'disconnected') = (disconnected_at IS NOT NULL)"
    assert await count(database, open_at_the_deleted) == 0
    assert await count(database, owned_by_the_deleted) == 0
    assert await count(database, sourceless) == 0
    assert await count(database, f"connections WHERE NOT {dated}") == 0
    assert await count(database, "connections WHERE updated_at < created_at") == 0
    assert await ask(database, "PRAGMA foreign_key_check") == []


async def test_connections_to_github_go_through_the_installation_of_their_repository(database):
    await registry.fill(database)

    found = await ask(
        database,
        "SELECT target_endpoint, account_login FROM connections"
        " LEFT JOIN installations USING (installation_id) WHERE target_service = 'github'",
    )
    others = "connections WHERE target_service <> 'github' AND installation_id IS NOT NULL"

    assert len(found) > 100
    assert all(f"/repos/{login}/" in endpoint for endpoint, login in found)
    assert await count(database, others) == 0


async def test_installations_name_repositories_only_of_their_own_account(database):
    await registry.fill(database)

    found = await ask(database, "SELECT account_login, selected_repositories FROM installations")

    for login, repositories in found:
        assert all(each.startswith(f"{login}/") for each in json.loads(repositories))

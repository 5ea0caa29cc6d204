"""Whether the service is alive, ready, and serves its schema."""

import pytest
from graphql import build_schema

from tests.support.registries.databases import elsewhere, new_registry
from tests.support.services.api import running


@pytest.fixture
async def api(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        yield api


async def test_health_readiness_and_the_schema_are_served(api):
    healthy = await api.client.get("/healthz")
    of_chittyos = await api.client.get("/health")
    ready = await api.client.get("/readyz")
    schema = await api.client.get("/schema.graphql")

    assert (healthy.status_code, healthy.json()) == (200, {"status": "ok"})
    assert (of_chittyos.status_code, of_chittyos.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert build_schema(schema.text).query_type


async def test_a_database_without_its_ledger_is_alive_but_not_ready(api):
    await api.put("DROP TABLE chittygraph_migrations")

    healthy = await api.client.get("/healthz")
    ready = await api.client.get("/readyz")

    assert healthy.status_code == 200
    assert (ready.status_code, ready.json()) == (503, {"status": "not ready"})


async def test_a_server_whose_table_is_dropped_is_alive_but_not_ready(api):
    await api.put("DROP TABLE webhook_deliveries")

    healthy = await api.client.get("/healthz")
    ready = await api.client.get("/readyz")

    assert healthy.status_code == 200
    assert (ready.status_code, ready.json()) == (503, {"status": "not ready"})


async def test_a_server_whose_rows_may_hold_instants_in_other_forms_is_not_ready(api):
    await api.put("DROP TRIGGER contexts_canonical_instants")

    ready = await api.client.get("/readyz")

    assert (ready.status_code, ready.json()) == (503, {"status": "not ready"})


async def test_a_server_that_lost_a_trigger_of_the_history_says_what_to_do_until_it_is_there(
    api, caplog
):
    (trigger,) = await api.rows("SELECT sql FROM sqlite_schema WHERE name = 'contexts_history'")
    await api.put("DROP TRIGGER contexts_history")

    lost = [await api.client.get("/readyz") for _ in range(2)]
    await api.put(trigger[0])
    ready = await api.client.get("/readyz")

    for each in lost:
        assert (each.status_code, each.json()) == (
            503,
            {
                "status": "not ready",
                "advice": "restart the server, or run `chittygraph check --fix`",
            },
        )
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    told = [each for each in caplog.records if each.msg == "database is not as it should be"]
    assert [each.reason for each in told] == ["trigger contexts_history is missing"]


async def test_a_start_mends_a_history_that_lost_its_triggers(tmp_path, caplog):
    file = new_registry(tmp_path / "registry.db")
    with elsewhere(file) as connection:
        connection.execute("DROP TRIGGER actors_history_of_new")
        connection.execute(
            "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)"
            " VALUES ('A', 'human', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')"
        )

    async with running(file) as api:
        ready = await api.client.get("/readyz")
        recorded = await api.rows("SELECT key, operation, cause FROM changes")

    assert ready.status_code == 200
    assert recorded == [("A", "created", "external")]
    assert [each.problem for each in caplog.records if each.msg == "history mended"] == [
        "trigger actors_history_of_new, missing",
        "a change that was not recorded",
    ]

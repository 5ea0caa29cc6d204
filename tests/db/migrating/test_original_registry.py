"""A registry of ChittyConnect is adopted, shown cell by cell, and changed row by row, whatever its ids."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from strawberry.utils.str_converters import to_camel_case

from db.migrating import migrator
from tests.support.expectations.cells import OBJECTS, everything, key_of, leaves, selection
from tests.support.expectations.oracle import snake
from tests.support.expectations.printed_schema import PRINTED
from tests.support.other_programs.wrangler import D1
from tests.support.registries import original_registry
from tests.support.registries.original_registry import (
    ADA,
    BOT,
    HUGE,
    LEDGER,
    ROWS,
    conn,
    shown,
)
from tests.support.services.api import Api, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
EXECUTIONS: dict[str, Any] = {"params": [False, True], "ids": ["generic", "compiled"]}


@pytest_asyncio.fixture(scope="module", loop_scope="module", **EXECUTIONS)
async def api(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Api]:
    """The registry, adopted and served, for tests that change nothing."""
    path = original_registry.adopted(tmp_path_factory.mktemp("original") / "registry.db")
    async with running(path, compiled=request.param) as api:
        yield api


@pytest_asyncio.fixture(loop_scope="module", **EXECUTIONS)
async def own(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    """One of the test's own, to change."""
    path = original_registry.adopted(tmp_path / "registry.db")
    async with running(path, compiled=request.param) as api:
        yield api


def expected(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """What the API must show of an original row, but for its global id."""
    cells = {
        name: shown(snake(name), row.get(snake(name))) for name in leaves(table) if name != "id"
    }
    if table == "connections":
        cells["hasCredentials"] = row.get("credentials_kv_key") is not None
    for column, asked in OBJECTS[table].items():
        cells[asked.partition(" ")[0]] = _object(column, row)
    return cells


def _object(column: str, row: dict[str, Any]) -> Any:
    """What is shown of a column that is shown as an object."""
    value = shown(column, row.get(column))
    if value is None or column == "permissions":
        return value
    if column == "source_chitty_id":
        return {"__typename": row["source_type"].capitalize(), "chittyId": value}
    return {to_camel_case(column.removeprefix("owner_").removeprefix("suspended_by_")): value}


def assert_shown(cells: dict[str, dict[Any, Any]]) -> None:
    """Check every cell of every original row, and that adoption made no row."""
    for table, rows in ROWS.items():
        assert len(cells[table]) == len(rows)
        for row in rows:
            found = cells[table][shown(key_of(table), row[key_of(table)])]

            assert {name: value for name, value in found.items() if name != "id"} == expected(
                table, row
            )


async def test_every_cell_of_the_original_registry_is_shown(api: Api):
    assert_shown(await everything(api))


async def test_every_row_is_found_by_its_key_and_by_its_global_id(api: Api):
    cells = await everything(api)
    arguments = {
        "actors": "actor(chittyId: $key)",
        "contexts": "context(chittyId: $key)",
        "installations": "installation(installationId: $key)",
        "connections": "connection(connectionId: $key)",
    }
    kinds = {"installations": "BigInt", "connections": "ID"}

    for table, rows in cells.items():
        query = f"query ($key: {kinds.get(table, 'ChittyID')}!, $id: ID!)"
        query += f" {{ found: {arguments[table]} {{ {selection(table)} }} node(id: $id) {{ id }} }}"
        for key, row in rows.items():
            assert await api.ask(query, key=key, id=row["id"]) == {
                "found": row,
                "node": {"id": row["id"]},
            }


CHANGES = """
    mutation ($id: ID!, $key: String!, $endpoint: String!) {
      reconnect(input: { connectionId: $id }) { ...changed }
      updateConnection(input: {
        connectionId: $id, targetEndpoint: $endpoint, credentialsKvKey: $key, connectionType: DIRECT,
        config: { region: "us" }, installationId: "41"
      }) { ...changed }
      reportConnectionHealth(input: { connectionId: $id, healthy: false, error: "no answer" }) {
        ...changed
      }
      healthy: reportConnectionHealth(input: { connectionId: $id, healthy: true }) { ...changed }
      disconnect(input: { connectionId: $id }) { ...changed }
    }
    fragment changed on ConnectionPayload {
      connection { connectionId status targetEndpoint credentialsKvKey connectionType config
        errorCount lastError installation { installationId } }
      errors { code message path }
    }
"""


CHANGED = {
    *("status", "targetEndpoint", "credentialsKvKey", "hasCredentials", "connectionType", "config"),
    *("errorCount", "lastError", "lastHealthCheck", "installation", "updatedAt", "disconnectedAt"),
}


async def test_every_connection_is_changed_by_every_mutation_of_connections(own: Api):
    before = await everything(own)

    for number, key in enumerate(before["connections"]):
        kv_key = f"connection:{conn(str(number))}"
        endpoint = f"https://moved.example/{number}"
        answer = await own.ask(CHANGES, id=key, key=kv_key, endpoint=endpoint)

        assert [payload["errors"] for payload in answer.values()] == [[]] * 5, key
        changed = [payload["connection"] for payload in answer.values()]
        assert {each["connectionId"] for each in changed} == {key}
        assert [(each["status"], each["errorCount"], each["lastError"]) for each in changed] == [
            ("ACTIVE", 0, None),
            ("ACTIVE", 0, None),
            ("ACTIVE", 1, "no answer"),
            ("ACTIVE", 0, None),
            ("DISCONNECTED", 0, None),
        ]
        assert changed[1] == changed[3] == changed[4] | {"status": "ACTIVE"}
        assert changed[1]["credentialsKvKey"] == kv_key
        assert changed[1]["targetEndpoint"] == endpoint
        assert changed[1]["installation"] == {"installationId": "41"}

    after = await everything(own)
    for key, row in before["connections"].items():
        kept = {name: value for name, value in row.items() if name not in CHANGED}
        assert {name: after["connections"][key][name] for name in kept} == kept
    assert {table: after[table] for table in after if table != "connections"} == {
        table: before[table] for table in before if table != "connections"
    }


async def test_the_use_of_every_connection_is_counted_at_once(own: Api):
    before = (await everything(own))["connections"]
    open_ones = [key for key, row in before.items() if row["status"] != "DISCONNECTED"]
    query = """
        mutation ($inputs: [RecordConnectionUseInput!]!) {
          recordConnectionUse(inputs: $inputs) { connections { connectionId requestCount } errors { path } }
        }
    """

    answer = await own.ask(
        query, inputs=[{"connectionId": key, "requests": 3} for key in open_ones]
    )

    assert answer["recordConnectionUse"] == {
        "connections": [
            {"connectionId": key, "requestCount": str(int(before[key]["requestCount"]) + 3)}
            for key in open_ones
        ],
        "errors": [],
    }
    assert len(open_ones) == 18


REPORTED = {
    "accountId": 5,
    "accountLogin": "octo-org",
    "accountType": "ORGANIZATION",
    "repositorySelection": "ALL",
}
# Each operation on rows of odd ids, in an order in which all of them succeed.
MUTATIONS = [
    ("updateActor", "Actor", {"chittyId": ADA, "displayName": "Ada L."}),
    ("recordActorSeen", "Actor", {"chittyId": ADA, "newSession": True}),
    ("suspendActor", "Actor", {"chittyId": BOT}),
    ("reinstateActor", "Actor", {"chittyId": f"did:chitty:{BOT}"}),
    ("createContext", "Context", {"name": "new", "owner": ADA}),
    ("updateContext", "Context", {"chittyId": LEDGER, "tools": ["git"]}),
    ("transferContext", "Context", {"chittyId": LEDGER, "newOwner": BOT}),
    ("deleteContext", "Context", {"chittyId": LEDGER}),
    ("restoreContext", "Context", {"chittyId": LEDGER}),
    (
        "openConnection",
        "Connection",
        {
            "source": LEDGER,
            "targetService": "new",
            "connectionId": conn("new"),
            "installationId": 41,
        },
    ),
    ("openConnection", "Connection", {"source": ADA, "targetService": "newer"}),
    ("suspendInstallation", "Installation", {"installationId": 41, "suspendedBy": ADA}),
    ("unsuspendInstallation", "Installation", {"installationId": 41}),
    ("removeInstallation", "Installation", {"installationId": -3}),
    (
        "recordInstallation",
        "Installation",
        {"installationId": -3, "chittyId": "INST-3", **REPORTED},
    ),
    ("recordInstallation", "Installation", {"installationId": -3, **REPORTED}),
    ("recordInstallation", "Installation", {"installationId": str(HUGE), **REPORTED}),
    ("deleteActor", "Actor", {"chittyId": BOT, "transferContextsTo": ADA}),
]


async def test_rows_of_odd_ids_are_changed_owned_connected_and_deleted(own: Api):
    for mutation, type_, inputs in MUTATIONS:
        argument = PRINTED.mutation_type.fields[mutation].args["input"].type
        entity = type_.lower()
        query = (
            f"mutation ($input: {argument}) {{ {mutation}(input: $input)"
            f" {{ {entity} {{ id }} errors {{ code message path }} }} }}"
        )

        payload = (await own.ask(query, input=inputs))[mutation]

        assert payload["errors"] == [], mutation
        assert payload[entity]["id"], mutation

    owned = await own.ask(
        "query ($ada: ChittyID!) { actor(chittyId: $ada) { contexts { nodes { chittyId name } } } }",
        ada=ADA,
    )
    names = {node["name"] for node in owned["actor"]["contexts"]["nodes"]}
    assert names == {"new", "ledger", ' odd "name" '}


@pytest.mark.parametrize(
    ("inputs", "code", "field"),
    [
        ({"installationId": -4}, "INVALID", "installationId"),
        ({"installationId": -4, "chittyId": "INST-3"}, "INVALID", "chittyId"),
        ({"installationId": 44, "chittyId": "INST-4"}, "INVALID", "chittyId"),
        ({"installationId": 41, "chittyId": "INST-2"}, "INVALID", "chittyId"),
        ({"installationId": 41, "chittyId": "CHITTY-INSTALL-NEW"}, "CONFLICT", "chittyId"),
    ],
)
async def test_a_new_installation_needs_ids_of_a_known_form(api: Api, inputs, code, field):
    query = """
        mutation ($input: RecordInstallationInput!) {
          recordInstallation(input: $input) { installation { id } errors { code path } }
        }
    """
    before = await everything(api)

    answer = await api.ask(query, input=inputs | REPORTED)

    assert answer["recordInstallation"]["installation"] is None
    errors = answer["recordInstallation"]["errors"]
    assert {"code": code, "path": ["input", field]} in errors
    assert await everything(api) == before


@pytest.mark.thorough
async def test_the_same_holds_if_wrangler_made_the_registry(tmp_path: Path):
    d1 = D1(tmp_path / "wrangler", [])
    script = tmp_path / "original.sql"
    script.write_text(original_registry.sql(), encoding="utf-8")

    d1.execute(script)
    migrator.migrate(d1.file)

    async with running(d1.file) as api:
        assert_shown(await everything(api))
        await test_every_connection_is_changed_by_every_mutation_of_connections(api)

"""Every field of every mutation's input with invalid values, one field at a time.

The rest of the input is valid, so that only that field is reported; nothing is written.
"""

from typing import Any

import pytest
import pytest_asyncio
from graphql import get_named_type, is_enum_type, is_list_type, is_non_null_type

from server.demo import registry
from tests.support.expectations.printed_schema import PRINTED
from tests.support.registries.databases import new_registry
from tests.support.registries.outgoing_webhooks import DEAD, WEBHOOK, add_webhook
from tests.support.services.api import running

MUTATIONS = PRINTED.mutation_type.fields

RIGHT: dict[str, dict[str, Any]] = {
    "registerActor": {"actorType": "HUMAN"},
    "updateActor": {"chittyId": "{actor}"},
    "suspendActor": {"chittyId": "{actor}"},
    "reinstateActor": {"chittyId": "{actor}"},
    "deleteActor": {"chittyId": "{actor}"},
    "recordActorSeen": {"chittyId": "{actor}"},
    "createContext": {"name": "newcomer", "owner": "{actor}"},
    "updateContext": {"chittyId": "{context}"},
    "transferContext": {"chittyId": "{context}", "newOwner": "{actor}"},
    "deleteContext": {"chittyId": "{context}"},
    "restoreContext": {"chittyId": "{context}"},
    "recordInstallation": {
        "installationId": "1",
        "accountId": "1",
        "accountLogin": "ada",
        "accountType": "USER",
        "repositorySelection": "ALL",
    },
    "suspendInstallation": {"installationId": "{installation}"},
    "unsuspendInstallation": {"installationId": "{installation}"},
    "removeInstallation": {"installationId": "{installation}"},
    "openConnection": {"source": "{actor}", "targetService": "newcomer"},
    "updateConnection": {"connectionId": "{connection}"},
    "disconnect": {"connectionId": "{connection}"},
    "reconnect": {"connectionId": "{connection}"},
    "reportConnectionHealth": {"connectionId": "{connection}", "healthy": False},
    "recordConnectionUse": {"connectionId": "{connection}"},
    "createWebhook": {"url": "https://example.org/"},
    "updateWebhook": {"id": WEBHOOK, "url": "https://example.org/"},
    "pauseWebhook": {"id": WEBHOOK},
    "resumeWebhook": {"id": WEBHOOK},
    "rotateWebhookSecret": {"id": WEBHOOK},
    "deleteWebhook": {"id": WEBHOOK},
    "replayWebhookDelivery": {"id": DEAD},
}
DEEP: Any = {}
for _ in range(9):
    DEEP = {"a": DEEP}
BAD: dict[str, list[Any]] = {
    "ChittyID": ["", "\0", "ada", "' OR 1=1 --", "did:chitty:did:chitty:CHITTY-ACTOR-ADA", 1, [], "A" * 201],
    "ID": ["", "\0", "x", "%", "00000000-0000-4000-8000-00000000000g", 1.5, {}],
    "String": ["", "a\0b", "\x1b[2J", "\u0085", 5, True, {"a": 1}, ["a", "b"]],
    "Boolean": ["true", 0, "", []],
    "Int": [0, -1, 1.5, 2**31, -(2**63) - 1, "1", 10**300],
    "BigInt": [0, -1, "0", 2**63, str(2**63), -(2**63) - 1, 2**64, 1.5, True, "1e3", "x\0", []],
    "DateTime": ["", "yesterday", "2026-02-30T00:00:00Z", "2026-01-01", 5, "2026-01-01T00:00:00Z\0"],
    "ChangeFilter": [1, "", [], {"kind": "ACTOR"}, {"kinds": ["NOTHING"]}, {"kinds": [None]}, {"kinds": None},
        {"at": {"gt": None}}, {"at": {"gt": "yesterday"}}, {"actor": None}, {"entityId": "x" * 9_000}],
    "JSON": [[], "x", 1, {"a": 2**63}, {"a": 10**300}, {"a": "x" * 17_000}, DEEP],
    "InstallationPermissionInput": [{}, {"name": "contents"}, {"name": "a\0", "access": "read"},
        {"name": "contents", "access": "all"}, {"name": "contents", "access": "read", "more": 1}, 5],
}  # fmt: skip
LISTS: list[Any] = [
    ["a\0"],
    [""],
    [None],
    ["same", "same"],
    ["x"] * 101,
    ["x" * 201],
    [["x"]],
    {},
    7,
]


def cases():
    for mutation, declared in MUTATIONS.items():
        (argument,) = declared.args.values()
        for name, field in get_named_type(argument.type).fields.items():
            for value in values(field.type):
                yield pytest.param(mutation, name, value, id=f"{mutation}.{name}={value!r:.30}")


def values(type_):
    required = is_non_null_type(type_)
    inner = type_.of_type if required else type_
    named = get_named_type(type_)
    if is_list_type(inner) and named.name == "String":
        return LISTS
    found = ["NOWHERE", 1, ""] if is_enum_type(named) else BAD[named.name]
    if is_list_type(inner):
        found = [[{"name": "contents", "access": "read"}, bad] for bad in found]
    return [*found, None] if required else found


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory):
    file = tmp_path_factory.mktemp("bad") / "registry.db"
    new_registry(file)
    add_webhook(file)
    async with running(file, readers=1) as api:
        await registry.fill(api.service.db)
        yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def known(api):
    """An active object of each type."""

    async def first(column, table, condition):
        [(key,), *_] = await api.rows(f"SELECT {column} FROM {table} WHERE {condition} ORDER BY 1")
        return str(key)

    return {
        "actor": await first("chitty_id", "actors", "status = 'active'"),
        "context": await first("chitty_id", "contexts", "status = 'active'"),
        "installation": await first("installation_id", "installations", "uninstalled_at IS NULL"),
        "connection": await first("connection_id", "connections", "status = 'active'"),
    }


async def version(api):
    """SQLite's data_version: it changes for a connection whenever another one commits a change."""
    return await api.rows("PRAGMA data_version")


async def test_every_mutation_has_a_valid_input_here():
    assert RIGHT.keys() == MUTATIONS.keys()


@pytest.mark.parametrize(("mutation", "field", "value"), list(cases()))
async def test_an_invalid_field_is_reported_by_name_and_nothing_is_written(
    api, known, mutation, field, value
):
    [(argument, declared)] = MUTATIONS[mutation].args.items()
    field_and_errors = f"{mutation}({argument}: $inputs) {{ errors {{ path }} }}"
    document = f"mutation($inputs: {declared.type}) {{ {field_and_errors} }}"
    right = {
        name: filled.format(**known) if isinstance(filled, str) else filled
        for name, filled in RIGHT[mutation].items()
    }
    inputs = {**right, field: value}
    before = await version(api)

    answer = await api.post(document, inputs=[inputs] if argument == "inputs" else inputs)

    if answer.get("data"):
        paths = [error["path"] for error in answer["data"][mutation]["errors"]]
        at = [argument, "0", field] if argument == "inputs" else [argument, field]
        assert paths
        assert all(path[: len(at)] == at for path in paths), paths
    else:
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_VARIABLES"}
        assert all("$inputs" in error["message"] for error in answer["errors"])
    assert await version(api) == before

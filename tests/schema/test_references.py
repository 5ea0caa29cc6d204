"""Mutations take the global id of an object wherever they take its key, if that is an ID or a ChittyID."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, get_named_type

from tests.support.expectations.printed_schema import PRINTED
from tests.support.registries import separate_owners
from tests.support.registries.permissions import (
    APP,
    LINK,
    ME,
    MINE,
    ROOT,
    THEIRS,
    THEM,
    actor,
    connection,
    context,
    errors_of,
    installation,
    registry,
)
from tests.support.services.api import Api, running

MUTATIONS = PRINTED.mutation_type.fields
ROWS = [
    *(actor(ME), actor(THEM), actor(ROOT, "admin")),
    *(context(MINE, ME), context(THEIRS, THEM)),
    *(installation(APP), connection(LINK, MINE, APP)),
]
TYPES = {ME: "Actor", THEM: "Actor", MINE: "Context", THEIRS: "Context", LINK: "Connection"}
# In this order, each finds the registry as those before have left it.
INPUTS: list[tuple[str, dict[str, Any]]] = [
    ("updateActor", {"chittyId": THEM, "displayName": "They"}),
    ("recordActorSeen", {"chittyId": ME}),
    ("createContext", {"chittyId": "CHITTY-CONTEXT-NEW", "name": "new", "owner": ME}),
    ("updateContext", {"chittyId": MINE, "name": "renamed"}),
    ("transferContext", {"chittyId": MINE, "newOwner": THEM}),
    ("deleteContext", {"chittyId": THEIRS}),
    ("restoreContext", {"chittyId": THEIRS}),
    ("suspendInstallation", {"installationId": str(APP), "suspendedBy": ME}),
    ("updateConnection", {"connectionId": LINK, "targetEndpoint": "/hook"}),
    ("reportConnectionHealth", {"connectionId": LINK, "healthy": False}),
    ("recordConnectionUse", {"connectionId": LINK}),
    ("disconnect", {"connectionId": LINK}),
    ("reconnect", {"connectionId": LINK}),
    ("openConnection", {"source": MINE, "targetService": "slack"}),
    ("openConnection", {"source": ME, "targetService": "slack"}),
    ("suspendActor", {"chittyId": ME}),
    ("reinstateActor", {"chittyId": ME}),
    ("deleteActor", {"chittyId": THEM, "transferContextsTo": ME}),
]
# Ids that name no row: of new ones, and of records that other services of ChittyOS keep.
OF_NO_ROW = {
    "RegisterActorInput.chittyId",
    "CreateContextInput.chittyId",
    "RecordInstallationInput.chittyId",
    "OpenConnectionInput.connectionId",
    *(
        f"{name}.{field}"
        for name in ("RegisterActorInput", "UpdateActorInput", "CreateContextInput")
        for field in ("chittyDnaId", "chittyChronicleTimelineId")
    ),
    "UpdateContextInput.chittyDnaId",
    "UpdateContextInput.chittyChronicleTimelineId",
    "RecordInstallationInput.chittyDnaId",
    "UpdateWebhookInput.id",
    "WebhookRefInput.id",
    "RotateWebhookSecretInput.id",
    "ReplayWebhookDeliveryInput.id",
}


def global_id(type_name: str, key: object) -> str:
    return base64.urlsafe_b64encode(f"{type_name}:{key}".encode()).rstrip(b"=").decode()


def with_global_ids(inputs: dict[str, Any]) -> dict[str, Any]:
    return {
        name: global_id(TYPES[value], value) if value in TYPES else value
        for name, value in inputs.items()
    }


@asynccontextmanager
async def served(
    path: Path, *, compiled: bool, more: list[Any] | None = None
) -> AsyncIterator[Api]:
    separate_owners.store(path, [*ROWS, *(more or [])], [])
    async with running(path, compiled=compiled) as api:
        yield api


async def stored(api: Api) -> list[Any]:
    """What mutations change, but the times and ids that they make."""
    return [
        await api.rows("SELECT chitty_id, status, display_name, session_count FROM actors"),
        await api.rows("SELECT chitty_id, status, name, owner_chitty_id FROM contexts"),
        await api.rows("SELECT installation_id, suspended_by_chitty_id FROM installations"),
        await api.rows(
            "SELECT source_chitty_id, source_type, target_endpoint, status, request_count, error_count"
            " FROM connections ORDER BY created_at, source_type"
        ),
    ]


def test_every_id_in_the_input_of_a_mutation_is_named_here():
    used = {
        f"{get_named_type(argument.type).name}.{field}"
        for name, inputs in INPUTS
        for argument in MUTATIONS[name].args.values()
        for field in inputs
    }
    ids = set()
    for mutation in MUTATIONS.values():
        for argument in mutation.args.values():
            type_ = get_named_type(argument.type)
            assert isinstance(type_, GraphQLInputObjectType)
            for field, definition in type_.fields.items():
                if get_named_type(definition.type).name in ("ID", "ChittyID"):
                    ids.add(f"{type_.name}.{field}")

    assert ids - OF_NO_ROW <= used
    assert {name for name in ids if "global id" not in _description(name)} == OF_NO_ROW & ids


def _description(coordinate: str) -> Any:
    type_name, field = coordinate.split(".")
    type_: Any = PRINTED.type_map[type_name]
    return type_.fields[field].description


@pytest.mark.parametrize("compiled", [False, True], ids=["generic", "compiled"])
async def test_a_global_id_does_what_the_key_does_in_every_mutation(tmp_path: Path, compiled: bool):
    async with (
        served(tmp_path / "keys.db", compiled=compiled) as by_key,
        served(tmp_path / "ids.db", compiled=compiled) as by_id,
    ):
        for mutation, inputs in INPUTS:
            expected = await errors_of(by_key, mutation, inputs)
            errors = await errors_of(by_id, mutation, with_global_ids(inputs))

            assert (mutation, errors) == (mutation, expected) == (mutation, [])
            assert await stored(by_id) == await stored(by_key)


@pytest.mark.parametrize("compiled", [False, True], ids=["generic", "compiled"])
async def test_a_global_id_of_another_type_is_invalid_beside_all_other_problems(
    tmp_path: Path, compiled: bool
):
    async with served(tmp_path / "registry.db", compiled=compiled) as api:
        before = await stored(api)
        found = [
            await errors_of(
                api, "createContext", {"name": "", "owner": global_id("Context", MINE)}
            ),
            await errors_of(
                api,
                "openConnection",
                {"source": global_id("Installation", APP), "targetService": "slack"},
            ),
            await errors_of(api, "disconnect", {"connectionId": global_id("Actor", ME)}),
        ]

        assert await stored(api) == before
    assert [[(each["path"], each["message"]) for each in errors] for errors in found] == [
        [
            (["input", "name"], "has 0 characters, must have 1 to 200"),
            (
                ["input", "owner"],
                "is the id of a Context: send the chittyId or the id of an Actor",
            ),
        ],
        [
            (
                ["input", "source"],
                "is the id of an Installation: send the chittyId or the id of a Context or an Actor",
            )
        ],
        [
            (
                ["input", "connectionId"],
                "is the id of an Actor: send the connectionId or the id of a Connection",
            )
        ],
    ]
    assert {each["code"] for errors in found for each in errors} == {"INVALID"}


@pytest.mark.parametrize("compiled", [False, True], ids=["generic", "compiled"])
async def test_each_input_of_a_list_may_have_either(tmp_path: Path, compiled: bool):
    document = """mutation ($uses: [RecordConnectionUseInput!]!) {
        recordConnectionUse(inputs: $uses) {
            connections { connectionId requestCount } errors { path message } } }"""
    id_ = global_id("Connection", LINK)
    async with served(tmp_path / "registry.db", compiled=compiled) as api:
        both = await api.ask(document, uses=[{"connectionId": LINK}, {"connectionId": id_}])
        wrong = await api.ask(
            document, uses=[{"connectionId": id_}, {"connectionId": global_id("Context", MINE)}]
        )

    used = {"connectionId": LINK, "requestCount": "2"}
    assert both["recordConnectionUse"] == {"connections": [used, used], "errors": []}
    assert [each["path"] for each in wrong["recordConnectionUse"]["errors"]] == [
        ["inputs", "1", "connectionId"]
    ]


async def test_a_missing_object_is_not_found_by_its_global_id_either(tmp_path: Path):
    id_ = global_id("Actor", "CHITTY-ACTOR-NOBODY")
    async with served(tmp_path / "registry.db", compiled=True) as api:
        (error,) = await errors_of(api, "suspendActor", {"chittyId": id_})

    assert (error["code"], error["path"]) == ("NOT_FOUND", ["input", "chittyId"])


async def test_what_is_no_global_id_stays_a_key(tmp_path: Path):
    """A changed letter, padding, a space, and a type that is none: as `node` takes none of them."""
    id_ = global_id("Actor", ME)
    async with served(tmp_path / "registry.db", compiled=True) as api:
        for key in (id_ + "=", id_[:-1] + "!", f" {id_}", global_id("Actors", ME)):
            (error,) = await errors_of(api, "suspendActor", {"chittyId": key})
            assert error["code"] == "NOT_FOUND"


@pytest.mark.parametrize("compiled", [False, True], ids=["generic", "compiled"])
async def test_a_text_that_is_a_key_stays_one_though_it_could_be_a_global_id(
    tmp_path: Path, compiled: bool
):
    mine, link = global_id("Actor", ME), global_id("Connection", LINK)
    adopted = [actor(mine), connection(link, THEIRS, None)]
    async with served(tmp_path / "registry.db", compiled=compiled, more=adopted) as api:
        assert await errors_of(api, "suspendActor", {"chittyId": mine}) == []
        assert await errors_of(api, "disconnect", {"connectionId": link}) == []
        suspended = await api.rows("SELECT chitty_id FROM actors WHERE status = 'suspended'")
        closed = await api.rows(
            "SELECT connection_id FROM connections WHERE status = 'disconnected'"
        )

    assert (suspended, closed) == ([(mine,)], [(link,)])


async def test_a_key_that_the_viewer_does_not_see_is_not_revealed_by_it(tmp_path: Path):
    """Else an own object's id would find nothing, where a hidden row has it as its key."""
    link = global_id("Connection", LINK)
    async with registry(tmp_path) as (me, _):
        await me.put(
            "UPDATE connections SET connection_id = :link WHERE source_chitty_id = :theirs",
            link=link,
            theirs=THEIRS,
        )
        errors = await errors_of(me, "disconnect", {"connectionId": link})
        closed = await me.rows(
            "SELECT connection_id FROM connections WHERE status = 'disconnected'"
        )

    assert (errors, closed) == ([], [(LINK,)])


async def test_the_global_id_of_the_longest_chitty_id_is_accepted(tmp_path: Path):
    longest = "A" * 200
    more = [actor(longest)]
    async with served(tmp_path / "registry.db", compiled=True, more=more) as api:
        errors = await errors_of(api, "suspendActor", {"chittyId": global_id("Actor", longest)})
        suspended = await api.rows("SELECT chitty_id FROM actors WHERE status = 'suspended'")

    assert (errors, suspended) == ([], [(longest,)])

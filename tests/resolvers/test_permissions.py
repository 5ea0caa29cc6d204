"""Every mutation, by viewers with no capability, with each one, and with all of them."""

from pathlib import Path
from typing import Any

import pytest

from resolvers.permissions import Capability
from schema.built import GRAPHQL
from tests.support.registries.outgoing_webhooks import DEAD, WEBHOOK
from tests.support.registries.permissions import (
    APP,
    AT,
    FACE,
    FAR_APP,
    FAR_LINK,
    LINK,
    ME,
    MINE,
    ROOT,
    THEIRS,
    THEM,
    codes_of,
    errors_of,
    registry,
)

# The holders, in the order of the letters below: Done, Forbidden, or Not found.
HOLDERS: tuple[tuple[str, ...], ...] = (
    (),
    ("audit:read", "something else"),
    ("registry:read",),
    ("installations:write",),
    ("connections:report",),
    ("registry:write",),
    ("admin",),
)
PARTS = {
    "accountId": "7",
    "accountLogin": "ada",
    "accountType": "USER",
    "repositorySelection": "ALL",
}
# What is the viewer's own, what it sees of others (FACE, APP), and what an ordinary viewer does not see.
POLICY: list[tuple[str, dict[str, Any], str]] = [
    ("registerActor", {"actorType": "HUMAN"}, "FFFFFDD"),
    ("registerActor", {"actorType": "HUMAN", "chittyAuthPrincipalId": "new"}, "FFFFFFD"),
    ("updateActor", {"chittyId": ME, "displayName": "Ada", "avatarUrl": None}, "DDDDDDD"),
    ("updateActor", {"chittyId": ME, "email": "ada@example.org"}, "FFFFFDD"),
    ("updateActor", {"chittyId": ME, "chittyDnaId": None}, "FFFFFDD"),
    ("updateActor", {"chittyId": ME, "chittyAuthPrincipalId": "ada"}, "FFFFFFD"),
    ("updateActor", {"chittyId": FACE, "displayName": "Ada"}, "FFFFFDD"),
    ("updateActor", {"chittyId": THEM, "displayName": "Ada"}, "NNFNNDD"),
    ("recordActorSeen", {"chittyId": ME}, "DDDDDDD"),
    ("recordActorSeen", {"chittyId": FACE}, "FFFFFDD"),
    ("recordActorSeen", {"chittyId": THEM}, "NNFNNDD"),
    ("createContext", {"name": "a", "owner": ME}, "DDDDDDD"),
    ("createContext", {"name": "b", "owner": FACE}, "FFFFFDD"),
    ("createContext", {"name": "c", "owner": THEM}, "NNFNNDD"),
    ("updateContext", {"chittyId": MINE, "data": ["a"]}, "DDDDDDD"),
    ("updateContext", {"chittyId": THEIRS, "data": ["a"]}, "NNFNNDD"),
    ("recordInstallation", {"installationId": "3", **PARTS}, "FFFDFDD"),
    ("recordInstallation", {"installationId": str(APP), **PARTS}, "FFFDFDD"),
    ("openConnection", {"source": ME, "targetService": "a"}, "DDDDDDD"),
    ("openConnection", {"source": MINE, "targetService": "a"}, "DDDDDDD"),
    ("openConnection", {"source": FACE, "targetService": "a"}, "FFFFFDD"),
    ("openConnection", {"source": THEM, "targetService": "a"}, "NNFNNDD"),
    ("openConnection", {"source": THEIRS, "targetService": "a"}, "NNFNNDD"),
    (
        "openConnection",
        {"source": ME, "targetService": "b", "installationId": str(APP)},
        "DDDDDDD",
    ),
    (
        "openConnection",
        {"source": MINE, "targetService": "b", "installationId": str(FAR_APP)},
        "NNDDNDD",
    ),
    ("updateConnection", {"connectionId": LINK, "credentialsKvKey": "keys/ada"}, "DDDDDDD"),
    ("updateConnection", {"connectionId": FAR_LINK, "credentialsKvKey": "keys/ada"}, "NNFNNDD"),
    ("reportConnectionHealth", {"connectionId": LINK, "healthy": False}, "FFFFDDD"),
    ("reportConnectionHealth", {"connectionId": FAR_LINK, "healthy": False}, "FFFFNDD"),
    ("recordConnectionUse", {"connectionId": LINK}, "FFFFDDD"),
    ("recordConnectionUse", {"connectionId": FAR_LINK}, "FFFFNDD"),
    ("disconnect", {"connectionId": LINK}, "DDDDDDD"),
    ("disconnect", {"connectionId": FAR_LINK}, "NNFNNDD"),
    ("reconnect", {"connectionId": LINK}, "DDDDDDD"),
    ("reconnect", {"connectionId": FAR_LINK}, "NNFNNDD"),
    ("suspendInstallation", {"installationId": str(APP)}, "FFFDFDD"),
    ("suspendInstallation", {"installationId": str(FAR_APP)}, "FFFDFDD"),
    (
        "suspendInstallation",
        {"installationId": str(FAR_APP), "suspendedBy": THEM},
        "FFFNFDD",
    ),
    ("unsuspendInstallation", {"installationId": str(APP)}, "FFFDFDD"),
    ("unsuspendInstallation", {"installationId": str(FAR_APP)}, "FFFDFDD"),
    ("removeInstallation", {"installationId": str(APP)}, "FFFDFDD"),
    ("removeInstallation", {"installationId": str(FAR_APP)}, "FFFDFDD"),
    ("deleteContext", {"chittyId": MINE}, "DDDDDDD"),
    ("deleteContext", {"chittyId": THEIRS}, "NNFNNDD"),
    ("restoreContext", {"chittyId": MINE}, "DDDDDDD"),
    ("restoreContext", {"chittyId": THEIRS}, "NNFNNDD"),
    ("transferContext", {"chittyId": MINE, "newOwner": ROOT}, "FFFFFDD"),
    ("transferContext", {"chittyId": THEIRS, "newOwner": ROOT}, "FFFFFDD"),
    ("suspendActor", {"chittyId": FACE}, "FFFFFDD"),
    ("suspendActor", {"chittyId": THEM}, "FFFFFDD"),
    ("reinstateActor", {"chittyId": FACE}, "FFFFFDD"),
    ("reinstateActor", {"chittyId": THEM}, "FFFFFDD"),
    ("deleteActor", {"chittyId": FACE, "transferContextsTo": ROOT}, "FFFFFDD"),
    ("deleteActor", {"chittyId": THEM, "transferContextsTo": ROOT}, "FFFFFDD"),
    ("createWebhook", {"url": "https://example.org/"}, "FFFFFFD"),
    ("updateWebhook", {"id": WEBHOOK, "url": "https://example.org/2"}, "FFFFFFD"),
    ("pauseWebhook", {"id": WEBHOOK}, "FFFFFFD"),
    ("resumeWebhook", {"id": WEBHOOK}, "FFFFFFD"),
    ("rotateWebhookSecret", {"id": WEBHOOK}, "FFFFFFD"),
    ("replayWebhookDelivery", {"id": DEAD}, "FFFFFFD"),
    ("deleteWebhook", {"id": WEBHOOK}, "FFFFFFD"),
    ("suspendActor", {"chittyId": ME}, "FFFFFDD"),
]
LETTERS = {"FORBIDDEN": "F", "NOT_FOUND": "N"}


@pytest.mark.parametrize(
    ("place", "holds"),
    list(enumerate(HOLDERS)),
)
async def test_each_mutation_succeeds_or_fails_as_the_table_says(
    place: int, holds: tuple[str, ...], tmp_path: Path
):
    found = []
    async with registry(tmp_path, *holds) as (me, _):
        for mutation, inputs, _letters in POLICY:
            codes = await codes_of(me, mutation, inputs)
            found.append((mutation, inputs, "".join(LETTERS[code] for code in codes) or "D"))

    assert found == [(mutation, inputs, letters[place]) for mutation, inputs, letters in POLICY]


def test_the_table_has_every_mutation_and_every_capability():
    assert {mutation for mutation, _, _ in POLICY} == {*GRAPHQL.mutation_type.fields}
    assert {each for holds in HOLDERS for each in holds} >= {*Capability}


@pytest.mark.parametrize(("held", "codes"), [((), ["ALREADY_EXISTS"]), (("registry:write",), [])])
async def test_nobody_acquires_connections_whose_context_does_not_exist(
    held: tuple[str, ...], codes: list[str], tmp_path: Path
):
    gone = "CHITTY-CONTEXT-GONE"
    async with registry(tmp_path, *held) as (me, _):
        await me.put(
            "UPDATE connections SET source_chitty_id = :gone WHERE connection_id = :id",
            gone=gone,
            id=FAR_LINK,
        )
        found = await codes_of(
            me, "createContext", {"chittyId": gone, "name": "again", "owner": ME}
        )

    assert found == codes


async def test_hidden_credentials_cannot_be_guessed_by_setting_the_same_key(tmp_path: Path):
    document = """mutation ($id: ID!, $key: String) {
        updateConnection(input: { connectionId: $id, credentialsKvKey: $key }) {
            connection { updatedAt credentialsKvKey } } }"""
    async with registry(tmp_path, "registry:write") as (me, root):
        await root.put("UPDATE connections SET credentials_kv_key = 'keys/one'")
        by_who_may_not_know, by_admin = [
            (await api.ask(document, id=id_, key="keys/one"))["updateConnection"]["connection"]
            for api, id_ in ((me, FAR_LINK), (root, LINK))
        ]

    assert by_who_may_not_know["updatedAt"] > AT
    assert by_admin["updatedAt"] == AT
    assert (by_who_may_not_know["credentialsKvKey"], by_admin["credentialsKvKey"]) == (
        None,
        "keys/one",
    )


@pytest.mark.parametrize("kind", ["context", "actor"])
async def test_a_connection_that_another_program_stored_blocks_a_duplicate(
    kind: str, tmp_path: Path
):
    """Other programs may store an actor's id as that of a source context, and the reverse."""
    source = {"context": ME, "actor": MINE}[kind]
    async with registry(tmp_path) as (me, _):
        await me.put(
            "UPDATE connections SET source_chitty_id = :source, source_type = :kind,"
            " target_service = 'mail' WHERE connection_id = :id",
            source=source,
            kind=kind,
            id=FAR_LINK,
        )
        codes = await codes_of(me, "openConnection", {"source": source, "targetService": "mail"})

    assert codes == ["ALREADY_EXISTS"]


async def test_connections_of_a_hidden_source_are_not_revealed(tmp_path: Path):
    async with registry(tmp_path) as (me, _):
        codes = await codes_of(me, "openConnection", {"source": THEIRS, "targetService": "github"})

    assert codes == ["NOT_FOUND"]


async def test_a_hidden_context_blocks_its_name_without_being_revealed(tmp_path: Path):
    async with registry(tmp_path) as (me, _):
        errors = await errors_of(me, "createContext", {"name": THEIRS, "owner": ME})

    assert errors == [
        {
            "code": "ALREADY_EXISTS",
            "path": ["input", "name"],
            "message": f"a context named {THEIRS!r} already exists; deleted contexts keep their names",
        }
    ]


async def test_an_installation_is_suspended_in_the_viewers_name(tmp_path: Path):
    async with registry(tmp_path, "installations:write") as (me, _):
        await codes_of(me, "suspendInstallation", {"installationId": str(FAR_APP)})
        found = await me.rows(
            "SELECT suspended_by_chitty_id FROM installations WHERE installation_id = :id",
            id=FAR_APP,
        )

    assert found == [(ME,)]

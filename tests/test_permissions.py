"""Who may do what: every mutation, for whoever holds nothing, each capability, or all of them."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from db.chitty_id import local
from resolvers.permissions import Capability
from schema.served import GRAPHQL
from server.app import Service
from tests.permitting import (
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
from tests.storing import elsewhere

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
RULES: list[tuple[str, dict[str, Any], str]] = [
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
    ("suspendActor", {"chittyId": ME}, "FFFFFDD"),
]
LETTERS = {"FORBIDDEN": "F", "NOT_FOUND": "N"}


@pytest.mark.parametrize(
    ("place", "holds"),
    list(enumerate(HOLDERS)),
)
async def test_each_mutation_is_done_or_refused_as_the_table_says(
    place: int, holds: tuple[str, ...], tmp_path: Path
):
    found = []
    async with registry(tmp_path, *holds) as (me, _):
        for mutation, given, _letters in RULES:
            codes = await codes_of(me, mutation, given)
            found.append((mutation, given, "".join(LETTERS[code] for code in codes) or "D"))

    assert found == [(mutation, given, letters[place]) for mutation, given, letters in RULES]


def test_the_table_has_every_mutation_and_every_capability():
    assert {mutation for mutation, _, _ in RULES} == {*GRAPHQL.mutation_type.fields}
    assert {each for holds in HOLDERS for each in holds} >= {*Capability}


@pytest.mark.parametrize(
    ("holds", "given", "allowed"),
    [
        (["registry:write"], ["registry:write", "registry:read", "connections:report"], True),
        (["registry:write", "custom"], ["custom"], True),
        (["registry:write"], ["custom"], False),
        (["registry:write"], ["admin"], False),
        (["registry:write"], ["audit:read"], False),
        (["admin"], ["admin", "anything"], True),
    ],
)
async def test_nobody_gives_or_takes_away_what_they_do_not_hold(
    holds: list[str], given: list[str], allowed: bool, tmp_path: Path
):
    expected = [] if allowed else ["FORBIDDEN"]
    new = {"actorType": "HUMAN", "capabilities": given}
    async with registry(tmp_path, *holds) as (me, root):
        registered = await codes_of(me, "registerActor", new)
        granted = await codes_of(me, "updateActor", {"chittyId": THEM, "capabilities": given})
        await root.ask(
            "mutation ($given: UpdateActorInput!)"
            " { updateActor(input: $given) { errors { message } } }",
            given={"chittyId": FACE, "capabilities": given},
        )
        stripped = await codes_of(me, "updateActor", {"chittyId": FACE, "capabilities": []})

    assert (registered, granted, stripped) == (expected, expected, expected)


@pytest.mark.parametrize("mutation", ["suspendActor", "reinstateActor", "deleteActor"])
async def test_who_holds_more_is_ended_by_nobody_who_holds_less(mutation: str, tmp_path: Path):
    async with registry(tmp_path, "registry:write") as (me, _):
        assert "FORBIDDEN" in await codes_of(me, mutation, {"chittyId": ROOT})


@pytest.mark.parametrize(
    ("mutation", "more"),
    [
        ("suspendActor", {}),
        ("deleteActor", {}),
        ("updateActor", {"capabilities": ["registry:write"]}),
    ],
)
async def test_the_last_admin_stays_one(mutation: str, more: dict[str, Any], tmp_path: Path):
    async with registry(tmp_path) as (_, root):
        (error,) = await errors_of(root, mutation, {"chittyId": ROOT, **more})
        still = await root.ask("{ viewer { capabilities } }")

    assert (error["code"], error["message"]) == (
        "CONFLICT",
        f"{ROOT} is the last active admin: make another actor one first",
    )
    assert still == {"viewer": {"capabilities": ["admin"]}}


@pytest.mark.parametrize(
    "stored",
    [
        *('{"of": "admin"}', '"admin"', "admin", '["administrator"]', '["admin", 1]'),
        *(b'["admin"]', '["admin", "\\ud800"]', '["admin", "\\uD8"]'),
    ],
)
async def test_who_only_looks_like_an_admin_is_not_counted_as_one(
    stored: str | bytes, tmp_path: Path
):
    async with registry(tmp_path) as (_, root):
        await root.put("PRAGMA ignore_check_constraints = TRUE")  # adopted registries have none
        await root.put(
            "UPDATE actors SET capabilities = :stored WHERE chitty_id = :face",
            stored=stored,
            face=FACE,
        )
        codes = await codes_of(root, "suspendActor", {"chittyId": ROOT})

    assert codes == ["CONFLICT"]


async def test_an_admin_who_is_suspended_is_not_counted_as_one(tmp_path: Path):
    async with registry(tmp_path, "admin") as (_, root):
        one = await codes_of(root, "suspendActor", {"chittyId": ME})
        both = await codes_of(root, "suspendActor", {"chittyId": ROOT})

    assert (one, both) == ([], ["CONFLICT"])


async def test_an_ordinary_actor_does_not_give_up_what_it_holds(tmp_path: Path):
    async with registry(tmp_path, "audit:read") as (me, _):
        assert await codes_of(me, "updateActor", {"chittyId": ME, "capabilities": []}) == [
            "FORBIDDEN"
        ]


async def test_of_two_admins_who_end_each_other_at_once_one_stays(tmp_path: Path):
    async with registry(tmp_path, "admin") as (me, root):
        both = await asyncio.gather(
            codes_of(me, "suspendActor", {"chittyId": ROOT}),
            codes_of(root, "suspendActor", {"chittyId": ME}),
            return_exceptions=True,
        )
        admins = await me.rows(
            "SELECT count(*) FROM actors WHERE status = 'active' AND capabilities LIKE '%admin%'"
        )

    assert [] in both
    assert admins == [(1,)]


async def test_a_principal_belongs_to_one_actor(tmp_path: Path):
    principal = {"chittyAuthPrincipalId": f"principal of {THEM}"}
    async with registry(tmp_path, "admin") as (me, _):
        registered = await codes_of(me, "registerActor", {"actorType": "HUMAN", **principal})
        updated = await codes_of(me, "updateActor", {"chittyId": ME, **principal})

    assert (registered, updated) == (["ALREADY_EXISTS"], ["ALREADY_EXISTS"])


async def test_what_names_an_actor_in_tokens_names_no_other(tmp_path: Path):
    named, free = "CHITTY-ACTOR-NAMED", {"actorType": "HUMAN", "chittyAuthPrincipalId": "free"}
    async with registry(tmp_path, "admin") as (me, _):
        itself = await codes_of(me, "updateActor", {"chittyId": ME, "chittyAuthPrincipalId": named})
        registered = await codes_of(me, "registerActor", {"chittyId": named, **free})
        others = [
            await codes_of(me, mutation, given | {"chittyAuthPrincipalId": THEM})
            for mutation, given in (
                ("registerActor", {"actorType": "HUMAN"}),
                ("updateActor", {"chittyId": ME}),
            )
        ]
        own = await codes_of(me, "updateActor", {"chittyId": ME, "chittyAuthPrincipalId": ME})

    assert (itself, registered, own) == ([], ["ALREADY_EXISTS"], [])
    assert others == [["ALREADY_EXISTS"], ["ALREADY_EXISTS"]]


@pytest.mark.parametrize(("held", "codes"), [((), ["ALREADY_EXISTS"]), (("registry:write",), [])])
async def test_nobody_comes_by_connections_whose_context_is_gone(
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


async def test_credentials_that_are_hidden_are_not_found_out_by_setting_the_same(tmp_path: Path):
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
async def test_a_connection_that_another_program_stored_for_the_same_source_is_in_the_way(
    kind: str, tmp_path: Path
):
    """What others' programs store may have an actor's or a context's id as a source of the other kind."""
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


async def test_what_is_active_at_a_source_that_is_not_seen_is_not_told(tmp_path: Path):
    async with registry(tmp_path) as (me, _):
        codes = await codes_of(me, "openConnection", {"source": THEIRS, "targetService": "github"})

    assert codes == ["NOT_FOUND"]


@pytest.mark.parametrize("mutation", ["createContext", "updateContext", "openConnection"])
async def test_a_key_that_is_revoked_while_its_write_waits_stores_nothing(
    mutation: str, tmp_path: Path
):
    given = {
        "createContext": {"name": "late", "owner": ME},
        "updateContext": {"chittyId": MINE, "name": "late"},
        "openConnection": {"source": ME, "targetService": "late"},
    }[mutation]
    file = tmp_path / "registry.db"
    async with registry(tmp_path) as (me, _):
        await codes_of(me, "recordActorSeen", {"chittyId": ME})  # the key's day is noted by then
        with elsewhere(file) as connection:
            connection.execute("BEGIN IMMEDIATE")
            waiting = asyncio.ensure_future(codes_of(me, mutation, given))
            await asyncio.sleep(0.2)  # it waits for the lock by then, or comes when it has lost
            connection.execute("UPDATE api_keys SET revoked_at = '2026-01-01T00:00:00.000Z'")
            connection.execute("COMMIT")
        codes = await waiting

    assert codes == ["FORBIDDEN"]


async def test_a_name_that_somebody_else_took_is_taken_and_nothing_more_is_said(tmp_path: Path):
    async with registry(tmp_path) as (me, _):
        errors = await errors_of(me, "createContext", {"name": THEIRS, "owner": ME})

    assert errors == [
        {
            "code": "ALREADY_EXISTS",
            "path": ["input", "name"],
            "message": f"a context named {THEIRS!r} exists already; a deleted one keeps its name",
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


async def test_who_is_suspended_has_lost_everything_with_the_next_request(tmp_path: Path):
    async with registry(tmp_path, "registry:write") as (me, root):
        before = await me.client.post("/graphql", json={"query": "{ __typename }"})
        await codes_of(root, "suspendActor", {"chittyId": ME})
        after = await me.client.post("/graphql", json={"query": "{ __typename }"})

    assert (before.status_code, after.status_code) == (200, 401)


async def test_who_is_suspended_while_its_request_comes_in_has_lost_everything_too(tmp_path: Path):
    async with registry(tmp_path, "registry:write") as (me, root):

        async def slow_body() -> AsyncIterator[bytes]:
            yield b'{"query": "mutation { reinstateActor('
            await codes_of(root, "suspendActor", {"chittyId": ME})
            yield b'input: { chittyId: \\"%s\\" }) { errors { code } } }"}' % ME.encode()

        answer = await me.client.post(
            "/graphql", content=slow_body(), headers={"content-type": "application/json"}
        )
        stored = await root.rows("SELECT status FROM actors WHERE chitty_id = :me", me=ME)

    assert (answer.status_code, stored) == (401, [("suspended",)])


@pytest.mark.parametrize(
    ("left", "codes"),
    [
        ([], ["FORBIDDEN"]),
        (["registry:write"], ["FORBIDDEN"]),
        (["admin", "registry:write"], []),
    ],
)
async def test_who_gives_something_up_does_not_have_it_for_the_rest_of_its_document(
    left: list[str], codes: list[str], tmp_path: Path
):
    document = """mutation ($me: ChittyID!, $left: [String!]!) {
        before: updateActor(input: { chittyId: $me, capabilities: $left }) { errors { code } }
        after: updateActor(input: { chittyId: $me, capabilities: ["admin"] }) { errors { code } }
    }"""
    async with registry(tmp_path, "admin") as (me, _):
        answer = await me.ask(document, me=ME, left=left)
        stored = await me.rows("SELECT capabilities FROM actors WHERE chitty_id = :me", me=ME)

    assert answer["before"]["errors"] == []
    assert [error["code"] for error in answer["after"]["errors"]] == codes
    assert json.loads(str(stored[0][0])) == (left if codes else ["admin"])


async def test_who_is_suspended_while_a_chittyid_is_minted_for_it_stores_nothing(tmp_path: Path):
    async with registry(tmp_path, "registry:write") as (me, root):

        async def slow_mint(kind: str) -> str:
            await codes_of(root, "suspendActor", {"chittyId": ME})
            return local(kind)

        assert isinstance(me.app, Service)
        me.app.mint = slow_mint
        codes = await codes_of(me, "createContext", {"name": "late", "owner": ME})
        stored = await me.rows("SELECT count(*) FROM contexts WHERE name = 'late'")

    assert (codes, stored) == (["FORBIDDEN"], [(0,)])

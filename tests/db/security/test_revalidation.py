"""Rights that are lost while something of a request is still to come: they are lost for that too."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db.model.chitty_id import local
from server.app import Service
from tests.support.permissions import ME, codes_of, registry


async def test_a_key_that_is_revoked_while_its_write_waits_stores_nothing(tmp_path: Path):
    async with registry(tmp_path) as (me, _):

        async def slow_mint(kind: str) -> str:
            await me.put("UPDATE api_keys SET revoked_at = '2026-01-01T00:00:00.000Z'")
            return local(kind)

        assert isinstance(me.app, Service)
        me.app.mint = slow_mint
        codes = await codes_of(me, "createContext", {"name": "late", "owner": ME})
        stored = await me.rows("SELECT count(*) FROM contexts WHERE name = 'late'")

    assert (codes, stored) == (["FORBIDDEN"], [(0,)])


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

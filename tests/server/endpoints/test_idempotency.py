"""Mutations with an Idempotency-Key: the same request again has the same answer, and writes nothing."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.resolvers.test_permissions import POLICY
from tests.support.registries import separate_owners
from tests.support.registries.permissions import LINK, ME, codes_of, registry
from tests.support.registries.separate_owners import seen_by
from tests.support.requests.idempotent_requests import (
    CREATE,
    OTHER_LINK,
    REGISTER,
    USE,
    USES,
    codes,
    everything,
    is_repeatable,
    request_of,
    send,
)
from tests.support.services.api import Api, running

# In POLICY, an admin may do all of them. What ends its own rights comes elsewhere.
DONE = [
    (mutation, given)
    for mutation, given, _ in POLICY
    if is_repeatable(mutation) and given.get("chittyId") != ME
]
REUSED = "IDEMPOTENCY_KEY_REUSED"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """A service in open mode over a new registry."""
    async with running(tmp_path / "registry.db") as api:
        yield api


@asynccontextmanager
async def both_paths(folder: Path) -> AsyncIterator[tuple[Api, Api]]:
    """The same actor at two services over the registry of ROOT and ME: one compiles, the other does not."""
    async with registry(folder, "admin") as (me, _):
        path = folder / "registry.db"
        async with (
            running(path, compiled=False, **separate_owners.SETTINGS) as other,
            seen_by(other, ME) as generic,
        ):
            yield me, generic


async def test_both_execution_paths_repeat_each_others_answers_and_write_nothing(tmp_path: Path):
    async with both_paths(tmp_path) as paths:
        for number, (mutation, given) in enumerate(DONE):
            request, key = request_of(mutation, given), f'"{number}"'
            first, other = paths if number % 2 else reversed(paths)
            done = await send(first, request, key)
            before = await everything(first)

            again, elsewhere = await send(first, request, key), await send(other, request, key)

            assert (mutation, codes(done.body)) == (mutation, [])
            assert (again, elsewhere) == (done, done)
            assert await everything(first) == before


@pytest.mark.parametrize("compiled", [True, False])
async def test_what_others_changed_since_then_is_not_in_the_answer(tmp_path: Path, compiled: bool):
    async with running(tmp_path / "registry.db", compiled=compiled) as api:
        made = await api.ask(REGISTER, name="Ada")
        owner = made["registerActor"]["actor"]["chittyId"]
        request = {"query": CREATE, "variables": {"name": "a", "owner": owner}}
        done = await send(api, request, "one")
        await api.put("UPDATE contexts SET name = 'b', updated_at = '2030-01-01T00:00:00.000Z'")

        assert await send(api, request, "one") == done


async def test_a_use_of_a_connection_is_counted_once_per_key(tmp_path: Path):
    async with registry(tmp_path, "admin") as (me, _):
        for key in ("one", "one", "two", "one", "two"):
            await send(me, {"query": USE}, key)

        assert await me.rows(USES, link=LINK) == [(2,)]


async def test_connections_are_repeated_in_the_order_of_the_inputs(tmp_path: Path):
    uses = [{"connectionId": LINK, "requests": 2}, {"connectionId": LINK, "requests": 3}]
    query = """mutation ($inputs: [RecordConnectionUseInput!]!) {
        recordConnectionUse(inputs: $inputs) { connections { connectionId requestCount } }
    }"""
    async with registry(tmp_path, "admin") as (me, _):
        assert await codes_of(me, "openConnection", OTHER_LINK) == []
        other = OTHER_LINK["connectionId"]
        request = {
            "query": query,
            "variables": {"inputs": [uses[0], {"connectionId": other}, uses[1]]},
        }
        done = await send(me, request, "one")
        again = await send(me, request, "one")

    counted = json.loads(done.body)["data"]["recordConnectionUse"]["connections"]
    assert [each["connectionId"] for each in counted] == [LINK, other, LINK]
    assert again == done


@pytest.mark.parametrize("change", ["variables", "document", "operation"])
@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
async def test_another_request_with_the_same_key_is_refused(api: Api, change: str, accept: str):
    query = f"{REGISTER} mutation Other {{ __typename }}"
    first: dict[str, Any] = {
        "query": query,
        "operationName": "Register",
        "variables": {"name": "Ada"},
    }
    changes: dict[str, dict[str, Any]] = {
        "variables": {"variables": {"name": "Eve"}},
        "document": {"query": f"{query} #"},
        "operation": {"operationName": "Other"},
    }
    other = first | changes[change]
    await send(api, first, "one")
    before = await everything(api)

    refused = await api.client.answer(other, {"idempotency-key": "one", "accept": accept})

    assert (refused.status, codes(refused.body)) == (422, [REUSED])
    assert await everything(api) == before


async def test_variables_are_compared_as_json_whatever_the_order_of_their_names(api: Api):
    query = """mutation ($a: String, $b: [String!]) {
        registerActor(input: { actorType: AI, displayName: $a, capabilities: $b }) { actor { id } }
    }"""
    one = {"query": query, "variables": {"a": "Ada", "b": ["x", "y"]}}
    other = {"query": query, "variables": {"b": ["x", "y"], "a": "Ada"}}

    assert await send(api, one, "key") == await send(api, other, "key")
    assert (
        await send(api, one | {"variables": {"a": "Ada", "b": ["y", "x"]}}, "key")
    ).status == 422


async def test_a_document_is_the_same_by_its_text_its_hash_or_its_id(tmp_path: Path):
    digest = hashlib.sha256(REGISTER.encode()).hexdigest()
    (tmp_path / "documents.json").write_text(json.dumps({f"sha256:{digest}": REGISTER}))
    variables = {"name": "Ada"}
    by_hash = {"persistedQuery": {"version": 1, "sha256Hash": digest}}
    documents = str(tmp_path / "documents.json")
    async with running(tmp_path / "registry.db", documents=documents) as api:
        answers = [
            await send(api, {"query": REGISTER, "variables": variables}, "one"),
            await send(api, {"documentId": f"sha256:{digest}", "variables": variables}, "one"),
            await send(api, {"extensions": by_hash, "variables": variables}, "one"),
        ]

        assert answers[0] == answers[1] == answers[2]
        assert await api.rows("SELECT count(*) FROM actors") == [(1,)]


async def test_a_key_in_the_extensions_is_the_same_as_one_in_the_header(api: Api):
    request = {"query": REGISTER, "variables": {"name": "Ada"}}

    done = await send(api, request, '"one"')
    again = await api.client.answer(request | {"extensions": {"idempotencyKey": "one"}})
    both = await send(api, request | {"extensions": {"idempotencyKey": "one"}}, "one")
    differing = await send(api, request | {"extensions": {"idempotencyKey": "one"}}, "two")

    assert again == both == done
    assert (differing.status, codes(differing.body)) == (400, ["BAD_REQUEST"])


async def test_an_event_stream_repeats_the_answer(api: Api):
    request = {"query": REGISTER, "variables": {"name": "Ada"}}
    done = await send(api, request, "one")

    stream = {"idempotency-key": "one", "accept": "text/event-stream"}
    again = await api.client.answer(request, stream)

    assert again.body.split(b"\n")[1] == b"data: " + done.body


async def test_each_viewer_has_its_own_keys(tmp_path: Path):
    async with registry(tmp_path, "admin") as (me, root):
        mine = await send(me, {"query": REGISTER, "variables": {"name": "Ada"}}, "one")
        theirs = await send(root, {"query": REGISTER, "variables": {"name": "Eve"}}, "one")
        again = await send(me, {"query": REGISTER, "variables": {"name": "Ada"}}, "one")

        assert (mine.status, theirs.status, again) == (200, 200, mine)


async def test_in_open_mode_the_operator_has_them_whatever_its_address(api: Api):
    request = {"query": REGISTER, "variables": {"name": "Ada"}}
    done = await send(api, request, "one")
    api.client._address = ("10.0.0.7", 50_000)

    assert await send(api, request, "one") == done


async def test_the_key_covers_each_field_by_its_place_in_the_response(api: Api):
    query = """mutation {
        a: registerActor(input: { actorType: AI, displayName: "a" }) { actor { chittyId } }
        b: registerActor(input: { actorType: AI, displayName: "b" }) { actor { chittyId } }
    }"""
    done = await send(api, {"query": query}, "one")
    # As if the request had been killed between the two.
    await api.put("DELETE FROM actors WHERE display_name = 'b'")
    await api.put(
        "DELETE FROM idempotent_answers WHERE kept_at = (SELECT max(kept_at) FROM idempotent_answers)"
        " AND rowid = (SELECT max(rowid) FROM idempotent_answers)"
    )

    resumed = await send(api, {"query": query}, "one")

    before, after = (json.loads(answer.body)["data"] for answer in (done, resumed))
    assert after["a"] == before["a"]
    assert after["b"] != before["b"]
    assert await send(api, {"query": query}, "one") == resumed


async def test_twenty_clients_with_one_key_write_once(tmp_path: Path):
    async with registry(tmp_path, "admin") as (me, _):
        request = {"query": REGISTER, "variables": {"name": "Ada"}}

        answers = await asyncio.gather(*(send(me, request, "one") for _ in range(20)))
        used = await asyncio.gather(*(send(me, {"query": USE}, "two") for _ in range(20)))

        assert len({answer.body for answer in answers}) == len({each.body for each in used}) == 1
        assert await me.rows("SELECT count(*) FROM actors WHERE display_name = 'Ada'") == [(1,)]
        assert await me.rows(USES, link=LINK) == [(1,)]


async def test_of_twenty_different_requests_with_one_key_one_is_carried_out(api: Api):
    requests = [{"query": REGISTER, "variables": {"name": str(name)}} for name in range(20)]

    answers = await asyncio.gather(*(send(api, request, "one") for request in requests))

    assert sorted(answer.status for answer in answers) == [200, *[422] * 19]
    assert await api.rows("SELECT count(*) FROM actors") == [(1,)]


async def test_what_shows_a_secret_once_takes_no_key(api: Api):
    query = """mutation {
        createWebhook(input: { url: "https://example.org/" }) { secret errors { code message } }
    }"""

    refused = await send(api, {"query": query}, "one")

    assert codes(refused.body) == ["INVALID"]
    assert await api.rows("SELECT * FROM outgoing_webhooks") == []
    assert await api.rows("SELECT * FROM idempotent_answers") == []

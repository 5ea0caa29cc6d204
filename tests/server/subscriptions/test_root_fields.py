"""What a subscription may select at its root, and the ways in which a request may bring it."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.support.registries.databases import adding
from tests.support.requests.event_streams import ACCEPT, Stream
from tests.support.requests.websocket_clients import acknowledged
from tests.support.running.waiting import eventually
from tests.support.services.local_server import LocalServer, serving
from tests.support.services.server_process import TIMEOUT_SECONDS

pytestmark = pytest.mark.waits

SUBSCRIBE = "subscription { changes { cause } }"
REGISTER = "mutation { registerActor(input: { actorType: AI }) { errors { code } } }"
TOLD = {"data": {"changes": {"cause": "registerActor"}}}
ONLY = "DOCUMENT_NOT_TRUSTED"
REFUSED = [
    "subscription { __typename }",
    "subscription { __schema { queryType { name } } }",
    'subscription { __type(name: "Actor") { name } }',
    "subscription { changes { id } ...F } fragment F on Subscription { more: changes { id } }",
    "subscription { ... { changes { id } ... { __typename } } }",
    "subscription { ...F } fragment F on Subscription { ...G } fragment G on Subscription { __typename }",
    "subscription { a: changes { id } b: changes { id } }",
    "subscription { changes(filter: { kinds: [ACTOR] }) { id } changes { id } }",
    "subscription ($v: Boolean = true) { changes @include(if: $v) { id } }",
    "subscription { changes @include(if: true) @skip(if: false) { id } }",
    "subscription { ...F } fragment F on Subscription { ... @skip(if: false) { changes { id } } }",
    "subscription { ...F } fragment F on Subscription { ...F changes { id } }",
    "subscription { ...F } fragment F on Query { viewer { capabilities } }",
]
ACCEPTED = {
    "subscription { ...F } fragment F on Subscription { changes { cause } }": TOLD,
    "subscription { ... on Subscription { ... { changes { cause } } } }": TOLD,
    "subscription { changes { cause } ...F } fragment F on Subscription { changes { kind } }": {
        "data": {"changes": {"cause": "registerActor", "kind": "ACTOR"}}
    },
    "subscription { live: changes { __typename } }": {"data": {"live": {"__typename": "Change"}}},
    "subscription { changes { cause @skip(if: true) kind @include(if: true) } }": {
        "data": {"changes": {"kind": "ACTOR"}}
    },
    "query Q { __typename } subscription S { changes { cause } }": TOLD,
}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LocalServer]:
    async with serving(tmp_path / "registry.db") as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def refusing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalServer]:
    """A server that refuses all subscriptions of several tests."""
    async with serving(tmp_path_factory.mktemp("refusing") / "registry.db") as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalServer]:
    """A server whose streams tell of what their own tests write."""
    async with serving(tmp_path_factory.mktemp("shared") / "registry.db") as server:
        yield server


async def post(server: LocalServer, sent: Any, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        return await client.post(server.url, json=sent, headers=headers)


async def first_event(
    server: LocalServer, sent: Any, headers: dict[str, str] | None = None, method: str = "POST"
) -> Any:
    """The first event of a stream, once an actor is registered."""
    body: Any = {"json": sent} if method == "POST" else {"params": sent}
    given = ACCEPT | (headers or {})
    async with (
        httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client,
        client.stream(method, server.url, headers=given, **body) as response,
    ):
        assert response.status_code == 200
        stream = Stream(response)
        await stream.begun()
        await post(server, {"query": REGISTER})
        return await stream.next()


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_no_one_field_that_is_always_there_is_refused_everywhere(
    refusing: LocalServer,
):
    told: dict[str, set[str]] = {}
    for query in REFUSED:
        answer = (await post(refusing, {"query": query}, **ACCEPT)).text
        in_stream = json.loads(answer.split("data: ")[1].split("\n")[0])["errors"]
        async with acknowledged(refusing.url) as socket:
            await socket.subscribe(query)
            on_socket = (await socket.hear())["payload"]
        assert on_socket == in_stream
        told[query] = {error["extensions"]["code"] for error in in_stream}

    assert told == {query: {"INVALID_DOCUMENT"} for query in REFUSED}
    assert refusing.app.service.metrics.subscriptions == 0


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("query", ACCEPTED)
async def test_a_field_is_found_in_fragments_too(shared: LocalServer, query: str):
    sent = {"query": query, "operationName": "S"} if " S " in query else {"query": query}

    assert await first_event(shared, sent) == ACCEPTED[query]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json", "*/*"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_without_a_stream_it_is_refused_by_either_method(
    refusing: LocalServer, method: str, accept: str
):
    body: Any = {"params" if method == "GET" else "json": {"query": SUBSCRIBE}}
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        answer = await client.request(method, refusing.url, headers={"accept": accept}, **body)

    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "STREAM_REQUIRED"
    assert refusing.app.service.metrics.subscriptions == 0


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_hash_is_sent_instead_of_the_document(server: LocalServer, method: str):
    hash_ = hashlib.sha256(SUBSCRIBE.encode()).hexdigest()
    extensions: Any = {"persistedQuery": {"version": 1, "sha256Hash": hash_}}
    extensions = json.dumps(extensions) if method == "GET" else extensions
    known = {"extensions": extensions}

    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        body: Any = {"params" if method == "GET" else "json": known}
        unknown = await client.request(method, server.url, headers=ACCEPT, **body)
    first = await first_event(server, {"query": SUBSCRIBE, **known}, method=method)
    second = await first_event(server, known, method=method)

    assert "PERSISTED_QUERY_NOT_FOUND" in unknown.text
    assert first == second == TOLD


async def test_of_trusted_documents_it_is_found_by_its_id(tmp_path: Path):
    file = tmp_path / "documents.json"
    file.write_text(json.dumps({"live": SUBSCRIBE}))
    other = "subscription { changes { id } }"
    async with serving(
        tmp_path / "registry.db", documents=str(file), documents_only=True
    ) as server:
        async with acknowledged(server.url) as socket:
            await socket.say("subscribe", id="1", payload={"documentId": "live"})
            await eventually(lambda: server.app.service.metrics.subscriptions == 1)
            await server.app.service.db.write(adding("ADA"))
            told = await socket.hear()
            await socket.subscribe(other, "2")
            refused = await socket.hear()
        in_stream = await post(server, {"query": other}, **ACCEPT)

    assert told["payload"] == {"data": {"changes": {"cause": "external"}}}
    assert [error["extensions"]["code"] for error in refused["payload"]] == [ONLY]
    assert f'"code":"{ONLY}"' in in_stream.text


async def test_a_key_for_idempotency_is_for_mutations(server: LocalServer):
    headers = {"idempotency-key": '"one"'}

    first = await first_event(server, {"query": SUBSCRIBE}, headers)
    again = await first_event(server, {"query": SUBSCRIBE}, headers)

    assert first == again == TOLD

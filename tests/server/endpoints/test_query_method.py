"""The method QUERY (RFC 10008): as safe as GET, with the request in its body as in POST."""

import asyncio
import hashlib
import json
import uuid

import httpx2
import pytest
import pytest_asyncio

from tests.support.other_programs import node
from tests.support.other_programs.chromium import require_browser
from tests.support.services.api import running
from tests.support.services.local_server import serving
from tests.support.services.protected_service import protected_api, wait_for_key_use
from tests.support.services.server_process import TIMEOUT_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

RESPONSE_JSON = "application/graphql-response+json"
JSON = {"content-type": "application/json"}
ASK = "{ actors { totalCount } }"
NAMED = "query One { actors { totalCount } } query Two { __typename }"
PAGE = "query Page($first: Int) { actors(first: $first) { totalCount nodes { displayName } } }"
REGISTER = "mutation { registerActor(input: { actorType: HUMAN }) { errors { code } } }"
MINE = "{ contexts { totalCount nodes { name } } }"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory):
    """A service for tests that change nothing."""
    async with running(tmp_path_factory.mktemp("query") / "registry.db") as api:
        await api.ask(REGISTER)
        yield api


async def query(api, document=ASK, headers=None, **others):
    sent = {"query": document, **others}
    return await api.client.request("QUERY", "/graphql", json=sent, headers=headers)


async def test_its_body_is_a_request_as_with_post(api):
    document = "query A { __typename } query B($no: Boolean!) { a: __typename @skip(if: $no) }"
    others = {"variables": {"no": True}, "operationName": "B", "extensions": {"cost": True}}

    answer = await query(api, document, **others)
    posted = await api.client.post("/graphql", json={"query": document, **others})

    assert answer.status_code == 200
    assert answer.json()["data"] == {}
    assert answer.content == posted.content


async def test_a_mutation_is_refused_and_does_nothing(api):
    answer = await query(api, REGISTER)
    count = await api.ask(ASK)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"
    assert count == {"actors": {"totalCount": 1}}


async def test_parameters_in_the_address_are_no_request(api):
    params = {"query": "{ actors { nodes { displayName } } }"}

    answer = await api.client.request("QUERY", "/graphql", params=params, json={"query": ASK})
    empty = await api.client.request("QUERY", "/graphql", params=params, json={})

    assert answer.json() == {"data": {"actors": {"totalCount": 1}}}
    assert empty.status_code == 400


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=iso-8859-1",
    ],
)
async def test_its_body_must_say_that_it_is_json(api, content_type):
    headers = {} if content_type is None else {"content-type": content_type}
    sent = json.dumps({"query": ASK}).encode()

    answer = await api.client.request("QUERY", "/graphql", content=sent, headers=headers)

    assert answer.status_code == 415
    assert answer.headers["accept-query"] == "application/json"


async def test_whoever_asks_learns_that_it_is_served(api):
    answers = [
        await api.client.options("/graphql"),
        await api.client.get("/graphql", params={"query": ASK}),
        await api.client.head("/graphql", params={"query": ASK}),
        await query(api),
    ]
    refused = await api.client.put("/graphql")

    assert {answer.headers["accept-query"] for answer in answers} == {"application/json"}
    assert "QUERY" in answers[0].headers["allow"].split(", ")
    assert "QUERY" in refused.headers["allow"].split(", ")


async def test_an_unchanged_response_is_not_sent_again(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        await api.ask(REGISTER)  # after what the server writes as it starts
        first = await query(api)
        held = {"if-none-match": first.headers["etag"]}

        unchanged = await query(api, headers=held)
        refused = await query(api, REGISTER, held)
        after_refusal = await query(api, headers=held)
        await api.ask(REGISTER)
        changed = await query(api, headers=held)

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    for name in ("etag", "cache-control", "vary"):
        assert unchanged.headers[name] == first.headers[name]
    assert [refused.status_code, after_refusal.status_code] == [405, 304]
    assert changed.json() == {"data": {"actors": {"totalCount": 2}}}
    assert changed.headers["etag"] != first.headers["etag"]


async def test_only_the_client_may_store_a_response_and_must_revalidate_it(api):
    got = await api.client.get("/graphql", params={"query": ASK})

    answer = await query(api)

    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["vary"] == got.headers["vary"]


async def test_a_different_body_has_a_different_etag(api):
    asked = [
        await query(api),
        await query(api, ASK + " "),
        await query(api, headers={"accept": RESPONSE_JSON}),
        await query(api, NAMED, operationName="One"),
        await query(api, NAMED, operationName="Two"),
        await query(api, PAGE),
        await query(api, PAGE, variables={"first": 1}),
        await query(api, PAGE, variables={"first": 2}),
        await query(api, PAGE, variables={"first": 2}, extensions={"cost": True}),
        await api.client.get("/graphql", params={"query": ASK}),
    ]

    assert len({answer.headers["etag"] for answer in asked}) == len(asked)


async def test_errors_and_event_streams_have_no_etag(api):
    answers = [
        await query(api, "{ __typename actors(first: 0) { totalCount } }"),
        await query(api, "{ nothing }"),
        await query(api, REGISTER),
        await api.client.request("QUERY", "/graphql", content=b"{", headers=JSON),
        await query(api, headers={"accept": "text/event-stream"}),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 405, 400, 200]
    assert not any("etag" in answer.headers for answer in answers)
    assert answers[-1].text.startswith('event: next\ndata: {"data":{"actors":{"totalCount":1}}}')


@pytest.mark.parametrize("capabilities", [(), ("registry:read",)])
async def test_a_tag_tells_only_who_sees_all_rows_that_others_wrote(tmp_path, capabilities):
    async with protected_api(tmp_path / "registry.db") as api:
        _, key = await api.newcomer("Ada", *capabilities)
        await api.actor("Eve")
        headers = {"authorization": f"Bearer {key}"}
        await query(api, MINE, headers)
        await wait_for_key_use(api)
        first = await query(api, MINE, headers)
        await api.actor("Bob")

        second = await query(api, MINE, headers | {"if-none-match": first.headers["etag"]})
        nobody = await query(api, MINE)

    assert second.status_code == (200 if capabilities else 304)
    assert nobody.status_code == 401


async def test_a_body_that_is_too_large_is_refused(tmp_path):
    async with running(tmp_path / "registry.db", max_body_bytes=1_000) as api:
        answer = await query(api, ASK + " " * 1_000)

    assert answer.status_code == 413


async def test_persisted_queries_are_registered_and_named_by_their_hash(api):
    text = f"{ASK} # {uuid.uuid4()}"  # as what one test has registered others know
    digest = hashlib.sha256(text.encode()).hexdigest()
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": digest}}

    unknown = await api.client.request("QUERY", "/graphql", json={"extensions": extensions})
    registered = await query(api, text, extensions=extensions)
    named = await api.client.request("QUERY", "/graphql", json={"extensions": extensions})

    assert unknown.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    assert named.content == registered.content == b'{"data":{"actors":{"totalCount":1}}}'
    assert named.headers["etag"] != registered.headers["etag"]


async def test_a_browser_that_queries_gets_no_page(tmp_path):
    async with running(tmp_path / "registry.db", graphiql=True) as api:
        answer = await query(api, headers={"accept": "text/html,*/*;q=0.8"})

    assert answer.json() == {"data": {"actors": {"totalCount": 0}}}


async def test_over_a_real_socket_its_body_is_read_and_the_connection_lives_on(tmp_path):
    async with (
        serving(tmp_path / "registry.db") as server,
        httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client,
    ):
        first = await client.request("QUERY", server.url, json={"query": ASK})
        held = {"if-none-match": first.headers["etag"]}
        second = await client.request("QUERY", server.url, json={"query": ASK}, headers=held)
        refused = await client.request("QUERY", server.url, json={"query": REGISTER})
        made = await client.post(server.url, json={"query": REGISTER})
        third = await client.request("QUERY", server.url, json={"query": ASK}, headers=held)
        connections = len(server.connections)

    assert [first.status_code, second.status_code, refused.status_code] == [200, 304, 405]
    assert first.json() == {"data": {"actors": {"totalCount": 0}}}
    assert second.content == b""
    assert made.json() == {"data": {"registerActor": {"errors": []}}}
    assert third.json() == {"data": {"actors": {"totalCount": 1}}}
    assert connections == 1


async def test_a_page_of_another_origin_may_use_it_where_it_may_use_the_api(api):
    origin = {"origin": "http://localhost:5173"}
    asking = {"access-control-request-method": "QUERY"}

    asked = await api.client.options("/graphql", headers=origin | asking)
    answer = await query(api, headers=origin)

    assert "QUERY" in asked.headers["access-control-allow-methods"].split(", ")
    assert answer.headers["access-control-allow-origin"] == origin["origin"]
    assert "accept-query" in answer.headers["access-control-expose-headers"].split(", ")


@pytest.mark.thorough
async def test_in_chromium_a_page_of_this_machine_may_send_it_and_a_stranger_s_may_not(tmp_path):
    chromium = require_browser()
    async with serving(tmp_path / "registry.db") as server:
        told = await asyncio.to_thread(
            node.run_script, "playwright-core", "query_method.mjs", chromium, server.url
        )

    asked = json.loads(told)
    first, *others = asked["localhost"].values()
    assert first["body"] == '{"data":{"actors":{"totalCount":0}}}'
    assert first["accepts"] == "application/json"
    assert [answer["status"] for answer in others] == [304, 415, 405]
    assert [list(answer) for answer in asked["stranger.example"].values()] == [["failed"]] * 4

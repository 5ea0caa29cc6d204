"""/graphql on a WebSocket: graphql-transport-ws, message by message, against a real server."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx2
import pytest
from websockets.exceptions import InvalidStatus

from server.endpoints import graphql_ws
from server.endpoints.carried_operations import MAX_OPERATIONS
from tests.support.registries.databases import elsewhere
from tests.support.requests.websocket_clients import Socket, acknowledged, opened
from tests.support.services.local_server import serving
from tests.support.services.prometheus import Scraped
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

pytestmark = pytest.mark.waits

CONTEXTS = "query Names($n: Int) { contexts(first: $n) { nodes { name owner { displayName } } } }"
REGISTER = """
    mutation($name: String) {
      registerActor(input: { actorType: AI, displayName: $name }) { actor { displayName } errors { code } }
    }
"""
REGISTERED = "SELECT count(*) FROM actors WHERE display_name = ?"


class Served(NamedTuple):
    url: str
    database: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    database = tmp_path_factory.mktemp("sockets") / "registry.db"
    with served(database, "--demo", "--log-level", "error") as (_, said):
        yield Served(url_of(said, "/graphql"), database)


@pytest.fixture
async def socket(server: Served) -> AsyncIterator[Socket]:
    async with acknowledged(server.url) as socket:
        yield socket


async def posted(url: str, **body: object) -> bytes:
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        return (await client.post(url, json=body)).content


async def registered(server: Served, name: str) -> int:
    """How many actors of this name there are, once there is one or it takes too long."""
    with elsewhere(server.database) as connection:
        for _ in range(TIMEOUT_SECONDS * 20):
            ((found,),) = connection.execute(REGISTERED, (name,)).fetchall()
            if found:
                break
            await asyncio.sleep(0.05)
    return int(found)


async def test_an_operation_is_answered_as_a_post_is(server: Served, socket: Socket):
    body = {"query": CONTEXTS, "variables": {"n": 3}, "extensions": {"cost": True}}

    answer = await socket.ask(CONTEXTS, variables={"n": 3}, extensions={"cost": True})

    assert len(answer["data"]["contexts"]["nodes"]) == 3
    assert answer == json.loads(await posted(server.url, **body))


async def test_errors_of_fields_come_with_the_data_as_in_a_post(server: Served, socket: Socket):
    query = '{ __typename contexts(after: "nothing") { totalCount } }'

    answer = await socket.ask(query)

    assert answer["errors"][0]["extensions"]["code"] == "BAD_CURSOR"
    assert answer == json.loads(await posted(server.url, query=query))


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ nothing }", "INVALID_DOCUMENT"),
        ("{", "SYNTAX"),
        ("query($n: Int!) { contexts(first: $n) { totalCount } }", "BAD_VARIABLES"),
        ("query A { __typename } query B { __typename }", "AMBIGUOUS_OPERATION"),
        ("{ contexts(first: 100) { nodes { connections(first: 100) { nodes {"
         " source { ... on Context { connections(first: 100) { nodes { connectionId } } } }"
         " } } } } }", "TOO_COSTLY"),
    ],
    ids=["unknown field", "no document", "variables", "ambiguous", "costly"],
)  # fmt: skip
async def test_a_refused_operation_gets_the_same_error_as_in_a_post(
    server: Served, socket: Socket, query: str, code: str
):
    error = await socket.refused(query)

    assert error["extensions"]["code"] == code
    assert [error] == json.loads(await posted(server.url, query=query))["errors"]
    assert await socket.ask("{ __typename }") == {"data": {"__typename": "Query"}}


async def test_a_mutation_writes_and_returns_its_payload(server: Served, socket: Socket):
    answer = await socket.ask(REGISTER, variables={"name": "by socket"})

    assert answer["data"]["registerActor"] == {"actor": {"displayName": "by socket"}, "errors": []}
    assert await registered(server, "by socket") == 1


async def test_a_limited_number_of_operations_run_at_once(server: Served, socket: Socket):
    with elsewhere(server.database) as connection:
        connection.execute("BEGIN IMMEDIATE")  # mutations wait
        for n in range(MAX_OPERATIONS):
            await socket.subscribe(REGISTER, f"m{n}", variables={"name": "at once"})
        await socket.subscribe("{ __typename }", "one more")
        refusal = await socket.hear()
        connection.execute("COMMIT")
    messages = [await socket.hear() for _ in range(2 * MAX_OPERATIONS)]

    (error,) = refusal["payload"]
    assert (refusal["type"], refusal["id"]) == ("error", "one more")
    assert error["extensions"] == {"code": "TOO_MANY_REQUESTS"}
    assert error["message"].startswith(f"{MAX_OPERATIONS} operations are under way")
    assert sorted(each["id"] for each in messages if each["type"] == "next") == sorted(
        f"m{n}" for n in range(MAX_OPERATIONS)
    )


async def test_a_cancelled_mutation_is_still_executed_but_not_reported(
    server: Served, socket: Socket
):
    with elsewhere(server.database) as connection:
        connection.execute("BEGIN IMMEDIATE")
        await socket.subscribe(REGISTER, "given up", variables={"name": "given up"})
        await socket.say("complete", id="given up")
        await socket.say("ping")
        assert await socket.hear() == {"type": "pong"}
        connection.execute("COMMIT")

    assert await registered(server, "given up") == 1
    assert await socket.ask("{ __typename }", "next") == {"data": {"__typename": "Query"}}


async def test_a_reused_id_gets_only_its_next_operations_result(server: Served, socket: Socket):
    with elsewhere(server.database) as connection:
        connection.execute("BEGIN IMMEDIATE")
        await socket.subscribe(REGISTER, "again", variables={"name": "first of two"})
        await socket.say("complete", id="again")
        await socket.subscribe(REGISTER, "again", variables={"name": "second of two"})
        await socket.say("ping")
        assert await socket.hear() == {"type": "pong"}
        connection.execute("COMMIT")
    told, end = await socket.hear(), await socket.hear()

    assert told["payload"]["data"]["registerActor"]["actor"] == {"displayName": "second of two"}
    assert end == {"type": "complete", "id": "again"}
    assert await registered(server, "first of two") == 1
    assert await socket.ask("{ __typename }", "again") == {"data": {"__typename": "Query"}}


async def test_a_mutation_is_executed_whole_if_its_client_disconnects(server: Served):
    with elsewhere(server.database) as connection:
        connection.execute("BEGIN IMMEDIATE")
        async with acknowledged(server.url) as socket:
            await socket.subscribe(REGISTER, variables={"name": "gone"})
            await socket.say("ping")
            assert await socket.hear() == {"type": "pong"}
        connection.execute("COMMIT")

    assert await registered(server, "gone") == 1


async def test_a_ping_is_answered_before_and_after_the_connection_is_acknowledged(server: Served):
    async with opened(server.url) as socket:
        await socket.say("ping", payload={"x": 1})
        before = await socket.hear()
        await socket.say("pong")
        await socket.say("connection_init")
        acknowledged_ = await socket.hear()
        await socket.say("ping")
        after = await socket.hear()

    assert [before, acknowledged_, after] == [
        {"type": "pong"},
        {"type": "connection_ack"},
        {"type": "pong"},
    ]


async def test_another_subprotocol_closes_the_socket_naming_ours(server: Served):
    for offered in (None, ["graphql-ws"]):
        async with opened(server.url, subprotocols=offered) as socket:
            assert await socket.closed() == (4406, "ask for the subprotocol graphql-transport-ws")


async def test_an_operation_before_the_connection_is_acknowledged_closes_it(server: Served):
    async with opened(server.url) as socket:
        await socket.subscribe("{ __typename }")

        assert await socket.closed() == (4401, "Unauthorized: send connection_init first")


async def test_a_client_that_sends_no_connection_init_is_disconnected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(graphql_ws, "INIT_SECONDS", 0.1)
    async with serving(tmp_path / "registry.db") as local, opened(local.url) as socket:
        assert await socket.closed() == (4408, "Connection initialisation timeout")


BAD_MESSAGES = {
    "no JSON": "hello",
    "no text": b"{}",
    "not an object": "[]",
    "no type": "{}",
    "a type that is no text": '{"type": 1}',
    "an unknown type": '{"type": "start"}',
    "a server's type": '{"type": "next", "id": "1"}',
    "NaN": '{"type": "ping", "payload": NaN}',
    "a key twice": '{"type": "ping", "type": "pong"}',
    "half of a surrogate pair": '{"type": "subscribe", "id": "\\ud800", "payload": {}}',
    "too deep": '{"type": "ping", "payload": ' + "[" * 100 + "]" * 100 + "}",
    "no id": '{"type": "subscribe", "payload": {"query": "{ __typename }"}}',
    "an empty id": '{"type": "subscribe", "id": "", "payload": {"query": "{ __typename }"}}',
    "a long id": json.dumps({"type": "subscribe", "id": "x" * 201, "payload": {"query": "{ a }"}}),
    "no payload": '{"type": "subscribe", "id": "1"}',
    "a list for a payload": '{"type": "subscribe", "id": "1", "payload": []}',
    "no query": '{"type": "subscribe", "id": "1", "payload": {}}',
    "variables that are none": '{"type": "subscribe", "id": "1", "payload": {"query": "{ a }",'
    ' "variables": 1}}',
    "complete without an id": '{"type": "complete"}',
}


@pytest.mark.parametrize("message", BAD_MESSAGES.values(), ids=BAD_MESSAGES)
async def test_a_malformed_message_closes_the_socket_and_says_why(
    socket: Socket, message: str | bytes
):
    await socket.connection.send(message)

    code, reason = await socket.closed()
    assert code == 4400
    assert reason


async def test_a_second_connection_init_closes_the_socket(socket: Socket):
    await socket.say("connection_init")

    assert await socket.closed() == (4429, "Too many initialisation requests")


async def test_a_running_operations_id_cannot_be_reused(server: Served, socket: Socket):
    with elsewhere(server.database) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for _ in range(2):
            await socket.subscribe(REGISTER, "twice", variables={"name": "twice"})
        closed = await socket.closed()
        connection.execute("COMMIT")

    assert closed == (4409, "Subscriber for twice already exists")
    assert await registered(server, "twice") == 1


async def test_a_message_may_be_as_large_as_a_body(socket: Socket):
    await socket.subscribe("{ __typename }" + " " * 100_000)

    assert (await socket.closed())[0] == 1009


async def test_variables_that_hold_too_much_are_refused_and_the_socket_stays_open(socket: Socket):
    query = "query($f: [ContextFilter!]) { contexts(filter: { or: $f }) { totalCount } }"

    error = await socket.refused(query, variables={"f": [{}] * 20_000})
    fitting = await socket.ask(query, variables={"f": [{}]})

    assert (error["extensions"]["code"], error["extensions"]["limit"]) == (
        "TOO_LARGE",
        "input_objects",
    )
    assert fitting["data"]["contexts"]["totalCount"] > 0


async def test_a_message_that_is_not_utf_8_closes_the_socket(socket: Socket):
    await socket.connection.send(b'{"type": "\xff"}', text=True)

    assert (await socket.closed())[0] == 1007


@pytest.mark.parametrize(
    "origin", ["http://stranger.example", "http://127.0.0.1.stranger.example", "null", "http://["]
)
async def test_in_open_mode_pages_of_other_origins_open_no_socket(server: Served, origin: str):
    with pytest.raises(InvalidStatus) as refused:
        async with opened(server.url, origin=origin):
            pass

    response = refused.value.response
    (error,) = json.loads(response.body)["errors"]
    assert (response.status_code, error["extensions"]) == (403, {"code": "FORBIDDEN"})
    assert "CHITTYGRAPH_ALLOWED_ORIGINS" in error["message"]


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]"]
)
async def test_pages_of_this_machine_open_sockets(server: Served, origin: str):
    async with acknowledged(server.url, origin=origin) as socket:
        assert await socket.ask("{ __typename }") == {"data": {"__typename": "Query"}}


async def test_in_open_mode_host_must_name_this_machine(server: Served):
    address = urlsplit(server.url)
    named = server.url.replace(str(address.hostname), "stranger.example")
    with pytest.raises(InvalidStatus) as refused:
        async with opened(named, host=address.hostname, port=address.port):
            pass

    assert refused.value.response.status_code == 421


HANDSHAKES = {
    "another path": ("/nothing", {}, 404),
    "the path's neighbour": ("/graphqlx", {}, 404),
    "another version": ("/graphql", {"Sec-WebSocket-Version": "8"}, 400),
    "a key that is none": ("/graphql", {"Sec-WebSocket-Key": "short"}, 400),
    "a path that has none": ("/healthz", {}, 200),
}


@pytest.mark.parametrize(("path", "headers", "status"), HANDSHAKES.values(), ids=HANDSHAKES)
async def test_a_refused_upgrade_is_answered_in_json(
    server: Served, path: str, headers: dict[str, str], status: int
):
    url = server.url.replace("/graphql", path)
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        answer = await client.get(url, headers={**handshake, **headers})

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/json")


async def test_a_head_that_only_the_first_parser_reads_is_answered_in_json(server: Served):
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        answer = await client.get(
            server.url,
            headers={
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                "X-Long": "x" * 20_000,
            },
        )

    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (
        400,
        "the handshake has too many or too long headers",
    )


async def test_sockets_count_as_their_peers_connections_until_they_are_closed(tmp_path: Path):
    flags = ("--peer-sockets", "2", "--log-level", "error")
    with served(tmp_path / "registry.db", *flags) as (_, said):
        url = url_of(said, "/graphql")
        for _ in range(5):
            async with acknowledged(url), acknowledged(url):
                with pytest.raises(InvalidStatus) as refused:
                    async with opened(url):
                        pass
                assert refused.value.response.status_code == 429


async def test_operations_on_sockets_are_in_the_metrics(tmp_path: Path):
    with served(tmp_path / "registry.db", "--log-level", "error") as (_, said):
        async with acknowledged(url_of(said, "/graphql")) as socket:
            await socket.ask("query Named { contexts { totalCount } }")
            await socket.refused("query Odd { nothing }")
            figures = await asyncio.to_thread(Scraped.of, url_of(said, "/metrics"))
        later = await asyncio.to_thread(Scraped.of, url_of(said, "/metrics"))

    assert figures.total("chittygraph_operations_total", operation="Named", outcome="ok") == 1
    assert figures.total("chittygraph_operation_statements_total", operation="Named") == 1
    assert figures.total("chittygraph_operations_total", outcome="refused") == 1
    assert figures.total("chittygraph_websockets") == 1
    assert later.total("chittygraph_websockets") == 0
    assert later.total("chittygraph_http_requests_total", path="/graphql", status="101") == 1

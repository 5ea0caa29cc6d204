"""Admission control, seen by clients of a real server whose turns are all taken."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from starlette.types import Message
from uvicorn.protocols.utils import ClientDisconnected
from websockets.exceptions import InvalidStatus

from server.http import admission
from server.http.turns import CLIENT_GONE, QUEUE_FULL, WAIT
from server.transport import admission_protocol
from server.transport.admission_protocol import (
    MAX_KNOWN_BYTES,
    MOST_KNOWN_HEADS,
    AdmissionProtocol,
)
from tests.support.registries.databases import elsewhere
from tests.support.requests.raw_http import answers
from tests.support.requests.websocket_clients import acknowledged, opened
from tests.support.running.waiting import eventually
from tests.support.services.crowding import crowded
from tests.support.services.local_server import LocalServer, serving
from tests.support.services.prometheus import Scraped
from tests.support.services.protected_service import protected_api
from tests.support.services.server_process import TIMEOUT_SECONDS

pytestmark = pytest.mark.waits

QUERY = b'{"query":"{__typename}"}'
REGISTER = """mutation { registerActor(input: { actorType: AI, displayName: "late" }) {
    errors { message } } }"""
REGISTERED = "SELECT count(*) FROM actors WHERE display_name = 'late'"
REFUSAL = {
    "errors": [
        {
            "message": "the server is overloaded: try again in 1 s",
            "extensions": {"code": "UNAVAILABLE"},
        }
    ]
}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LocalServer]:
    async with serving(tmp_path / "registry.db") as server:
        yield server


def post(*headers: bytes, body: bytes = QUERY, target: bytes = b"/graphql") -> bytes:
    lines = (
        b"POST %b HTTP/1.1" % target,
        b"Host: localhost",
        b"Content-Type: application/json",
        *headers,
    )
    return b"\r\n".join(lines) + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body


PROBE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Connection:
    """One connection to the server, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, server: LocalServer) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", server.port))

    async def send(self, sent: bytes) -> None:
        self._writer.write(sent)
        await self._writer.drain()

    async def rest(self) -> bytes:
        """All that comes until the server closes the connection."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await self._reader.read()

    async def head(self) -> bytes:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await self._reader.readuntil(b"\r\n\r\n")

    def close(self) -> None:
        self._writer.close()


async def exchanged(server: LocalServer, *sent: bytes) -> bytes:
    """All that the server answers to these reads on one connection."""
    connection = await Connection.to(server)
    for each in sent:
        await connection.send(each)
        await asyncio.sleep(0.02)  # so that it is read alone, mostly
    received = await connection.rest()
    connection.close()
    return received


def statuses(received: bytes) -> list[int]:
    return [answer.status for answer in answers(received)]


async def test_a_request_too_many_is_told_to_come_back_before_its_body_is_sent(server):
    head = post(body=b"x" * 1_000).partition(b"x")[0]
    connection = await Connection.to(server)

    with crowded(server.app.admission.requests):
        await connection.send(head)
        received = await connection.head()
        await connection.send(b"x" * 1_000 + PROBE)
        received += await connection.rest()

    refused, probe = answers(received)
    assert (refused.status, refused.json()) == (503, REFUSAL)
    assert refused.headers["retry-after"] == "1"
    assert refused.is_json
    assert probe.status == 200
    connection.close()


KINDS = {
    "post": [post()],
    "get": [b"GET /graphql?query={__typename} HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    "two at once": [post() + post()],
    "another behind it, then its parts": [
        post() + b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\nX-B: 2\r\n\r\n",
        post()[: -len(QUERY)],
        QUERY,
    ],
    "in pieces": [post()[:20], post()[20:-5], post()[-5:]],
    "an incomplete body and more": [post()[:-5], post()[-5:] + post()],
    "chunks": [
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"18\r\n" + QUERY + b"\r\n0\r\n\r\n"
    ],
    "other lengths": [post(), post(body=b" " + QUERY), post()],
    "a webhook": [post(target=b"/webhooks/github")],
    "no such path": [post(target=b"/elsewhere")],
}


@pytest.mark.parametrize("sent", KINDS.values(), ids=KINDS)
async def test_refused_requests_are_answered_one_by_one_and_the_connection_stays_in_step(
    server, sent
):
    served = await exchanged(server, *sent, PROBE)

    with crowded(server.app.admission.requests):
        # Again and again: what was refused once is known and not parsed.
        refused = await exchanged(server, *sent, *sent, *sent, PROBE)

    count = len(statuses(served)) - 1
    assert statuses(refused) == [503] * 3 * count + [200]
    assert {answer.body for answer in answers(refused)[:-1]} == {
        json.dumps(REFUSAL, separators=(",", ":")).encode()
    }


@pytest.mark.parametrize(
    "sent",
    [post().replace(b"\r\n", b"\n"), post(b"Content-Length: 24"), b"\r\n" + post()],
    ids=["bare newlines", "repeated lengths", "an empty line before"],
)
async def test_a_head_that_could_be_read_in_two_ways_is_parsed_each_time(server, sent):
    known = server.refusals.known_heads

    with crowded(server.app.admission.requests):
        received = await exchanged(server, sent, b"Connection: close\r\n\r\n")

    assert set(statuses(received)) <= {503, 400}
    assert known == {}


async def test_the_heads_of_refused_requests_are_kept_up_to_a_limit(server):
    known = server.refusals.known_heads
    connection = await Connection.to(server)

    with crowded(server.app.admission.requests):
        for number in range(MOST_KNOWN_HEADS + 10):
            await connection.send(post(b"X-Number: %d" % number))
            await connection.head()
        await connection.send(post(b"X-Long: " + b"x" * MAX_KNOWN_BYTES, b"Connection: close"))
        await connection.rest()

    assert len(known) == 10
    assert all(len(head) <= MAX_KNOWN_BYTES for head in known)
    connection.close()


async def test_a_refused_head_request_has_no_body(server):
    head = b"HEAD /graphql?query={__typename} HTTP/1.1\r\nHost: localhost\r\n\r\n"

    with crowded(server.app.admission.requests):
        received = await exchanged(server, head, head, head + PROBE)

    refusals, _, probe = received.rpartition(b"HTTP/1.1 200 OK")
    assert [each.status for each in answers(refusals, to_head=True)] == [503] * 3
    assert b'{"status":"ok"}' in probe


@pytest.mark.parametrize(
    "headers", [b"Connection: close", b"Expect: 100-continue"], ids=["close", "expect"]
)
async def test_a_connection_is_closed_if_nobody_knows_what_comes_next(server, headers):
    with crowded(server.app.admission.requests):
        received = await exchanged(server, post(headers)[: -len(QUERY)])

    (refused,) = answers(received)
    assert (refused.status, refused.headers["connection"]) == (503, "close")


async def test_a_client_whose_requests_were_all_refused_keeps_its_connection(tmp_path):
    head_seconds = 0.2
    async with serving(tmp_path / "registry.db", head_seconds=head_seconds) as server:
        with crowded(server.app.admission.requests):
            await exchanged(server, post(), post(b"Connection: close"))
            connection = await Connection.to(server)
            for _ in range(3):
                await connection.send(post())
                refused = await connection.head()
                await asyncio.sleep(head_seconds)
        await connection.send(post(b"Connection: close"))
        received = await connection.rest()
        connection.close()

    assert b"HTTP/1.1 503 " in refused
    assert b'{"data":{"__typename":"Query"}}' in received


async def test_a_request_in_step_is_served_as_soon_as_there_is_a_turn(server):
    connection = await Connection.to(server)

    with crowded(server.app.admission.requests):
        for _ in range(3):
            await connection.send(post())
            await connection.head()
    await connection.send(post(b"Connection: close"))
    received = await connection.rest()

    assert b'{"data":{"__typename":"Query"}}' in received
    connection.close()


async def test_health_readiness_and_metrics_are_answered_while_no_other_request_is(server):
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        with crowded(server.app.admission.requests):
            found = [
                (await client.get(server.url.replace("/graphql", path))).status_code
                for path in ("/healthz", "/readyz", "/metrics", "/schema.graphql")
            ]

    assert found == [200, 200, 200, 503]


async def test_the_metrics_tell_who_was_admitted_refused_and_waits(server):
    lane = server.app.admission.requests
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        with crowded(lane):
            await client.post(server.url, json={"query": "{__typename}"})
            text = (await client.get(server.url.replace("/graphql", "/metrics"))).text
            waiting, running = lane.waiting, lane.running
    scraped = Scraped(text)

    assert scraped.total("chittygraph_requests_waiting", lane="requests") == waiting > 0
    assert scraped.total("chittygraph_requests_running", lane="requests") == running > 0
    assert scraped.total("chittygraph_requests_admitted_total", lane="requests") == running
    refused = "chittygraph_requests_refused_total"
    assert scraped.total(refused, lane="requests", reason=QUEUE_FULL) == 2  # the crowd's last, too
    assert scraped.total("chittygraph_http_requests_total", path="/graphql", status="503") == 1


async def test_each_operation_on_a_websocket_takes_its_turn(server):
    async with acknowledged(server.url) as socket:
        with crowded(server.app.admission.requests):
            error = await socket.refused("{ __typename }")
            await socket.say("ping")
            pong = await socket.hear()
        answer = await socket.ask("{ __typename }")

    assert [error] == REFUSAL["errors"]
    assert pong == {"type": "pong"}
    assert answer == {"data": {"__typename": "Query"}}
    assert server.app.admission.requests.running == 0


async def test_a_websocket_is_not_opened_while_there_is_no_turn(server):
    with crowded(server.app.admission.requests), pytest.raises(InvalidStatus) as refused:
        async with opened(server.url):
            pass

    assert refused.value.response.status_code == 503
    assert json.loads(refused.value.response.body) == REFUSAL


async def test_an_event_stream_is_refused_in_json(server):
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        with crowded(server.app.admission.requests):
            refused = await client.post(
                server.url,
                json={"query": "{__typename}"},
                headers={"accept": "text/event-stream"},
            )

    assert (refused.status_code, refused.json()) == (503, REFUSAL)


async def test_whoever_has_no_turn_in_time_is_refused_and_nothing_is_done(tmp_path):
    async with (
        serving(tmp_path / "registry.db", wait_seconds=0.05) as server,
        httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client,
    ):
        lane = server.app.admission.requests
        lane.is_backlogged = lambda: True
        while not lane.arrive(None, (), "others").is_waiting:
            pass
        refused = await client.post(server.url, json={"query": REGISTER})

    assert (refused.status_code, refused.json()) == (503, REFUSAL)
    assert refused.headers["retry-after"] == "1"
    assert lane.refused[WAIT] == 2
    with elsewhere(tmp_path / "registry.db") as connection:
        assert connection.execute(REGISTERED).fetchone() == (0,)


async def test_nothing_is_done_for_clients_who_left_while_they_waited(server, tmp_path):
    lane = server.app.admission.requests
    connection = await Connection.to(server)

    with crowded(lane, "others"):
        before = lane.waiting
        await connection.send(post(body=json.dumps({"query": REGISTER}).encode()))
        await eventually(lambda: lane.waiting > before)
        connection.close()
        await eventually(lambda: not server.connections)
    await eventually(lambda: not lane.running)

    assert lane.refused[CLIENT_GONE] == 1
    with elsewhere(tmp_path / "registry.db") as other:
        assert other.execute(REGISTERED).fetchone() == (0,)


async def test_a_body_that_is_withheld_holds_no_turn(server):
    lane = server.app.admission.requests
    slow = [await Connection.to(server) for _ in range(20)]
    for connection in slow:
        await connection.send(post()[:-1])
    await eventually(lambda: lane.admitted == 20 and not lane.running)

    served = await exchanged(server, post(), PROBE)
    for connection in slow:
        await connection.send(post()[-1:] + PROBE)

    assert statuses(served) == [200, 200]
    assert [statuses(await connection.rest()) for connection in slow] == [[200, 200]] * 20
    for connection in slow:
        connection.close()
    assert lane.running == 0


async def test_answers_that_are_not_read_hold_no_turn(server):
    lane = server.app.admission.requests
    connection = await Connection.to(server)
    sdl = b"GET /schema.graphql HTTP/1.1\r\nHost: localhost\r\n\r\n"
    (serving,) = server.connections

    sending = asyncio.ensure_future(connection.send(sdl * 2_000))
    await eventually(lambda: serving.flow.write_paused and not lane.running)

    assert lane.admitted < 2_000
    sending.cancel()
    connection.close()


async def test_clients_who_ask_again_at_once_rest_and_are_answered_nevertheless(
    server, monkeypatch
):
    monkeypatch.setattr(admission_protocol, "WINDOW_SECONDS", 0.0)  # the first refusal uses it up
    monkeypatch.setattr(admission_protocol, "REFUSING_SHARE", 0.0005)
    connection = await Connection.to(server)
    (serving,) = server.connections

    with crowded(server.app.admission.requests):
        for _ in range(3):
            await connection.send(post())
            head = await connection.head()
            assert serving.flow.read_paused
            assert b"HTTP/1.1 503 " in head
        await connection.send(PROBE)
        received = await connection.rest()

    assert b'{"status":"ok"}' in received
    connection.close()


async def test_clients_who_rest_do_not_all_read_on_at_once(server, monkeypatch):
    monkeypatch.setattr(admission_protocol, "WINDOW_SECONDS", 0.0)  # time for one refusal
    monkeypatch.setattr(admission_protocol, "REFUSING_SHARE", 0.0005)
    loop, turn, read_on_in = asyncio.get_running_loop(), 0, []

    def read_on(connection: AdmissionProtocol) -> None:
        def next_turn() -> None:
            nonlocal turn
            turn += 1

        read_on_in.append(turn)
        loop.call_soon(next_turn)
        usual(connection)

    usual = AdmissionProtocol.read_on
    monkeypatch.setattr(AdmissionProtocol, "read_on", read_on)
    clients = [await Connection.to(server) for _ in range(10)]

    with crowded(server.app.admission.requests):
        for client in clients:
            await client.send(post())
        refused = [await client.head() for client in clients]
        await eventually(lambda: len(read_on_in) >= len(clients))
        for client in clients:
            await client.send(PROBE)
        received = [await client.rest() for client in clients]

    assert all(b" 503 " in head for head in refused)
    assert len(set(read_on_in)) == len(read_on_in)
    assert all(b'{"status":"ok"}' in each for each in received)
    for client in clients:
        client.close()


async def test_a_connection_that_is_lost_while_it_rests_is_forgotten(server, monkeypatch):
    monkeypatch.setattr(admission_protocol, "REFUSING_SHARE", 1e-9)  # it rests for hours
    connection = await Connection.to(server)
    with crowded(server.app.admission.requests):
        await connection.send(post())
        await connection.head()
    (resting,) = server.refusals.resting

    resting.transport.abort()

    await eventually(lambda: not server.refusals.resting)
    connection.close()


async def test_a_body_that_ends_while_there_is_no_turn_is_refused(server):
    connection = await Connection.to(server)
    await connection.send(post(b"Accept: application/graphql-response+json")[:-1])
    lane = server.app.admission.requests
    await eventually(lambda: lane.admitted and not lane.running)

    with crowded(lane):
        await connection.send(post()[-1:] + PROBE)
        refused, probe = answers(await connection.rest())

    assert (refused.status, refused.json()) == (503, REFUSAL)
    assert refused.headers["content-type"].startswith("application/graphql-response+json")
    assert refused.headers["retry-after"] == "1"
    assert probe.status == 200
    connection.close()


async def test_reads_go_on_while_mutations_wait_for_the_file(server, tmp_path):
    lane = server.app.admission.requests
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        with elsewhere(tmp_path / "registry.db") as other:
            other.execute("BEGIN IMMEDIATE")
            writes = [
                asyncio.ensure_future(client.post(server.url, json={"query": REGISTER}))
                for _ in range(20)
            ]
            await eventually(lambda: lane.running == 20)
            read = await client.post(server.url, json={"query": "{ contexts { nodes { name } } }"})
            other.execute("COMMIT")
        await asyncio.gather(*writes)

    assert read.json() == {"data": {"contexts": {"nodes": []}}}


async def test_an_actor_has_one_share_however_many_keys_and_addresses_it_has(tmp_path):
    async with protected_api(tmp_path / "registry.db") as api:
        actor, first = await api.newcomer()
        second, operations = await api.key_of(actor), api.service.operations
        headers = [[(b"authorization", f"Bearer {key}".encode())] for key in (first, second)]

        unknown = operations.share(("192.0.2.1", 50_000), headers[0])
        for key in (first, second):
            await api.show(f"Bearer {key}")
        known = {operations.share((address, 1), each) for address in "ab" for each in headers}

        assert unknown == operations.share(("192.0.2.1", 50_000), [(b"authorization", b"wrong")])
        assert unknown == "192.0.2.1"
        assert known == {actor}


async def test_in_open_mode_each_address_has_a_share(server):
    operations = server.app.service.operations

    assert operations.share(("192.0.2.1", 50_000), []) == "192.0.2.1"
    assert operations.share(("2001:db8::1:2:3:4", 50_000), []) == "2001:db8::/64"
    assert operations.share(None, []) == ""


async def test_a_refusal_that_no_client_is_left_for_is_not_an_error():
    async def receive() -> Message:
        return {"type": "websocket.disconnect"}

    async def send(_: Message) -> None:
        raise ClientDisconnected

    await admission.refuse({"type": "websocket"}, receive, send)

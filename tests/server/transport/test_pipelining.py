"""Clients that send much at once: what waits is bounded, and others have their turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from server.transport.http_protocol import MAX_HEADERS
from server.transport.timeouts import MAX_HEAD_BYTES
from tests.support.running.waiting import eventually
from tests.support.services.transport_server import (
    TransportServer,
    answer,
    transport_server,
)

SMALLEST = b"GET / HTTP/1.1\r\nHost:\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
CHUNKED = b"POST /graphql HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
READ_BYTES = 256 * 2**10  # what the event loop reads at most at once


class Application:
    """Answers each request with its path once `may_answer` is set; watches for a disconnect meanwhile."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.paths: list[str] = []
        self.bodies: list[int] = []  # bytes of each part of a body, as it came

    async def __call__(self, scope, receive, send) -> None:
        self.paths.append(scope["path"])
        more = scope["method"] == "POST"
        while more:
            message = await receive()
            self.bodies.append(len(message.get("body", b"")))
            more = message.get("more_body", False)
        watching = asyncio.ensure_future(receive())
        await self.may_answer.wait()
        await answer(send, scope["path"].encode())
        await watching


@asynccontextmanager
async def serving(*, may_answer: bool = True) -> AsyncIterator[tuple[Application, TransportServer]]:
    app = Application()
    if may_answer:
        app.may_answer.set()
    async with transport_server(app) as server:
        yield app, server


def get(path: str) -> bytes:
    return b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode()


async def test_at_most_32_requests_are_parsed_before_the_first_is_answered():
    async with serving(may_answer=False) as (app, server):
        _, writer = await server.connect()
        writer.write(SMALLEST * 400_000)
        await eventually(lambda: bool(app.paths))
        connection = server.only_connection()
        await eventually(lambda: connection.flow.read_paused)
        for _ in range(100):
            await asyncio.sleep(0)

        waiting = len(connection.pipeline)
        unparsed = len(connection._unparsed)

    assert 0 < waiting <= 32
    assert 0 < unparsed < READ_BYTES


async def test_pipelined_requests_are_all_answered_in_order():
    paths = [f"{number}" for number in range(3_000)]
    async with serving() as (_, server):
        reader, writer = await server.connect()
        writer.write(b"".join(map(get, paths)) + LAST)

        received = await reader.read()

    bodies = [part.partition(b"\r\n\r\n")[2] for part in received.split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == [f"/{path}".encode() for path in [*paths, ""]]


async def test_others_are_answered_between_two_responses_to_one_client():
    async with serving() as (app, server):
        _, greedy = await server.connect()
        reader, other = await server.connect()
        greedy.write(get("greedy") * 3_000)
        await eventually(lambda: bool(app.paths))
        before = len(app.paths)
        other.write(get("other"))

        await reader.readuntil(b"/other")

        after = app.paths.index("/other")

    assert after - before < 100


async def test_a_body_is_not_read_while_its_request_waits():
    body = b"Content-Length: 30000000\r\n\r\n" + b" " * 30_000_000
    async with serving(may_answer=False) as (app, server):
        _, writer = await server.connect()
        writer.write(get("slow") + b"POST / HTTP/1.1\r\nHost: x\r\n" + body)
        await eventually(lambda: bool(app.paths))
        connection = server.only_connection()
        await eventually(lambda: bool(connection.pipeline))
        for _ in range(100):
            await asyncio.sleep(0)

        ((waiting, _),) = connection.pipeline

    assert connection.flow.read_paused
    assert len(waiting.body) <= READ_BYTES


async def test_a_body_of_tiny_chunks_is_parsed_in_many_turns():
    chunks = b"1\r\nx\r\n" * 100_000
    async with serving() as (app, server):
        reader, writer = await server.connect()
        writer.write(CHUNKED + b"\r\n" + chunks + b"0\r\n\r\n" + LAST)
        await reader.read()

    assert sum(app.bodies) == 100_000
    assert max(app.bodies) <= 16_000


@pytest.mark.parametrize("line", [b"a:b\r\n", b"a" * 16_000], ids=["many", "one"])
async def test_endless_trailers_are_refused_and_none_is_kept(line):
    async with serving() as (_, server):
        reader, writer = await server.connect()
        writer.write(CHUNKED + b"\r\n1\r\nx\r\n0\r\n")
        await eventually(lambda: bool(server.state.connections))
        connection = server.only_connection()
        sent, received = 0, b""
        while not received:
            writer.write(line * (16_000 // len(line)))
            sent += 16_000
            assert sent < MAX_HEAD_BYTES + 4 * READ_BYTES
            with suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    received = await reader.read(100)

        kept = len(connection.headers)

    assert received.startswith(b"HTTP/1.1 431 ")
    assert kept == 0


@pytest.mark.parametrize(("count", "status"), [(MAX_HEADERS, b"200"), (MAX_HEADERS + 1, b"431")])
async def test_a_request_may_have_200_headers(count, status):
    async with serving() as (_, server):
        reader, writer = await server.connect()
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n")
        writer.write(b"a: b\r\n" * (count - 2) + b"\r\n")

        received = await reader.read()

    assert received.startswith(b"HTTP/1.1 " + status)

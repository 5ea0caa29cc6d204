"""A listener that does not read is cut off, with a cursor to go on from; others do not notice."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.registries.databases import NOW, elsewhere
from tests.support.requests.event_streams import listening
from tests.support.requests.websocket_clients import acknowledged
from tests.support.running.waiting import eventually
from tests.support.services.local_server import LocalServer, serving
from tests.support.services.server_process import TIMEOUT_SECONDS

pytestmark = pytest.mark.waits

COPIES = 20  # of the row, in each event
COPIED = " ".join(f"after{number}: after" for number in range(COPIES))
LARGE = f"subscription {{ changes {{ cursor {COPIED} }} }}"
SMALL = "subscription($after: String) { changes(after: $after) { cursor } }"
# Together, more than the system's buffers of two sockets hold.
EVENTS, ROW_BYTES = 40, 50_000
ADD = f"""
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, data, status, created_at, updated_at)
    VALUES (:id, :id, 'ADA', :data, 'active', '{NOW}', '{NOW}')
"""
ADD_OWNER = f"""
    INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)
    VALUES ('ADA', 'human', '{NOW}', '{NOW}')
"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LocalServer]:
    async with serving(tmp_path / "registry.db", answer_seconds=1.0) as server:
        with elsewhere(tmp_path / "registry.db") as connection:
            connection.execute(ADD_OWNER)
        yield server


def write_much(folder: Path) -> None:
    with elsewhere(folder / "registry.db") as connection:
        for number in range(EVENTS):
            data = json.dumps(["x" * ROW_BYTES])
            connection.execute(ADD, {"id": f"CONTEXT-{number}", "data": data})


@asynccontextmanager
async def unread(server: LocalServer, sent: bytes) -> AsyncIterator[socket.socket]:
    """A client that sends this and then reads nothing, into a small buffer."""
    address = urlsplit(server.url)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, (address.hostname, address.port))
    await loop.sock_sendall(client, sent)
    try:
        yield client
    finally:
        client.close()


def post(query: str) -> bytes:
    body = json.dumps({"query": query}).encode()
    head = (
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Accept: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def test_an_event_stream_that_is_not_read_is_cut_off(server: LocalServer, tmp_path: Path):
    metrics = server.app.service.metrics
    async with unread(server, post(LARGE)) as client, listening(server.url, SMALL) as other:
        await eventually(lambda: metrics.subscriptions == 2)
        await asyncio.to_thread(write_much, tmp_path)
        for _ in range(EVENTS):
            await other.next()
        await eventually(lambda: metrics.subscriptions_ended["slow"] == 1)
        assert metrics.subscriptions == 1
        assert client.fileno() >= 0


async def test_who_reads_again_learns_where_to_go_on(tmp_path: Path):
    # The deadline of the transport, after which nothing more is written, is twice as long.
    async with serving(tmp_path / "registry.db", answer_seconds=4.0) as server:
        with elsewhere(tmp_path / "registry.db") as connection:
            connection.execute(ADD_OWNER)
        metrics = server.app.service.metrics
        loop = asyncio.get_running_loop()
        received = bytearray()
        async with unread(server, post(LARGE)) as client:
            await eventually(lambda: metrics.subscriptions == 1)
            await asyncio.to_thread(write_much, tmp_path)
            await eventually(lambda: metrics.subscriptions_ended["slow"] == 1)
            async with asyncio.timeout(TIMEOUT_SECONDS):
                while b"event: complete" not in received:
                    part = await loop.sock_recv(client, 2**20)
                    assert part, "the connection was closed before the end"
                    received += part
        blocks = received.decode().split("\n\n")
        events = [block for block in blocks if "event: next" in block]
        told = [json.loads(each.split("data: ")[1].split("\r\n")[0]) for each in events[-1:]]
        (error,) = told[0]["errors"]
        heard = len(events) - 1
        async with listening(server.url, SMALL, after=error["extensions"]["cursor"]) as stream:
            rest = [await stream.next() for _ in range(EVENTS - heard)]

    assert error["extensions"]["code"] == "SLOW_LISTENER"
    assert 0 < heard < EVENTS
    assert len(rest) == EVENTS - heard


async def test_a_socket_that_is_not_read_is_cut_off(server: LocalServer, tmp_path: Path):
    metrics = server.app.service.metrics
    async with acknowledged(server.url, max_queue=1, max_size=None) as one:
        await one.subscribe(LARGE, "large")
        async with listening(server.url, SMALL) as other:
            await eventually(lambda: metrics.subscriptions == 2)
            one.connection.transport.pause_reading()
            await asyncio.to_thread(write_much, tmp_path)
            for _ in range(EVENTS):
                await other.next()
        await eventually(lambda: metrics.subscriptions_ended["slow"] == 1)
        one.connection.transport.abort()

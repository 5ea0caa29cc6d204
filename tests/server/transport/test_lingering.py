"""A request that is answered before its end: its client can read the answer, whatever it still sends."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from server.transport import lingering, timeouts
from tests.support.requests.raw_http import answers
from tests.support.running.waiting import eventually
from tests.support.services.local_server import serving
from tests.support.services.server_process import TIMEOUT_SECONDS
from tests.support.services.transport_server import (
    TransportServer,
    answer,
    transport_server,
)

LARGE = 20_000_000  # more than the system keeps for a socket
HEAD = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CLOSE = b"Connection: close\r\n"


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads no body."""
    await answer(send, b"no", 413)


async def sent(server: TransportServer, head: bytes, size: int) -> tuple[Any, Any]:
    """A client that has sent a head and so many bytes, before it reads anything."""
    reader, writer = await server.connect()
    writer.write(head + b" " * size)
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await writer.drain()
    return reader, writer


async def statuses(reader: asyncio.StreamReader) -> list[int]:
    """Those of all answers, until the server closes its side."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        return [each.status for each in answers(await reader.read())]


LENGTH = b"Content-Length: %d\r\n\r\n" % LARGE
CHUNK = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % LARGE
BEFORE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
SENDING = {
    "by its length": HEAD + CLOSE + LENGTH,
    "in chunks": HEAD + CLOSE + CHUNK,
    "of HTTP/1.0": HEAD.replace(b"1.1", b"1.0") + LENGTH,
    "after another": BEFORE + HEAD + CLOSE + LENGTH,
}


@pytest.mark.parametrize("head", SENDING.values(), ids=SENDING)
async def test_the_answer_to_a_body_that_is_not_read_reaches_its_sender(head: bytes):
    async with transport_server(refuse) as server:
        reader, _ = await sent(server, head, LARGE)

        assert await statuses(reader) == [413] * head.count(b"HTTP/1")


async def test_a_request_beyond_what_any_path_accepts_is_answered_too(monkeypatch):
    monkeypatch.setattr(timeouts, "MAX_REQUEST_BYTES", 100_000)

    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async with transport_server(read) as server:
        reader, _ = await sent(server, HEAD + LENGTH, LARGE)

        assert await statuses(reader) == [413]


async def test_a_client_that_closes_is_gone_at_once():
    async with transport_server(refuse) as server:
        reader, writer = await sent(server, HEAD + CLOSE + LENGTH, LARGE)
        await statuses(reader)
        assert server.state.connections

        writer.close()

        await eventually(lambda: not server.state.connections)


async def test_one_that_never_closes_has_as_long_as_for_a_body():
    async with transport_server(refuse, body_seconds=0.1) as server:
        reader, _ = await sent(server, HEAD + CLOSE + LENGTH, 10)
        await statuses(reader)

        await eventually(lambda: not server.state.connections)


async def test_what_is_dropped_has_a_limit(monkeypatch):
    monkeypatch.setattr(lingering, "MAX_BYTES", 100_000)

    async with transport_server(refuse) as server:
        reader, writer = await sent(server, HEAD + CLOSE + LENGTH, 10)
        await statuses(reader)
        assert server.state.connections

        writer.write(b" " * LARGE)

        await eventually(lambda: not server.state.connections)


@pytest.mark.parametrize("behind", [HEAD, HEAD + LENGTH + b" " * 10], ids=["a head", "a body"])
async def test_a_request_behind_the_last_one_is_not_waited_for(behind: bytes):
    async with transport_server(refuse) as server:
        last = HEAD + CLOSE + b"Content-Length: 0\r\n\r\n"

        reader, _ = await sent(server, last + behind, 0)

        assert await statuses(reader) == [413]
        await eventually(lambda: not server.state.connections)


async def test_a_server_that_stops_waits_for_none_of_them():
    async with transport_server(refuse) as server:
        reader, _ = await sent(server, HEAD + CLOSE + LENGTH, 10)
        await statuses(reader)

        server.only_connection().shutdown()

        await eventually(lambda: not server.state.connections)


async def test_a_body_of_20_mb_gets_to_read_its_413(tmp_path: Path):
    async with serving(tmp_path / "registry.db") as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(HEAD + CLOSE + LENGTH + b" " * LARGE)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await writer.drain()
            (answered,) = answers(await reader.read())
        writer.close()

    assert answered.status == 413
    assert json.loads(answered.body)["errors"][0]["extensions"] == {"code": "TOO_LARGE"}

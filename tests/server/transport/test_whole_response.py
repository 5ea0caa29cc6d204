"""Responses that are written as a whole have the bytes that uvicorn would write, and end no line early."""

import asyncio
import re
from functools import partial
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from tests.support.services.transport_server import transport_server

BODY = b'{"data":{}}'
LENGTH = (b"content-length", b"%d" % len(BODY))
JSON = (b"content-type", b"application/json; charset=utf-8")
TAG = (b"etag", b'"0"')
LAST = b"Connection: close\r\n"
DATE = re.compile(rb"date: [^\r]*")

WHOLE = {
    "a body": (200, [LENGTH, JSON], [BODY]),
    "an error": (400, [JSON, LENGTH, (b"retry-after", b"1")], [BODY]),
    "a large body": (200, [(b"content-length", b"3000000")], [b"x" * 3_000_000]),
    "not modified": (304, [TAG], [b""]),
    "no content": (204, [(b"allow", b"GET")], [b""]),
    "an empty body": (200, [(b"content-length", b"0")], [b""]),
}
IN_PARTS = {
    "parts": (200, [LENGTH], [BODY[:4], BODY[4:]]),
    "parts of unknown length": (200, [JSON], [BODY[:4], BODY[4:]]),
    "a body of unknown length": (200, [JSON], [BODY]),
    "its last response": (200, [LENGTH, (b"connection", b"close")], [BODY]),
    "chunks": (200, [(b"transfer-encoding", b"chunked")], [BODY]),
    "a length beside chunks": (200, [(b"transfer-encoding", b"chunked"), LENGTH], [BODY]),
}
WRONG = {
    "a body too long": (200, [(b"content-length", b"1")], [BODY]),
    "a body too short": (200, [(b"content-length", b"99")], [BODY]),
    "a body that is not allowed": (304, [TAG], [BODY]),
    "a second header in a value": (200, [LENGTH, (b"x", b"1\r\nset-cookie: a=b")], [BODY]),
    "a line's end in a value": (200, [LENGTH, (b"x", b"1\nset-cookie: a=b")], [BODY]),
    "a return in a value": (200, [LENGTH, (b"x", b"1\rset-cookie: a=b")], [BODY]),
    "a second header in a name": (200, [LENGTH, (b"x: 1\r\nset-cookie", b"a=b")], [BODY]),
}


class Application:
    def __init__(self, status: int, headers: Any, parts: list[bytes]) -> None:
        self._start = {"type": "http.response.start", "status": status, "headers": headers}
        self._parts = parts

    async def __call__(self, scope, receive, send) -> None:
        await send(dict(self._start))
        for number, part in enumerate(self._parts, 1):
            more = number < len(self._parts)
            await send({"type": "http.response.body", "body": part, "more_body": more})


async def ask(port: int, method: bytes, headers: bytes) -> bytes:
    """What the server sends for this request, and for one more that closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    first = b"%b / HTTP/1.1\r\nHost: x\r\n%b\r\n" % (method, headers)
    writer.write(first + b"GET / HTTP/1.1\r\nHost: x\r\n%b\r\n" % LAST)
    received = await reader.read()
    writer.close()
    return DATE.sub(b"date", received)


async def ours(app: Application, method: bytes = b"GET", headers: bytes = b"") -> bytes:
    async with transport_server(app) as server:
        return await ask(server.port, method, headers)


async def uvicorns(app: Application, method: bytes = b"GET", headers: bytes = b"") -> bytes:
    """The same by uvicorn's own protocol."""
    config = uvicorn.Config(app, lifespan="off", log_config=None)
    config.load()
    protocol = partial(HttpToolsProtocol, config=config, server_state=ServerState(), app_state={})
    listener = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    async with listener:
        return await ask(listener.sockets[0].getsockname()[1], method, headers)


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
@pytest.mark.parametrize("headers", [b"", LAST], ids=["kept open", "closed"])
@pytest.mark.parametrize("name", WHOLE | IN_PARTS)
async def test_the_bytes_are_those_that_uvicorn_would_write(
    name: str, method: bytes, headers: bytes
):
    app = Application(*(WHOLE | IN_PARTS)[name])

    received = await ours(app, method, headers)

    assert received == await uvicorns(app, method, headers)
    assert received.startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_response_is_refused_as_by_uvicorn(name: str):
    app = Application(*WRONG[name])

    received = await ours(app)

    assert received == await uvicorns(app)
    assert b"set-cookie" not in received


@pytest.mark.parametrize("name", WHOLE)
async def test_a_whole_response_is_not_looked_at_header_by_header(
    name: str, monkeypatch: pytest.MonkeyPatch
):
    async def send(self: RequestResponseCycle, message: Any) -> None:
        used.append(message["type"])
        await usual(self, message)

    used: list[str] = []
    usual = RequestResponseCycle.send
    monkeypatch.setattr(RequestResponseCycle, "send", send)

    await ours(Application(*WHOLE[name]))

    # Only the second response, after which the connection closes, is uvicorn's.
    assert used == ["http.response.start", "http.response.body"]

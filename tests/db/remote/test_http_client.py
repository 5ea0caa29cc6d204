"""What is known of a request that failed: whether the engine may have taken it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from db.remote import http_client
from db.remote.http_client import AnswerLate, AnswerLost, AnswerTooLarge, HttpClient, NotSent
from tests.support.other_programs.certificate import make_certificate
from tests.support.services.tcp_server import Handler, tcp_server

SECONDS = 60.0
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nrows"


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """The address of a server that handles each connection so."""
    async with tcp_server(handler) as port:
        yield f"http://127.0.0.1:{port}/"


@asynccontextmanager
async def opened() -> AsyncIterator[HttpClient]:
    client = HttpClient({"Authorization": "Bearer secret"})
    try:
        yield client
    finally:
        await client.close()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.readuntil(b"\r\n\r\nbatch"):
        writer.write(ANSWER)
        await writer.drain()


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def drop_halfway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ANSWER[:-2])
    await writer.drain()
    writer.close()


async def answer_in_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\nbatch")
    writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 301 Moved\r\nLocation: /there\r\n")
    for part in (b"Transfer-Encoding: chunked\r\n\r\n2\r\nro", b"\r\n2\r\nws\r\n", b"0\r\n\r\n"):
        writer.write(part)
        await writer.drain()


async def answer_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\nbatch")
    writer.write(ANSWER.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"))
    await reader.read()


async def answer_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\nbatch")
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    await reader.read()


def counted(handler: Handler) -> tuple[Handler, list[None]]:
    """The handler, and something for each connection that it has had."""
    connections: list[None] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(None)
        await handler(reader, writer)

    return handle, connections


async def test_an_answer_is_whole():
    async with served(answer) as url, opened() as client:
        answered = await client.post(url, b"batch", SECONDS)
    assert (answered.status, answered.body) == (200, b"rows")


async def test_a_refused_connection_has_sent_nothing():
    async with served(answer) as url:
        pass
    async with opened() as client:
        with pytest.raises(NotSent):
            await client.post(url, b"batch", SECONDS)


@pytest.mark.parametrize("handler", [drop, drop_halfway])
async def test_a_dropped_connection_may_have_sent_everything(handler: Handler):
    async with served(handler) as url, opened() as client:
        with pytest.raises(AnswerLost) as lost:
            await client.post(url, b"batch", SECONDS)
    assert not isinstance(lost.value, AnswerLate)


async def test_an_answer_that_does_not_come_in_time_is_late():
    async with served(hang) as url, opened() as client:
        with pytest.raises(AnswerLate):
            await client.post(url, b"batch", 0.3)


async def test_an_answer_has_a_bound(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_client, "MOST_BYTES", 3)
    async with served(answer) as url, opened() as client:
        with pytest.raises(AnswerTooLarge):
            await client.post(url, b"batch", SECONDS)


async def test_an_answer_may_come_in_chunks_and_no_redirection_is_followed():
    async with served(answer_in_chunks) as url, opened() as client:
        answered = await client.post(url, b"batch", SECONDS)
    assert (answered.status, answered.headers["location"]) == (301, "/there")
    assert answered.body == b"rows"


async def test_a_connection_is_used_again_and_requests_at_once_have_one_each():
    handler, connections = counted(answer)
    async with served(handler) as url, opened() as client:
        for _ in range(5):
            await client.post(url, b"batch", SECONDS)
        assert len(connections) == 1
        await asyncio.gather(*(client.post(url, b"batch", SECONDS) for _ in range(3)))
        assert len(connections) == 3


async def test_a_connection_that_the_server_closes_is_not_used_again():
    handler, connections = counted(answer_and_close)
    async with served(handler) as url, opened() as client:
        for _ in range(3):
            assert (await client.post(url, b"batch", SECONDS)).body == b"rows"
    assert len(connections) == 3


async def test_a_connection_on_which_a_request_was_refused_is_not_used_again():
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER.replace(b"200 OK", b"401 Unauthorized"))
        await reader.read()

    handler, connections = counted(refuse)
    async with served(handler) as url, opened() as client:
        for _ in range(2):
            assert (await client.post(url, b"batch", SECONDS)).status == 401
    assert len(connections) == 2


async def test_a_connection_that_was_idle_for_long_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(http_client, "IDLE_SECONDS", 0.0)
    handler, connections = counted(answer)
    async with served(handler) as url, opened() as client:
        for _ in range(2):
            await client.post(url, b"batch", SECONDS)
    assert len(connections) == 2


async def test_what_waits_for_a_connection_in_vain_has_sent_nothing(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(http_client, "MOST_CONNECTIONS", 1)
    async with served(hang) as url, opened() as client:
        first = asyncio.ensure_future(client.post(url, b"batch", 5.0))
        await asyncio.sleep(0)
        with pytest.raises(NotSent):
            await client.post(url, b"batch", 0.1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first


async def test_a_request_that_is_given_up_leaves_no_connection_for_others():
    handler, connections = counted(hang)
    async with served(handler) as url, opened() as client:
        for _ in range(2):
            with pytest.raises(AnswerLate):
                await client.post(url, b"batch", 0.3)
    assert len(connections) == 2


async def test_what_is_no_http_may_have_been_taken():
    async with served(answer_nonsense) as url, opened() as client:
        with pytest.raises(AnswerLost, match="no answer of HTTP"):
            await client.post(url, b"batch", SECONDS)


@pytest.mark.parametrize("token", ["a\r\nX: b", "a\n", "ä", "\0"])
def test_no_secret_adds_a_header_or_appears_in_an_error(token: str):
    with pytest.raises(ValueError, match="the header Authorization") as raised:
        HttpClient({"Authorization": f"Bearer {token}"})
    assert token not in str(raised.value)


async def test_headers_of_the_client_and_of_the_request_are_sent():
    heads: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(ANSWER)
        await writer.drain()

    async with served(handle) as url, opened() as client:
        await client.request("GET", f"{url}a/b?c=d", b"", SECONDS, {"X-More": "more"})
    lines = heads[0].decode().splitlines()
    assert lines[0] == "GET /a/b?c=d HTTP/1.1"
    assert {"Authorization: Bearer secret", "X-More: more", "Content-Length: 0"} <= set(lines)
    assert f"Host: {url.split('/')[2]}" in lines


async def test_a_certificate_is_verified_before_anything_is_sent(tmp_path: Path):
    make_certificate(tmp_path, "127.0.0.1")
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(tmp_path / "registry.pem", tmp_path / "registry.key")
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server_side)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    strict, lenient = HttpClient(), HttpClient(verify=False)
    try:
        with pytest.raises(NotSent, match="SSLCertVerificationError"):
            await strict.post(url, b"batch", SECONDS)
        assert (await lenient.post(url, b"batch", SECONDS)).body == b"rows"
    finally:
        await strict.close()
        await lenient.close()
        server.close()

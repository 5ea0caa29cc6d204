"""What is known of a request that failed: whether the engine may have taken it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from db.remote import http_client
from db.remote.http_client import AnswerLate, AnswerLost, AnswerTooLarge, HttpClient, NotSent
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

"""What one worker relays to another is given up if that one does not answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from server.telemetry.worker_exchange import FOLDER_VARIABLE
from server.transport import worker_relay

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/graphql/stream",
    "query_string": b"",
    "headers": [],
    "client": ("127.0.0.1", 1),
}


@pytest.fixture(autouse=True)
def _workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr(worker_relay, "HEAD_SECONDS", 0.05)


@asynccontextmanager
async def other_worker(folder: Path, *, hangs: bool) -> AsyncIterator[None]:
    """A worker with the number 2, which takes a request and hangs, or dies."""

    ended = asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if hangs:
            await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with await asyncio.start_unix_server(take, folder / (worker_relay.NAME % 2)):
        yield
        await ended.wait()


async def relayed() -> tuple[bool, list[Any]]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    return await worker_relay.relay("2", SCOPE, b"", send), sent


@pytest.mark.parametrize("hangs", [True, False], ids=["hangs", "dies"])
async def test_a_worker_that_does_not_answer_is_given_up(tmp_path: Path, hangs: bool):
    async with other_worker(tmp_path, hangs=hangs):
        assert await relayed() == (False, [])


async def test_a_worker_that_is_not_there_is_no_worker(tmp_path: Path):
    assert await relayed() == (False, [])

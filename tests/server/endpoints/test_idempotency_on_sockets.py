"""Idempotency keys on WebSockets, where a browser can send no header."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.requests.idempotent_requests import REGISTER
from tests.support.requests.websocket_clients import acknowledged
from tests.support.services.local_server import LocalServer, serving
from tests.support.services.server_process import TIMEOUT_SECONDS

pytestmark = pytest.mark.waits

ADA = {"name": "Ada"}
KEY = {"idempotencyKey": "one"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LocalServer]:
    """A server over a new registry."""
    async with serving(tmp_path / "registry.db") as server:
        yield server


async def test_a_socket_and_a_post_with_one_key_have_one_answer(server: LocalServer):
    async with (
        acknowledged(server.url) as socket,
        httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client,
    ):
        done = await socket.ask(REGISTER, variables=ADA, extensions=KEY)
        again = await socket.ask(REGISTER, variables=ADA, extensions=KEY)
        posted = await client.post(
            server.url,
            json={"query": REGISTER, "variables": ADA},
            headers={"idempotency-key": '"one"'},
        )

    assert again["data"] == done["data"] == posted.json()["data"]


async def test_another_request_with_the_key_is_refused_and_the_socket_stays_open(
    server: LocalServer,
):
    async with acknowledged(server.url) as socket:
        done = await socket.ask(REGISTER, variables=ADA, extensions=KEY)
        reused = await socket.refused(REGISTER, variables={"name": "Eve"}, extensions=KEY)
        malformed = await socket.refused(REGISTER, extensions={"idempotencyKey": 1})
        again = await socket.ask(REGISTER, variables=ADA, extensions=KEY)

    assert reused["extensions"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert malformed["extensions"]["code"] == "BAD_REQUEST"
    assert again["data"] == done["data"]


async def test_sockets_and_posts_at_once_write_once(server: LocalServer):
    async def over_socket() -> Any:
        async with acknowledged(server.url) as socket:
            return await socket.ask(REGISTER, variables=ADA, extensions=KEY)

    async def posted() -> Any:
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            sent = {"query": REGISTER, "variables": ADA, "extensions": KEY}
            return (await client.post(server.url, json=sent)).json()

    answers = await asyncio.gather(
        *(over_socket() for _ in range(10)), *(posted() for _ in range(10))
    )

    assert [each["data"] for each in answers] == [answers[0]["data"]] * 20
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        counted = await client.post(server.url, json={"query": "{ actors { totalCount } }"})
    assert counted.json() == {"data": {"actors": {"totalCount": 1}}}

"""Clients of sockets that misbehave with subscriptions: what they take is bounded and given back."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from server.endpoints.carried_operations import MAX_OPERATIONS
from tests.support.registries.databases import adding
from tests.support.requests.websocket_clients import Socket, acknowledged, opened
from tests.support.running.waiting import eventually
from tests.support.services.local_server import LocalServer, serving
from tests.support.services.server_process import TIMEOUT_SECONDS

pytestmark = pytest.mark.waits

CHANGES = "subscription { changes { cause } }"
FLOOD = 300
TOLD = {"data": {"changes": {"cause": "external"}}}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LocalServer]:
    async with serving(tmp_path / "registry.db") as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def refusing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalServer]:
    """A server with which these tests open no subscription."""
    async with serving(tmp_path_factory.mktemp("refusing") / "registry.db") as server:
        yield server


def open_subscriptions(server: LocalServer) -> int:
    return server.app.service.metrics.subscriptions


def kept(server: LocalServer) -> list[int]:
    """How many listeners, topics and viewers the server remembers."""
    hub: Any = server.app.service.subscriptions
    return [len(hub._listeners), len(hub._topics), len(hub._of_viewer)]


async def all_ended(server: LocalServer) -> None:
    await eventually(lambda: open_subscriptions(server) == 0)
    assert kept(server) == [0, 0, 0]


async def hears_of(server: LocalServer, socket: Socket, id_: str, name: str) -> None:
    """The subscription with this id is told of the next change, and no other message comes before."""
    await server.app.service.db.write(adding(name))
    assert await socket.hear() == {"type": "next", "id": id_, "payload": TOLD}


async def test_a_subscription_before_the_acknowledgement_closes_the_socket(server: LocalServer):
    async with opened(server.url) as socket:
        await socket.subscribe(CHANGES)
        code, _ = await socket.closed()

    assert code == 4401
    assert kept(server) == [0, 0, 0]


async def test_a_flood_of_subscriptions_opens_few_and_keeps_none_of_the_others(server: LocalServer):
    async with acknowledged(server.url) as socket:
        for number in range(FLOOD):
            await socket.subscribe(CHANGES, f"s{number}")
        refused = [await socket.hear() for _ in range(FLOOD - MAX_OPERATIONS)]

        assert {each["type"] for each in refused} == {"error"}
        codes = {each["payload"][0]["extensions"]["code"] for each in refused}
        assert codes == {"TOO_MANY_REQUESTS"}
        assert open_subscriptions(server) == MAX_OPERATIONS
        assert kept(server) == [MAX_OPERATIONS, 1, 1]
    await all_ended(server)


async def test_an_id_is_used_again_once_its_subscription_is_completed(server: LocalServer):
    async with acknowledged(server.url) as socket:
        for _ in range(FLOOD):
            await socket.subscribe(CHANGES, "live")
            await socket.say("complete", id="live")
        await socket.subscribe(CHANGES, "live")
        await socket.say("ping")
        while (await socket.hear())["type"] != "pong":
            pass
        await eventually(lambda: open_subscriptions(server) == 1)

        await hears_of(server, socket, "live", "ADA")
    await all_ended(server)


async def test_the_id_of_an_open_subscription_closes_the_socket(server: LocalServer):
    async with acknowledged(server.url) as socket:
        await socket.subscribe(CHANGES, "live")
        await socket.subscribe("{ __typename }", "live")
        code, reason = await socket.closed()

    assert (code, reason) == (4409, "Subscriber for live already exists")
    await all_ended(server)


async def test_ids_that_nothing_has_are_completed_without_an_answer(server: LocalServer):
    async with acknowledged(server.url) as socket:
        await socket.subscribe(CHANGES, "live")
        for number in range(FLOOD):
            await socket.say("complete", id=f"none {number}")
        await eventually(lambda: open_subscriptions(server) == 1)

        await hears_of(server, socket, "live", "ADA")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("id_", ["", "x" * 201, 7, None, ["live"]])
async def test_an_id_must_be_a_text_of_some_length(refusing: LocalServer, id_: Any):
    async with acknowledged(refusing.url) as socket:
        await socket.subscribe(CHANGES, id_)
        code, reason = await socket.closed()

    assert code == 4400
    assert "id" in str(reason)
    assert kept(refusing) == [0, 0, 0]


async def test_a_message_that_is_too_large_closes_the_socket_with_its_subscriptions(
    server: LocalServer,
):
    padding = "#" * server.app.service.settings.max_body_bytes
    async with acknowledged(server.url) as socket:
        await socket.subscribe(CHANGES, "live")
        await eventually(lambda: open_subscriptions(server) == 1)
        await socket.subscribe(f"{CHANGES} {padding}", "large")
        code, _ = await socket.closed()

    assert code == 1009
    await all_ended(server)


async def test_a_client_that_is_gone_leaves_nothing_behind(server: LocalServer):
    for _ in range(20):
        async with acknowledged(server.url) as socket:
            for number in range(MAX_OPERATIONS):
                await socket.subscribe(CHANGES, f"s{number}")
            socket.connection.transport.abort()
    await all_ended(server)

    async with acknowledged(server.url) as socket:
        await socket.subscribe(CHANGES, "live")
        await eventually(lambda: open_subscriptions(server) == 1)
        await asyncio.wait_for(hears_of(server, socket, "live", "ADA"), TIMEOUT_SECONDS)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {"query": 1},
        {"query": CHANGES, "variables": []},
        {"query": CHANGES, "extensions": "none"},
        {"query": CHANGES, "operationName": 1},
    ],
)
async def test_a_malformed_subscription_closes_the_socket_and_says_why(
    refusing: LocalServer, payload: Any
):
    async with acknowledged(refusing.url) as socket:
        await socket.connection.send(
            json.dumps({"type": "subscribe", "id": "1", "payload": payload})
        )
        code, reason = await socket.closed()

    assert code == 4400
    assert reason
    assert kept(refusing) == [0, 0, 0]

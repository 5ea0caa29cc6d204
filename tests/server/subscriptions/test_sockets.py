"""Live changes on WebSockets, in graphql-transport-ws, from real servers."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.endpoints.carried_operations import MAX_OPERATIONS
from tests.support.requests.websocket_clients import Socket, acknowledged
from tests.support.running.waiting import eventually
from tests.support.services.local_server import LocalServer, serving
from tests.support.services.server_process import TIMEOUT_SECONDS

pytestmark = pytest.mark.waits

CHANGES = """
    subscription Live($after: String) {
      changes(after: $after) { cursor cause entity { ... on Actor { displayName } } }
    }
"""
REGISTER = """
    mutation($name: String) { registerActor(input: { actorType: AI, displayName: $name }) { actor { id } } }
"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LocalServer]:
    async with serving(tmp_path / "registry.db") as server:
        yield server


@pytest.fixture
async def writer(server: LocalServer) -> AsyncIterator[Socket]:
    """Another client, which writes."""
    async with acknowledged(server.url) as socket:
        yield socket


async def subscribed(server: LocalServer, socket: Socket, id_: str, **variables: Any) -> None:
    """Subscribe, and wait until the server has."""
    metrics = server.app.service.metrics
    before = metrics.subscriptions
    await socket.subscribe(CHANGES, id_, variables=variables)
    await eventually(lambda: metrics.subscriptions == before + 1)


async def told(socket: Socket) -> tuple[str, str]:
    """The operation that the next message is for, and the name of who changed."""
    message = await socket.hear()
    assert message["type"] == "next", message
    return message["id"], message["payload"]["data"]["changes"]["entity"]["displayName"]


async def test_changes_are_messages_until_the_client_completes(server: LocalServer, writer: Socket):
    async with acknowledged(server.url) as socket:
        await subscribed(server, socket, "live")
        for name in ("Ada", "Bert"):
            await writer.ask(REGISTER, variables={"name": name})
        assert [await told(socket), await told(socket)] == [("live", "Ada"), ("live", "Bert")]

        await socket.say("complete", id="live")
        await eventually(lambda: server.app.service.metrics.subscriptions == 0)
        await writer.ask(REGISTER, variables={"name": "Carl"})

        assert await socket.ask("{ __typename }") == {"data": {"__typename": "Query"}}
        await subscribed(server, socket, "live")  # the id is free again


async def test_one_socket_carries_several_subscriptions_and_operations_beside_them(
    server: LocalServer,
):
    async with acknowledged(server.url) as socket:
        for id_ in ("one", "two"):
            await subscribed(server, socket, id_)
        await socket.subscribe(REGISTER, "write", variables={"name": "Ada"})
        messages = [await socket.hear() for _ in range(4)]

    assert sorted((each["id"], each["type"]) for each in messages) == [
        ("one", "next"),
        ("two", "next"),
        ("write", "complete"),
        ("write", "next"),
    ]


async def test_a_subscription_goes_on_after_a_cursor(server: LocalServer, writer: Socket):
    async with acknowledged(server.url) as socket:
        await subscribed(server, socket, "live")
        for name in ("Ada", "Bert", "Carl"):
            await writer.ask(REGISTER, variables={"name": name})
        cursor = (await socket.hear())["payload"]["data"]["changes"]["cursor"]

    async with acknowledged(server.url) as socket:
        await subscribed(server, socket, "again", after=cursor)
        assert [await told(socket), await told(socket)] == [("again", "Bert"), ("again", "Carl")]


async def test_a_socket_has_a_limited_number_of_subscriptions(server: LocalServer):
    async with acknowledged(server.url) as socket:
        for number in range(MAX_OPERATIONS):
            await subscribed(server, socket, f"s{number}")
        await socket.subscribe(CHANGES, "one more")
        refusal = await socket.hear()

        (error,) = refusal["payload"]
        assert (refusal["type"], refusal["id"]) == ("error", "one more")
        assert error["extensions"] == {"code": "TOO_MANY_REQUESTS"}
        assert await socket.ask("{ __typename }") == {"data": {"__typename": "Query"}}


async def test_a_worker_has_a_limited_number_and_a_viewer_half_of_them(tmp_path: Path):
    async with (
        serving(tmp_path / "registry.db", max_subscriptions=6) as server,
        acknowledged(server.url) as socket,
    ):
        for number in range(3):
            await subscribed(server, socket, f"s{number}")
        await socket.subscribe(CHANGES, "one more")
        (error,) = (await socket.hear())["payload"]
        await socket.say("complete", id="s0")
        await eventually(lambda: server.app.service.metrics.subscriptions == 2)
        await subscribed(server, socket, "later")

    assert error["extensions"] == {"code": "TOO_MANY_REQUESTS"}
    assert "CHITTYGRAPH_MAX_SUBSCRIPTIONS" in error["message"]


async def test_bad_arguments_end_the_subscription_with_an_error(server: LocalServer):
    async with acknowledged(server.url) as socket:
        error = await socket.refused(CHANGES, variables={"after": "nothing"})

    assert error["extensions"] == {"code": "BAD_CURSOR"}


async def test_a_stopping_server_closes_the_socket_so_that_clients_come_back(tmp_path: Path):
    async with serving(tmp_path / "registry.db") as server, acknowledged(server.url) as socket:
        await subscribed(server, socket, "live")
        server.server.should_exit = True
        code, reason = await asyncio.wait_for(socket.closed(), TIMEOUT_SECONDS)

    assert (code, reason) == (1012, "the server is stopping: connect again in a moment")


async def test_what_is_open_was_sent_and_has_ended_is_in_the_metrics(
    server: LocalServer, writer: Socket
):
    metrics = server.app.service.metrics
    async with acknowledged(server.url) as socket:
        await subscribed(server, socket, "live")
        await writer.ask(REGISTER, variables={"name": "Ada"})
        await told(socket)

    await eventually(lambda: metrics.subscriptions == 0)
    assert metrics.subscription_events == 1
    assert metrics.subscriptions_ended == {"client": 1}

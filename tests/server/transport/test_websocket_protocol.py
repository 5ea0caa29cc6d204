"""What one WebSocket holds in memory counts in the budget of messages, until the application has taken it."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from server.http.body_budget import BodyBudget
from server.transport.connection_limits import ConnectionLimits
from server.transport.send_deadline import UnsentBudget
from server.transport.timeouts import ClientLimits
from server.transport.websocket_protocol import MESSAGE_BYTES, WebSocketProtocol
from tests.support.requests.websocket_frames import HANDSHAKE, TEXT, frame
from tests.support.running.waiting import eventually

COUNT = 300
MESSAGE = frame(TEXT, b"{}")
# At most: what is not parsed yet takes no more than its bytes.
HELD = COUNT * (MESSAGE_BYTES + len(MESSAGE))
FEW = 10


class Application:
    """Accepts the socket, and takes messages once it may."""

    def __init__(self) -> None:
        self.may_take = asyncio.Event()
        self.taken = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await self.may_take.wait()
        while (await receive())["type"] == "websocket.receive":
            self.taken += 1


@asynccontextmanager
async def connection(
    application: Application, budget: BodyBudget
) -> AsyncIterator[tuple[WebSocketProtocol, socket.socket]]:
    """A protocol on one end of a pair of sockets, and the other end after the handshake."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    limits = ClientLimits(
        head_seconds=60,
        body_seconds=60,
        response_seconds=60,
        idle_seconds=60,
        connections=ConnectionLimits(0),
        messages=budget,
        unsent=UnsentBudget(2**20),
    )
    config = uvicorn.Config(application, log_config=None, ws_max_size=1_000)
    transport, protocol = await loop.create_connection(
        lambda: WebSocketProtocol(
            limits, config=config, server_state=ServerState(), app_state={}, _loop=loop
        ),
        sock=ours,
    )
    try:
        await loop.sock_sendall(theirs, HANDSHAKE)
        assert (await loop.sock_recv(theirs, 1_000)).startswith(b"HTTP/1.1 101")
        yield protocol, theirs
    finally:
        application.may_take.set()
        transport.abort()
        theirs.close()
        await asyncio.gather(*protocol.tasks)


async def until_held(budget: BodyBudget, least: int, most: int) -> None:
    await eventually(lambda: least <= budget.held <= most)


async def test_waiting_messages_count_until_they_are_taken():
    application, budget = Application(), BodyBudget(2 * HELD)
    async with connection(application, budget) as (_, client):
        await asyncio.get_running_loop().sock_sendall(client, MESSAGE * COUNT)
        await until_held(budget, COUNT * len(MESSAGE), HELD)

        application.may_take.set()
        await until_held(budget, 0, 0)

    assert application.taken == COUNT


async def test_a_socket_with_too_many_waiting_messages_is_closed():
    application, budget = Application(), BodyBudget(MESSAGE_BYTES * FEW)
    async with connection(application, budget) as (_, client):
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(client, MESSAGE * COUNT)
        closing = await asyncio.wait_for(loop.sock_recv(client, 100), 60)

    assert (closing[0], struct.unpack(">H", closing[2:4])) == (0x88, (1013,))
    assert budget.held == 0


async def test_a_socket_that_is_lost_holds_nothing():
    application, budget = Application(), BodyBudget(2 * HELD)
    async with connection(application, budget) as (protocol, client):
        await asyncio.get_running_loop().sock_sendall(client, MESSAGE[:-1])
        await until_held(budget, 1, len(MESSAGE) - 1)

        protocol.transport.abort()
        await until_held(budget, 0, 0)

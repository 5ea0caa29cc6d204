"""Our HTTP and WebSocket protocols on a real socket, below an application of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from server.app import GRAPHQL
from server.http.body_budget import BodyBudget
from server.transport.connection_limits import ConnectionLimits
from server.transport.http_protocol import HTTPProtocol
from server.transport.send_deadline import UnsentBudget
from server.transport.timeouts import ClientLimits
from server.transport.websocket_protocol import WebSocketProtocol
from tests.support.running.waiting import eventually

Application = Callable[..., Awaitable[None]]


@dataclass
class TransportServer:
    """A listening server; `state` has its open connections."""

    port: int
    state: ServerState
    clients: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A new client, which is gone when the server is."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.clients.append(writer)
        return reader, writer

    def only_connection(self) -> Any:
        """The server's side of the only client."""
        (connection,) = self.state.connections
        return connection


def protocols(**limits: Any) -> tuple[Any, Any]:
    """What makes connections of HTTP and of WebSockets, patient but for these limits."""
    seconds = {"head_seconds": 60, "body_seconds": 60, "response_seconds": 60, "idle_seconds": 60}
    shared = {
        "connections": ConnectionLimits(0),
        "messages": BodyBudget(2**25),
        "unsent": UnsentBudget(2**40),
    }
    clients = ClientLimits(**{**shared, **seconds, **limits})
    return partial(HTTPProtocol, clients, GRAPHQL), partial(WebSocketProtocol, clients)


@asynccontextmanager
async def transport_server(app: Application, **limits: Any) -> AsyncIterator[TransportServer]:
    """A server for this application, in the test's event loop."""
    http, websockets = protocols(**limits)
    config = uvicorn.Config(app, http=http, ws=websockets, lifespan="off", log_config=None)
    config.ws_max_size, config.ws_per_message_deflate = 100_000, False
    config.load()
    state = ServerState()
    protocol = partial(http, config=config, server_state=state, app_state={})
    listener = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    server = TransportServer(listener.sockets[0].getsockname()[1], state)
    try:
        yield server
    finally:
        listener.close()
        for connection in [*server.clients, *state.connections]:
            connection.transport.abort()
        for task in list(state.tasks):
            task.cancel()
        for client in server.clients:
            with suppress(ConnectionError):
                await client.wait_closed()
        await eventually(lambda: not state.connections and not state.tasks)


async def answer(
    send: Callable[..., Awaitable[None]], body: bytes = b"", status: int = 200
) -> None:
    """Send a whole response."""
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

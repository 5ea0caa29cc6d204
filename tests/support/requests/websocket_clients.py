"""Clients of /graphql on a WebSocket, as its users write them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.services.server_process import TIMEOUT_SECONDS

SUBPROTOCOL = "graphql-transport-ws"


class Socket:
    """One open socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, type_: str, **members: Any) -> None:
        """Send a message."""
        await self.connection.send(json.dumps({"type": type_, **members}))

    async def hear(self) -> dict[str, Any]:
        """The server's next message."""
        message: dict[str, Any] = json.loads(await self.connection.recv())
        return message

    async def subscribe(self, query: str, id_: str = "1", **payload: Any) -> None:
        """Ask for an operation."""
        await self.say("subscribe", id=id_, payload={"query": query, **payload})

    async def ask(self, query: str, id_: str = "1", **payload: Any) -> Any:
        """The payload of an operation that ends with one, complete."""
        await self.subscribe(query, id_, **payload)
        found = await self.hear()
        assert (found["type"], found["id"]) == ("next", id_), found
        assert await self.hear() == {"type": "complete", "id": id_}
        return found["payload"]

    async def refused(self, query: str, **payload: Any) -> dict[str, Any]:
        """The one error of an operation that is not carried out."""
        await self.subscribe(query, **payload)
        found = await self.hear()
        assert (found["type"], found["id"]) == ("error", "1"), found
        (error,) = found["payload"]
        told: dict[str, Any] = error
        return told

    async def rest(self) -> list[str]:
        """Every message until the server closes the socket."""
        found: list[str] = []
        with suppress(ConnectionClosed):
            found.extend([str(message) async for message in self.connection])
        return found

    async def closed(self) -> tuple[int | None, str | None]:
        """The code and the reason with which the server closes the socket, after whatever it says."""
        await self.rest()
        return self.connection.close_code, self.connection.close_reason


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[Socket]:
    """A socket to the server at this URL of http, on which nothing was said yet."""
    given = {"subprotocols": [SUBPROTOCOL], "open_timeout": TIMEOUT_SECONDS, **options}
    async with connect(url.replace("http", "ws", 1), **given) as connection:
        yield Socket(connection)


@asynccontextmanager
async def acknowledged(
    url: str, authorization: str | None = None, **options: Any
) -> AsyncIterator[Socket]:
    """A socket whose client has said who it is."""
    async with opened(url, **options) as socket:
        payload = {} if authorization is None else {"payload": {"Authorization": authorization}}
        await socket.say("connection_init", **payload)
        assert await socket.hear() == {"type": "connection_ack"}
        yield socket

"""A WebSocket of an application in this process."""

import asyncio
from typing import Any

from server.app import GRAPHQL
from tests.support.services.api import Api


async def conversation(
    api: Api,
    headers: list[tuple[bytes, bytes]],
    *texts: str,
    host: bytes = b"127.0.0.1",
    address: str = "203.0.113.7",
    path: str = GRAPHQL,
    until: str | None = None,
) -> list[dict[str, Any]]:
    """What the service sends on a WebSocket on which a client at this address sends these texts.

    The client leaves after the last one, or once it has got a text that holds `until`, or was refused.
    """
    scope = {
        "type": "websocket",
        "path": path,
        "headers": [(b"host", host), *headers],
        "subprotocols": ["graphql-transport-ws"],
        "client": (address, 50_000),
        "extensions": {"websocket.http.response": {}},
    }
    waiting: list[dict[str, Any]] = [{"type": "websocket.connect"}]
    waiting += [{"type": "websocket.receive", "text": text} for text in texts]
    waiting.append({"type": "websocket.disconnect"})
    sent: list[dict[str, Any]] = []
    may_leave = asyncio.Event()
    if until is None:
        may_leave.set()

    async def receive() -> dict[str, Any]:
        if len(waiting) == 1:
            await may_leave.wait()
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(dict(message))
        if message["type"] == "websocket.close" or (until and until in message.get("text", "")):
            may_leave.set()

    await api.app(scope, receive, send)
    return sent

"""A WebSocket of an application in this process."""

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
) -> list[dict[str, Any]]:
    """What the service sends on a WebSocket on which a client at this address sends these texts."""
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

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await api.app(scope, receive, send)
    return sent

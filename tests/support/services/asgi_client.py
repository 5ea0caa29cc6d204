"""A client of an application in this process."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import httpx2

HOST = "127.0.0.1"
# The client looks for it at each request: not found is found out once, and not on the whole path each time.
sys.modules.setdefault("sniffio", None)

Message = MutableMapping[str, Any]
Application = Callable[[Message, Callable[[], Awaitable[Message]], Callable[..., Any]], Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What answers a POST to /graphql."""

    status: int
    content_type: str
    body: bytes


class AsgiClient(httpx2.AsyncClient):
    """It has an address, and says with each request what is in `headers`."""

    def __init__(
        self,
        app: Application,
        *,
        address: tuple[str, int] = (HOST, 50_000),
        headers: dict[str, str] | None = None,
    ) -> None:
        transport = httpx2.ASGITransport(app=app, client=address)
        super().__init__(transport=transport, base_url=f"http://{HOST}", headers=headers)
        self._app = app
        self._address = address

    async def answer(self, value: object, headers: Mapping[str, str] | None = None) -> Answer:
        """What answers this JSON at /graphql: as with `post`, uncompressed, and in a quarter of the time."""
        sent = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        received = iter([{"type": "http.request", "body": sent, "more_body": False}])
        messages: list[Message] = []
        is_answered = asyncio.Event()

        async def receive() -> Message:
            for message in received:
                return message
            await is_answered.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            messages.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                is_answered.set()

        await self._app(self._scope(len(sent), headers or {}), receive, send)
        assert is_answered.is_set()
        start, *parts = messages
        content_type: bytes = dict(start["headers"])[b"content-type"]
        body = b"".join(part.get("body", b"") for part in parts)
        return Answer(start["status"], content_type.decode(), body)

    def _scope(self, length: int, headers: Mapping[str, str]) -> Message:
        usual = {name.lower(): value for name, value in self.headers.raw}
        given = {name.lower().encode(): value.encode() for name, value in headers.items()}
        usual.pop(b"accept-encoding", None)
        described = {b"content-length": b"%d" % length, b"content-type": b"application/json"}
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "headers": list(({b"host": HOST.encode()} | usual | given | described).items()),
            "scheme": "http",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "query_string": b"",
            "server": (HOST, None),
            "client": self._address,
            "root_path": "",
        }

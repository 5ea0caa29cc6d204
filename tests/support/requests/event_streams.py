"""Clients of event streams, which read as a browser's EventSource does."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.support.services.server_process import TIMEOUT_SECONDS

ACCEPT = {"accept": "text/event-stream"}


@dataclass
class ServerEvent:
    """One event; `id` is the last one that was sent."""

    name: str
    data: str
    id: str

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class Stream:
    """One open stream; `last_id` is what a browser would send back."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.last_id = ""
        self.retry = ""
        self.comments = 0
        self._lines = response.aiter_lines()

    async def hear(self) -> ServerEvent | None:
        """The next event, None at the end of the stream."""
        name, data = "", list[str]()
        async for line in self._lines:
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match field:
                case "" if line:
                    self.comments += 1
                case "event":
                    name = value
                case "data":
                    data.append(value)
                case "id":
                    self.last_id = value
                case "retry":
                    self.retry = value
                case "" if name or data:
                    return ServerEvent(name, "\n".join(data), self.last_id)
        return None

    async def next(self) -> Any:
        """The response in the next event, which must be there."""
        event = await self.hear()
        assert event is not None
        assert event.name == "next", event
        return event.json

    async def begun(self) -> None:
        """Wait until the server has said after which place the stream begins."""
        while not self.last_id:
            line = await anext(self._lines)
            if line.startswith("id: "):
                self.last_id = line.removeprefix("id: ")


@asynccontextmanager
async def listening(
    url: str, query: str, headers: Mapping[str, str] | None = None, **variables: Any
) -> AsyncIterator[Stream]:
    """A stream of this subscription, which has begun."""
    sent = {"query": query, "variables": variables}
    async with (
        httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client,
        client.stream("POST", url, json=sent, headers=ACCEPT | dict(headers or {})) as response,
    ):
        stream = Stream(response)
        await stream.begun()
        yield stream

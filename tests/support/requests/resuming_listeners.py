"""Listeners that lose their connection again and again, and go on after the last change that they heard."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import httpx2
from websockets.exceptions import WebSocketException

from tests.support.requests.event_streams import ACCEPT, Stream
from tests.support.requests.websocket_clients import acknowledged
from tests.support.services.server_process import TIMEOUT_SECONDS

CHANGES = """
    subscription($after: String, $filter: ChangeFilter) {
        changes(after: $after, filter: $filter) { cursor kind operation cause entityId }
    }
"""
# What a client sees of a server that is killed, or is not there yet.
BROKEN = (httpx2.TransportError, WebSocketException, OSError, EOFError)
LONGEST_SESSION = 120  # changes
LONGEST_PAUSE = 0.1  # seconds


class Interrupted(Exception):
    """Raised at the end of a stream that should have gone on."""


@dataclass
class Place:
    """Where the server is, which is another place after each start."""

    url: str = ""


@dataclass
class Listener:
    """`heard` has the changes in the order in which they came; `cursor` is where it goes on.

    It asks for changes of these `kinds`, or of all if they are none.
    """

    place: Place
    connect: "Connect"
    chance: random.Random
    cursor: str
    kinds: tuple[str, ...] = ()
    heard: list[dict[str, str]] = field(default_factory=list)
    sessions: int = 0
    grown: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def variables(self) -> dict[str, Any]:
        return {"filter": {"kinds": list(self.kinds)} if self.kinds else {}}

    async def listen(self) -> None:
        """Listen in one session after the other, until it is cancelled."""
        while True:
            try:
                async with self.connect(self) as changes:
                    self.sessions += 1
                    for _ in range(self.chance.randint(1, LONGEST_SESSION)):
                        self._take(await anext(changes))
            except (*BROKEN, Interrupted):
                pass
            await asyncio.sleep(self.chance.uniform(0, LONGEST_PAUSE))

    async def has_heard(self, cursor: str) -> None:
        """Wait until it has heard of this change."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while self.cursor != cursor:
                self.grown.clear()
                await self.grown.wait()

    def _take(self, change: dict[str, str]) -> None:
        self.heard.append(change)
        self.cursor = change["cursor"]
        self.grown.set()


Changes: TypeAlias = AsyncGenerator[dict[str, str]]
Connect: TypeAlias = Callable[[Listener], AbstractAsyncContextManager[Changes]]


@asynccontextmanager
async def by_socket(listener: Listener) -> AsyncIterator[Changes]:
    """Subscribe on a WebSocket, after the cursor of the last change."""

    async def changes() -> Changes:
        while True:
            message = await socket.hear()
            assert message["type"] == "next", message
            yield message["payload"]["data"]["changes"]

    # A client that is to close a socket with much to read on it does not hear the server's good-bye.
    async with acknowledged(
        listener.place.url, ping_interval=None, close_timeout=LONGEST_PAUSE
    ) as socket:
        await socket.subscribe(CHANGES, variables={"after": listener.cursor, **listener.variables})
        async with aclosing(changes()) as heard:
            yield heard
        if listener.chance.random() < 0.5:
            socket.connection.transport.abort()  # rather than say good-bye


@asynccontextmanager
async def by_event_stream(listener: Listener) -> AsyncIterator[Changes]:
    """Open an event stream with the last event's id, which is a place in the log at first."""

    async def changes() -> Changes:
        while (event := await stream.hear()) is not None:
            assert event.name == "next", event
            yield event.json["data"]["changes"]
        raise Interrupted

    headers = ACCEPT | {"last-event-id": listener.cursor}
    sent = {"query": CHANGES, "variables": listener.variables}
    async with (
        httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client,
        client.stream("POST", listener.place.url, json=sent, headers=headers) as got,
    ):
        if got.status_code != 200:
            raise Interrupted
        stream = Stream(got)
        try:
            await stream.begun()
        except StopAsyncIteration:
            raise Interrupted from None
        async with aclosing(changes()) as heard:
            yield heard

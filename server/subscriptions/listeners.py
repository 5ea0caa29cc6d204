"""Listeners: those who are told of changes, each at its own place in the log.

A listener's place is a sequence number. It holds the events that are being sent to it and no others, so that
one that is slow takes no memory; it is cut off if it takes nothing for too long.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from db.queries import log_positions
from resolvers.permissions import Viewer
from server.auth.gate import Gate
from server.http import errors
from server.http.errors import CODES, HTTPError
from server.subscriptions.log_tail import Stopping
from server.subscriptions.stream_end import (
    CUT_OFF,
    FAILED,
    GONE,
    RIGHTS,
    STOPPING,
    UNAVAILABLE,
    StreamEnd,
)
from server.subscriptions.topics import Event, Topic

# After so long without an event, the listener's credential is checked, and its connection may be used.
IDLE_SECONDS = 15.0

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Subscriber:
    """Whoever listens, with the rights that it had when it began to."""

    gate: Gate | None
    viewer: Viewer
    credentials: Sequence[tuple[bytes, bytes]]
    address: str

    async def check(self) -> Viewer:
        """The viewer with its present rights; raises StreamEnd if some were lost."""
        if self.gate is None:
            return self.viewer
        try:
            viewer = await self.gate.recheck(self.credentials, self.address)
        except HTTPError as error:
            reason = RIGHTS if error.status == 401 else UNAVAILABLE
            raise StreamEnd(reason, CODES[error.status], str(error)) from None
        lost = self.viewer.effective_capabilities - viewer.effective_capabilities
        if viewer.actor != self.viewer.actor or lost:
            raise StreamEnd(
                RIGHTS,
                "FORBIDDEN",
                f"you have lost {', '.join(sorted(lost))}: subscribe again with what is left",
            )
        return viewer


@dataclass(eq=False, slots=True)
class Listener:
    """One open stream. Whoever opened it closes it."""

    topic: Topic
    subscriber: Subscriber
    position: int
    request_id: str
    send_seconds: float
    closed: Callable[["Listener", str], None]
    sent: int = field(default=0, init=False)  # events
    _ahead: int = field(default=0, init=False)  # the place after the events that are being sent
    _cursor: str | None = field(default=None, init=False)  # of the last one of them that was

    def __post_init__(self) -> None:
        self._ahead = self.position

    @property
    def cursor(self) -> str:
        """Where to go on: after the last event that was sent, or from the present place."""
        return self._cursor or log_positions.seal(self.topic.sources.key, self.position)

    async def next(self) -> tuple[Event, ...]:
        """The next events, or none after IDLE_SECONDS; raises StreamEnd and Stopping."""
        self.position, self._cursor = self._ahead, None
        try:
            events = await self._next_in_time()
            if not events:
                await self.subscriber.check()
        except StreamEnd as end:
            end.cursor = end.cursor or self.cursor
            raise
        return events

    async def _next_in_time(self) -> tuple[Event, ...]:
        # Reading counts, too: how long a listener seems idle must not tell how much others write.
        idle = asyncio.timeout(IDLE_SECONDS)
        try:
            async with idle:
                return await self._next()
        except TimeoutError:
            if not idle.expired():
                raise
        return ()

    async def _next(self) -> tuple[Event, ...]:
        while True:
            await self.topic.sources.tail.has_grown(self.position)
            viewer = await self.subscriber.check()
            batch = await self.topic.batch(viewer, self.position, self.request_id)
            # What was read with other rights than the present ones is read again.
            if await self.subscriber.check() != viewer:
                continue
            if batch.events:
                self._ahead = batch.position
                return batch.events
            self.position = self._ahead = batch.position

    async def send(self, event: Event, send: Callable[[], Awaitable[None]]) -> None:
        """Send one of these events; raises StreamEnd if the client takes nothing for too long."""
        try:
            async with asyncio.timeout(self.send_seconds):
                await send()
        except TimeoutError:
            raise StreamEnd(
                CUT_OFF,
                "SLOW_LISTENER",
                f"events were not read for {self.send_seconds:g} s: go on after the cursor",
                self.cursor,
            ) from None
        self._cursor = event.cursor
        self.sent += 1
        self.topic.sources.metrics.subscription_events += 1

    async def tell(
        self, send: Callable[[Event], Awaitable[None]], keep_alive: Callable[[], Awaitable[None]]
    ) -> list[dict[str, Any]]:
        """Send events until there is a reason to end, and close; the errors to tell the client then.

        There are none if the server stops. `keep_alive` is called after IDLE_SECONDS without an event. Raises
        CancelledError.
        """
        reason, told = FAILED, list[dict[str, Any]]()
        try:
            while True:
                events = await self.next()
                for event in events:
                    await self.send(event, partial(send, event))
                if not events:
                    await keep_alive()
        except asyncio.CancelledError:
            reason = GONE
            raise
        except Stopping:
            reason = STOPPING
        except StreamEnd as end:
            reason, told = end.reason, end.formatted()
        except Exception:
            log.exception("subscription failed")
            failure = errors.body(500, "internal error", requestId=self.request_id)
            told = failure["errors"]
        finally:
            self.close(reason)
        return told

    def close(self, reason: str) -> None:
        self.closed(self, reason)

"""The listeners of one worker, and the topics that they share."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

from db import change_log
from db.change_log import LogExtent
from db.errors import EngineError, Unavailable
from db.queries import cursors
from resolvers.permissions import Viewer
from schema.errors import RequestRefused
from schema.execution.events import EventQuery
from server.graphql.operation import Operations, PreparedOperation
from server.http.errors import HTTPError
from server.http.turns import Lane
from server.setting_fields import variable
from server.subscriptions import topics
from server.subscriptions.listeners import Listener, Subscriber
from server.subscriptions.log_tail import LogTail
from server.subscriptions.topics import Sources, Topic
from server.telemetry.counters import Metrics
from server.telemetry.logs import request_id
from server.telemetry.operation_log import OperationLog

log = logging.getLogger(__name__)


class Hub:
    """At most `most` listen at once, and of one viewer half as many. A client that takes nothing for
    `send_seconds` is cut off.
    """

    def __init__(
        self,
        operations: Operations,
        turns: Lane,
        metrics: Metrics,
        *,
        most: int,
        send_seconds: float,
    ) -> None:
        self._operations = operations
        self._metrics = metrics
        self._most = most
        self._send_seconds = send_seconds
        self._tail = LogTail(operations.db)
        self._sources = Sources.of(operations, self._tail, turns, metrics)
        self._topics: dict[Any, Topic] = {}
        self._listeners: dict[Listener, Any] = {}  # with the keys of their topics
        self._of_viewer: Counter[str] = Counter()

    async def listen(
        self,
        prepared: PreparedOperation,
        viewer: Viewer,
        credentials: Sequence[tuple[bytes, bytes]],
        log: OperationLog,
        last_event_id: str | None = None,
    ) -> Listener:
        """Open a stream after `last_event_id` or the argument `after`, else from now on.

        Raises RequestRefused for arguments and cursors that do not fit, HTTPError (429) beyond the limits,
        and (503) if the database cannot be read now.
        """
        query = prepared.operation.events
        if query is None:
            query = EventQuery.of(prepared.document, prepared.operation)
            prepared.operation.events = query
        arguments = query.arguments(prepared.request.variables)
        extent = await self._extent()
        position = self._position(last_event_id or arguments.after, extent)
        self._check_limits(viewer)
        key: Any = (
            prepared.document.digest,
            prepared.operation.name,
            arguments.identity,
            viewer.actor,
            tuple(credentials),
        )
        topic = self._topics.get(key)
        if topic is None:
            topic = Topic(self._sources, query, arguments, log.cost or 1)
            self._topics[key] = topic
        topic.listeners += 1
        subscriber = Subscriber(self._operations.gate, viewer, credentials, log.client or "")
        listener = Listener(
            topic, subscriber, position, request_id.get(), self._send_seconds, self._close
        )
        self._listeners[listener] = key
        self._of_viewer[viewer.share] += 1
        self._metrics.subscriptions += 1
        self._tail.start(extent.newest)
        return listener

    @property
    def stopping(self) -> asyncio.Event:
        """Set once the server stops."""
        return self._tail.stopping

    def end_all(self) -> None:
        """Have all streams end, since the server stops."""
        self._tail.end_all()

    async def close(self) -> None:
        self.end_all()
        await self._tail.close()

    async def _extent(self) -> LogExtent:
        db = self._operations.db
        try:
            try:
                return await db.read(change_log.extent(), few=True)
            except EngineError:  # locked just now: a reader's connection waits
                return await db.read(change_log.extent())
        except (EngineError, Unavailable) as error:
            raise HTTPError(503, str(error), {"retry-after": "1"}) from None

    def _position(self, cursor: str | None, extent: LogExtent) -> int:
        """The sequence number after which a stream begins; raises RequestRefused."""
        if cursor is None:
            return extent.newest
        key = self._operations.cursor_key
        position = cursors.place_in_log(key, cursor)
        if position is None:
            raise RequestRefused.because(
                "BAD_CURSOR",
                "the cursor is damaged, or is none of changes in this registry: take one from the cursor of"
                " a change",
            )
        if position > extent.newest:
            raise RequestRefused.because(
                "BAD_CURSOR",
                "the cursor is of a change that this registry does not have, as after a restore of an earlier"
                " backup: read anew what you keep, and subscribe without a cursor",
            )
        if position < extent.before:
            end = topics.missed(key, extent.before)
            raise RequestRefused.because(end.code, str(end), cursor=end.cursor)
        return position

    def _check_limits(self, viewer: Viewer) -> None:
        name = variable("max_subscriptions")
        if len(self._listeners) >= self._most:
            raise HTTPError(
                429, f"{self._most} subscriptions are open here, the most that {name} allows"
            )
        most = max(1, self._most // 2)
        if self._of_viewer[viewer.share] >= most:
            raise HTTPError(
                429, f"you have {most} subscriptions, half of what {name} allows: close some"
            )

    def _close(self, listener: Listener, reason: str) -> None:
        key = self._listeners.pop(listener, None)
        if key is None:
            return
        topic, share = listener.topic, listener.subscriber.viewer.share
        topic.listeners -= 1
        if not topic.listeners:
            del self._topics[key]
        self._of_viewer[share] -= 1
        if not self._of_viewer[share]:
            del self._of_viewer[share]
        self._metrics.subscriptions -= 1
        self._metrics.subscriptions_ended[reason] += 1
        log.info("subscription ended", extra={"reason": reason, "events": listener.sent})
        if not self._listeners:
            self._tail.stop_following()

"""Subscriptions as event streams: GraphQL over Server-Sent Events, an operation on each connection.

The id of each event is the cursor after which a client goes on: a browser's EventSource sends the last one
back by itself, in `Last-Event-ID`.
"""

import logging
from functools import partial

import orjson
from starlette.types import Receive, Send

from server.subscriptions.listeners import Listener
from server.subscriptions.stream_end import GONE
from server.subscriptions.topics import Event
from server.transport.disconnects import (
    ClientDisconnected,
    DisconnectWatches,
    cancel_on_disconnect,
)

RETRY = b"retry: 1000\n"  # milliseconds after which an EventSource comes back
# No proxy may keep events back: nginx is told by a header of its own.
HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)
COMPLETE = b"event: complete\ndata:\n\n"

log = logging.getLogger(__name__)


def next_event(body: bytes) -> bytes:
    return b"event: next\ndata: %b\n\n" % body


class EventStream:
    """One subscription's stream."""

    def __init__(self, listener: Listener, receive: Receive, watches: DisconnectWatches) -> None:
        self._listener = listener
        self._receive = receive
        self._watches = watches

    async def respond(self, send: Send) -> None:
        """Send events until the client leaves, or there is a reason to end."""
        listener, last = self._listener, b""
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
            with cancel_on_disconnect(self._receive, self._watches):
                await _send_part(send, RETRY + b"id: %b\n\n" % self._place())
                told = await listener.tell(partial(_send_event, send), partial(self._idle, send))
            last = next_event(orjson.dumps({"errors": told})) + COMPLETE if told else RETRY + b"\n"
        except ClientDisconnected:
            pass
        finally:
            listener.close(GONE)
        await send({"type": "http.response.body", "body": last})

    async def _idle(self, send: Send) -> None:
        await _send_part(send, b":\nid: %b\n\n" % self._place())

    def _place(self) -> bytes:
        return self._listener.cursor.encode()


async def _send_event(send: Send, event: Event) -> None:
    await _send_part(send, b"id: %b\n%b" % (event.cursor.encode(), next_event(event.payload)))


async def _send_part(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})

"""Subscriptions as event streams: GraphQL over Server-Sent Events, an operation on each connection.

The id of each event is the cursor after which a client goes on: a browser's EventSource sends the last one
back by itself, in `Last-Event-ID`.
"""

import logging
from functools import partial

import orjson
from starlette.types import Receive, Send

from server.http import errors
from server.subscriptions.listeners import Listener
from server.subscriptions.log_tail import Stopping
from server.subscriptions.stream_end import FAILED, GONE, STOPPING, StreamEnd
from server.telemetry.logs import request_id
from server.transport.disconnects import (
    ClientDisconnected,
    DisconnectWatches,
    cancel_on_disconnect,
)

RETRY_MILLISECONDS = 1_000  # after which an EventSource comes back
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
        listener, reason, last = self._listener, FAILED, b""
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
            with cancel_on_disconnect(self._receive, self._watches):
                await self._stream(send)
        except ClientDisconnected:
            reason = GONE
        except Stopping:
            reason = STOPPING
            last = b"retry: %d\n\n" % RETRY_MILLISECONDS
        except StreamEnd as end:
            reason = end.reason
            last = next_event(orjson.dumps({"errors": end.formatted()})) + COMPLETE
        except Exception:
            log.exception("subscription failed")
            failure = errors.body(500, "internal error", requestId=request_id.get())
            last = next_event(orjson.dumps(failure)) + COMPLETE
        finally:
            listener.close(reason)
        await send({"type": "http.response.body", "body": last})

    async def _stream(self, send: Send) -> None:
        listener = self._listener
        await _send_part(send, b"retry: %d\nid: %b\n\n" % (RETRY_MILLISECONDS, self._place()))
        while True:
            events = await listener.next()
            for event in events:
                text = b"id: %b\n%b" % (event.cursor.encode(), next_event(event.payload))
                await listener.send(event, partial(_send_part, send, text))
            if not events:
                await _send_part(send, b":\nid: %b\n\n" % self._place())

    def _place(self) -> bytes:
        return self._listener.cursor.encode()


async def _send_part(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})

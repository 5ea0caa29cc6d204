"""How long a client is waited for, on a connection that uvicorn serves with httptools.

A request's head and its body each have a deadline, and so has what a client is to read. A request that
comes in one read, as nearly all do, and whose answer goes out in one write, starts no timer for that.
"""

import logging
import sys
from asyncio import TimerHandle, Transport
from dataclasses import dataclass
from typing import Any

import orjson
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from server.http import errors
from server.transport.connection_limits import Peers

MAX_HEAD_BYTES = 64 * 2**10
MAX_REQUEST_BYTES = 32 * 2**20  # more than any path takes: the largest are webhooks of 25 MiB
# A client that gives or takes so much before a deadline is slow, not stuck, and gets another one.
PACE_BYTES = 256 * 2**10

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many seconds clients may take, and how many sockets each may hold.

    `head` and `body` begin when those do, `answer` when an answer does not fit into the system's
    buffers, `idle` between two requests. Bodies and answers get as long again for PACE_BYTES each.
    """

    head: float
    body: float
    answer: float
    idle: int
    peers: Peers


class Patience(HttpToolsProtocol):
    """One client's connection, with an end to all that it may keep the server waiting for."""

    def __init__(self, bounds: Bounds, **given: Any) -> None:
        super().__init__(**given)
        self.timeout_keep_alive = bounds.idle
        self._bounds = bounds
        self._is_admitted = False
        self._is_whole = False  # the request that is read
        self._has_ended_one = False  # in the read that is looked at
        self._deadline: TimerHandle | None = None
        self._bytes = self._bytes_looked_at = 0  # of its head or body
        self._reading: TimerHandle | None = None
        self._unread = 0
        self._active: RequestResponseCycle | None = None  # what is answered now, or was last
        self._last_words = b""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Wait for a first request, unless the peer has too many sockets already."""
        super().connection_made(transport)
        peers = self._bounds.peers
        self._is_admitted = self.client is None or peers.admit(self.client[0])
        if self._is_admitted:
            self._deadline = self.loop.call_later(self._bounds.head, self._out_of_time)
        else:
            message = (
                f"{peers.most} connections of your address are open: close some, or reuse them"
            )
            self._leave(refusal(429, message))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        super().connection_lost(exc)
        if self._active is not None:  # uvicorn tells the newest one, which may still wait for it
            self._active.disconnected = True
            self._active.message_event.set()
            self.pipeline.clear()
        self._stop_the_clock()
        if self._reading is not None:
            self._reading.cancel()
        if self._is_admitted and self.client is not None:
            self._bounds.peers.release(self.client[0])

    def on_message_begin(self) -> None:
        """Note that a request began."""
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        self._is_whole = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        if self._deadline is not None:
            self._stop_the_clock()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        if self._deadline is not None:
            self._stop_the_clock()
        self._is_whole = self._has_ended_one = True
        super().on_message_complete()
        is_answered = not self._is_in_head and self.cycle.response_complete
        if is_answered and not self.transport.is_closing():
            # It was answered before its end, when nobody waited for another one yet.
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for it."""
        is_last = self._last_words and not self.pipeline
        super().on_response_complete()
        if is_last:
            self._leave(self._last_words)
        elif not self._is_whole:
            self._unset_keepalive_if_required()  # the next one, or the rest, has a deadline
        if self.transport.is_closing():
            self._see_it_read()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection without requests."""
        super().timeout_keep_alive_handler()
        self._see_it_read()

    def pause_writing(self) -> None:
        """Stop the answer: the client does not read as fast as it is written."""
        super().pause_writing()
        self._see_it_read()

    def resume_writing(self) -> None:
        """Go on: the client has read what there was."""
        super().resume_writing()
        self._unread = sys.maxsize

    def refuse(self, status: int, message: str) -> None:
        """Read no more. Answer what was asked before, then the request being read with this, and close."""
        log.info("request cut off", extra={"status": status, "reason": message})
        self._stop_the_clock()
        self._last_words = refusal(status, message)
        active = self._active
        if not self._is_whole and not self._is_in_head:
            if self.cycle is active:
                active.disconnected = True  # whatever it would answer now
                self._leave(b"" if active.response_started else self._last_words)
                return
            self.pipeline.popleft()  # the newest one
        if self._is_free:
            self._leave(self._last_words)

    @property
    def is_deaf(self) -> bool:
        """Whether the connection only waits to be closed."""
        return bool(self._last_words)

    def wait_on(self, size: int) -> None:
        """After a read of `size` bytes that left a request unfinished, bound how much and how long.

        Where another request ended in that read, most of it was that one's.
        """
        if self._deadline is None:
            self._bytes = self._bytes_looked_at = 0
            seconds = self._bounds.head if self._is_in_head else self._bounds.body
            self._deadline = self.loop.call_later(seconds, self._out_of_time)
        self._bytes += 1 if self._has_ended_one else size
        if self._is_in_head:
            if self._bytes > MAX_HEAD_BYTES:
                self.refuse(431, f"the request's headers have more than {MAX_HEAD_BYTES} bytes")
        elif self._bytes > MAX_REQUEST_BYTES:
            self.refuse(413, f"the request has more than {MAX_REQUEST_BYTES} bytes")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._active = cycle
        super()._start_asgi_task(cycle, app)

    @property
    def _is_free(self) -> bool:
        """Whether nothing is being answered."""
        return self._active is None or self._active.response_complete

    @property
    def _is_in_head(self) -> bool:
        return self.cycle is None or self.cycle.scope is not self.scope

    def _stop_the_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _out_of_time(self) -> None:
        self._deadline = None
        if self._is_in_head:
            if self._bytes:
                self.refuse(408, f"the headers took more than {self._bounds.head:g} seconds")
            else:
                self.transport.close()  # nobody asked anything
            return
        came, self._bytes_looked_at = self._bytes - self._bytes_looked_at, self._bytes
        is_wanted = not self.cycle.response_complete
        if self.flow.read_paused or (is_wanted and came >= PACE_BYTES):
            self._deadline = self.loop.call_later(self._bounds.body, self._out_of_time)
        else:
            self.refuse(408, f"the body took more than {self._bounds.body:g} seconds")

    def _leave(self, words: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(words)
            self.transport.close()
            self._see_it_read()

    def _see_it_read(self) -> None:
        """Give up a client that does not read what was written for it."""
        unread = self.transport.get_write_buffer_size()
        if unread and self._reading is None:
            self._unread = unread
            self._reading = self.loop.call_later(self._bounds.answer, self._look_whether_read)

    def _look_whether_read(self) -> None:
        self._reading = None
        before, unread = self._unread, self.transport.get_write_buffer_size()
        if not unread or not (self.flow.write_paused or self.transport.is_closing()):
            return
        if before - unread < PACE_BYTES:
            log.info("answer not read", extra={"bytes": unread})
            self.transport.abort()
        else:
            self._see_it_read()


def refusal(status: int, message: str) -> bytes:
    """The bytes of an answer in JSON that is the last on its connection."""
    body = orjson.dumps(errors.body(status, message))
    head = b"content-type: application/json; charset=utf-8\r\ncontent-length: %d\r\n" % len(body)
    return STATUS_LINE[status] + head + b"connection: close\r\n\r\n" + body

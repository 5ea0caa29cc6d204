"""Deadlines for clients to send a head and a body and to read a response, on top of uvicorn's protocol."""

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
from server.transport.connection_limits import ConnectionLimits

MAX_HEAD_BYTES = 64 * 2**10
MAX_REQUEST_BYTES = 32 * 2**20  # more than any path accepts: the largest are webhooks of 25 MiB
# A client that transfers this much before its deadline is slow, not stuck, and gets another deadline.
PROGRESS_BYTES = 256 * 2**10

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """How long clients may take, and how many connections each may have."""

    head_seconds: float  # from its first byte
    body_seconds: float  # from its first byte, and again after every PROGRESS_BYTES
    # From when it does not fit into the system's buffers, and again after every PROGRESS_BYTES.
    response_seconds: float
    idle_seconds: int  # between two requests
    connections: ConnectionLimits


class TimeoutProtocol(HttpToolsProtocol):
    """One client's connection. A request of one read, with a response of one write, starts no timer."""

    def __init__(self, limits: ClientLimits, **uvicorn_arguments: Any) -> None:
        super().__init__(**uvicorn_arguments)
        self.timeout_keep_alive = limits.idle_seconds
        self._limits = limits
        self._is_counted = False  # in the connection limits
        self._is_complete = False  # the request that is being received
        self._has_completed_request = False  # during the present read
        self._receive_timer: TimerHandle | None = None
        self._received = self._received_at_deadline = 0  # bytes of the present head or body
        self._send_timer: TimerHandle | None = None
        self._unsent = 0
        self._active: RequestResponseCycle | None = (
            None  # the request being answered, or the last one
        )
        self._final_response = b""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        connections = self._limits.connections
        self._is_counted = self.client is None or connections.acquire(self.client[0])
        if self._is_counted:
            self._receive_timer = self.loop.call_later(
                self._limits.head_seconds, self._receive_timed_out
            )
        else:
            message = (
                f"your address has {connections.most} open connections, the most allowed:"
                " close some, or reuse them"
            )
            self._close_with(error_response(429, message))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # uvicorn tells the newest request only, which may still wait in the pipeline.
        if self._active is not None:
            self._active.disconnected = True
            self._active.message_event.set()
            self.pipeline.clear()
        self._cancel_receive_timer()
        if self._send_timer is not None:
            self._send_timer.cancel()
        if self._is_counted and self.client is not None:
            self._limits.connections.release(self.client[0])

    def on_message_begin(self) -> None:
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        self._is_complete = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self._receive_timer is not None:
            self._cancel_receive_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self._receive_timer is not None:
            self._cancel_receive_timer()
        self._is_complete = self._has_completed_request = True
        super().on_message_complete()
        is_answered = not self._is_in_head and self.cycle.response_complete
        if is_answered and not self.transport.is_closing():
            # It was answered before its end, when uvicorn could not start to wait for another yet.
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        is_last = self._final_response and not self.pipeline
        super().on_response_complete()
        if is_last:
            self._close_with(self._final_response)
        elif not self._is_complete:
            # The rest of this request, or the next one, has a deadline of its own.
            self._unset_keepalive_if_required()
        if self.transport.is_closing():
            self._limit_sending()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._limit_sending()

    def pause_writing(self) -> None:
        """Called when the client reads more slowly than the response is written."""
        super().pause_writing()
        self._limit_sending()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unsent = sys.maxsize

    def reject(self, status: int, message: str) -> None:
        """Stop reading; answer earlier requests, then the present one with this error, and close."""
        log.info("request rejected", extra={"status": status, "reason": message})
        self._cancel_receive_timer()
        self._final_response = error_response(status, message)
        active = self._active
        if not self._is_complete and not self._is_in_head:
            if self.cycle is active:
                active.disconnected = True  # discards what it would respond from now on
                self._close_with(b"" if active.response_started else self._final_response)
                return
            self.pipeline.popleft()  # the newest one
        if self._is_idle:
            self._close_with(self._final_response)

    @property
    def is_rejecting(self) -> bool:
        """Whether the connection only waits for earlier responses, and for its end."""
        return bool(self._final_response)

    def expect_more(self, size: int) -> None:
        """Limit the size and duration of an unfinished request, after a read of `size` bytes."""
        if self._receive_timer is None:
            self._received = self._received_at_deadline = 0
            limits = self._limits
            seconds = limits.head_seconds if self._is_in_head else limits.body_seconds
            self._receive_timer = self.loop.call_later(seconds, self._receive_timed_out)
        # If another request was completed in this read, most of it belonged to that one.
        self._received += 1 if self._has_completed_request else size
        if self._is_in_head:
            if self._received > MAX_HEAD_BYTES:
                self.reject(431, f"the request's headers have more than {MAX_HEAD_BYTES} bytes")
        elif self._received > MAX_REQUEST_BYTES:
            self.reject(413, f"the request has more than {MAX_REQUEST_BYTES} bytes")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._active = cycle
        super()._start_asgi_task(cycle, app)

    @property
    def _is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self._active is None or self._active.response_complete

    @property
    def _is_in_head(self) -> bool:
        return self.cycle is None or self.cycle.scope is not self.scope

    def _cancel_receive_timer(self) -> None:
        if self._receive_timer is not None:
            self._receive_timer.cancel()
            self._receive_timer = None

    def _receive_timed_out(self) -> None:
        self._receive_timer = None
        limits = self._limits
        if self._is_in_head:
            if self._received:
                self.reject(408, f"the headers took more than {limits.head_seconds:g} seconds")
            else:
                self.transport.close()  # no request has begun
            return
        progress = self._received - self._received_at_deadline
        self._received_at_deadline = self._received
        is_answered = self.cycle.response_complete
        if self.flow.read_paused or (not is_answered and progress >= PROGRESS_BYTES):
            self._receive_timer = self.loop.call_later(limits.body_seconds, self._receive_timed_out)
        else:
            self.reject(408, f"the body took more than {limits.body_seconds:g} seconds")

    def _close_with(self, response: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(response)
            self.transport.close()
            self._limit_sending()

    def _limit_sending(self) -> None:
        """Start the deadline for a client to read what was written."""
        unsent = self.transport.get_write_buffer_size()
        if unsent and self._send_timer is None:
            self._unsent = unsent
            self._send_timer = self.loop.call_later(
                self._limits.response_seconds, self._send_timed_out
            )

    def _send_timed_out(self) -> None:
        self._send_timer = None
        before, unsent = self._unsent, self.transport.get_write_buffer_size()
        if not unsent or not (self.flow.write_paused or self.transport.is_closing()):
            return
        if before - unsent < PROGRESS_BYTES:
            log.info("response not read by client", extra={"bytes": unsent})
            self.transport.abort()
        else:
            self._limit_sending()


def error_response(status: int, message: str) -> bytes:
    """A complete HTTP response with a JSON body, the last on its connection."""
    body = orjson.dumps(errors.body(status, message))
    head = b"content-type: application/json; charset=utf-8\r\ncontent-length: %d\r\n" % len(body)
    return STATUS_LINE[status] + head + b"connection: close\r\n\r\n" + body

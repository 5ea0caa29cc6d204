"""Deadlines for clients to send a head and a body and to read a response, on top of uvicorn's protocol."""

import logging
from asyncio import TimerHandle, Transport
from dataclasses import dataclass
from typing import Any, cast

import orjson
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from server.http import errors
from server.http.body_budget import BodyBudget
from server.http.cors import NOTHING, Headers
from server.transport.connection_limits import ConnectionLimits
from server.transport.lingering import ClosingTransport, LingeringClose
from server.transport.send_deadline import PROGRESS_BYTES, SendDeadline, UnsentBudget
from server.transport.whole_response import WholeResponse

MAX_HEAD_BYTES = 64 * 2**10
MAX_REQUEST_BYTES = 32 * 2**20  # more than any path accepts: the largest are webhooks of 25 MiB

LINGERING = (400, 413, 431)  # statuses of errors whose clients may still be sending a body
STOPPING = "the server is stopping: send the request again in a moment"
CUT_OFF = (
    "the server stopped before this was answered: send a query again; a mutation may have been executed,"
    " so look first"
)

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
    messages: BodyBudget  # on WebSockets, not whole yet or waiting
    unsent: UnsentBudget


class TimeoutProtocol(HttpToolsProtocol):
    """One client's connection. A request of one read, with a response of one write, starts no timer."""

    def __init__(self, limits: ClientLimits, **uvicorn_arguments: Any) -> None:
        super().__init__(**uvicorn_arguments)
        self.timeout_keep_alive = limits.idle_seconds
        self._limits = limits
        self._is_counted = False  # in the connection limits
        self._is_complete = False  # the request that is being received
        self._has_completed_request = self._has_received_body = False  # during the present read
        self._receive_timer: TimerHandle | None = None
        self._received = self._received_at_deadline = 0  # bytes of the present head or body
        self._received_since_body = 0  # bytes that may be trailers
        self._send_deadline: SendDeadline
        self.is_rejecting = False  # it only waits for earlier responses, and for its end
        self._active: RequestResponseCycle | None = (
            None  # the request being answered, or the last one
        )
        self._final_response = b""
        self._lingering: LingeringClose | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        limits = self._limits
        self._send_deadline = SendDeadline(
            self.loop, transport, limits.response_seconds, limits.unsent
        )
        refusal = self._limits.connections.acquire(self.client[0] if self.client else "")
        self._is_counted = refusal is None
        if refusal is None:
            self._receive_timer = self.loop.call_later(
                self._limits.head_seconds, self._receive_timed_out
            )
        else:
            self._close_with(error_response(*refusal))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # uvicorn tells the newest request only, which may still wait in the pipeline.
        if self._active is not None:
            self._active.disconnected = True
            self._active.message_event.set()
            self.pipeline.clear()
        self._cancel_receive_timer()
        self._send_deadline.cancel()
        if self._lingering is not None:
            self._lingering.cancel()
        if self._is_counted:
            self._limits.connections.release(self.client[0] if self.client else "")

    def on_message_begin(self) -> None:
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        self._is_complete = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self._receive_timer is not None:
            self._cancel_receive_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._has_received_body = True
        super().on_body(body)

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
            self._send_deadline.start()

    def shutdown(self) -> None:
        """Close once what is being answered is answered; refuse what has not arrived whole."""
        if self._lingering is not None:
            self._lingering.end()
        elif self.scope is not None and not self._is_complete:
            self.reject(503, STOPPING)
        else:
            super().shutdown()
            self._send_deadline.start()

    def cut_off(self) -> None:
        """Answer with an error what is not answered yet, and close."""
        active = self._active
        if active is not None and not active.response_complete:
            active.disconnected = True  # discards what it would respond from now on
            headers = self.headers_for_page(active.scope)
            response = error_response(503, CUT_OFF, headers)
            self._close_with(b"" if active.response_started else response)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._send_deadline.start()

    def pause_writing(self) -> None:
        """Called when the client reads more slowly than the response is written."""
        super().pause_writing()
        self._send_deadline.pause_writing()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._send_deadline.resume_writing()

    def reject(self, status: int, message: str) -> None:
        """Stop reading; answer earlier requests, then the present one with this error, and close."""
        log.info("request rejected", extra={"status": status, "reason": message})
        self._cancel_receive_timer()
        self.is_rejecting = True
        scope = None if self._is_complete else self.scope
        self._final_response = error_response(status, message, self.headers_for_page(scope))
        active = self._active
        if not self._is_complete and not self._is_in_head:
            if self.cycle is active:
                active.disconnected = True  # discards what it would respond from now on
                self._close_with(
                    b"" if active.response_started else self._final_response,
                    lingers=status in LINGERING,
                )
                return
            self.pipeline.popleft()  # the newest one
        if self._is_idle:
            self._close_with(self._final_response)

    def headers_for_page(self, scope: Any) -> Headers:
        """What the response to a request needs so that a web page may read it; the head may be incomplete."""
        return NOTHING

    def expect_more(self, size: int) -> None:
        """Limit the size and duration of an unfinished request, after a read of `size` bytes."""
        if self._receive_timer is None:
            self._received = self._received_at_deadline = self._received_since_body = 0
            limits = self._limits
            seconds = limits.head_seconds if self._is_in_head else limits.body_seconds
            self._receive_timer = self.loop.call_later(seconds, self._receive_timed_out)
        # If another request was completed in this read, most of it belonged to that one.
        size = 1 if self._has_completed_request else size
        self._received += size
        self._received_since_body = (
            0 if self._has_received_body else self._received_since_body + size
        )
        if self._is_in_head:
            if self._received > MAX_HEAD_BYTES:
                self.reject(431, f"the request's headers have more than {MAX_HEAD_BYTES} bytes")
        elif self._received_since_body > MAX_HEAD_BYTES:
            self.reject(431, f"the request's trailers have more than {MAX_HEAD_BYTES} bytes")
        elif self._received > MAX_REQUEST_BYTES:
            self.reject(413, f"the request has more than {MAX_REQUEST_BYTES} bytes")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._active = cycle
        if not cycle.keep_alive:
            transport = ClosingTransport(self.transport, self._close_after_response)
            cycle.transport = cast(Transport, transport)
        whole: Any = WholeResponse(app, cycle)
        super()._start_asgi_task(cycle, whole)

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
        if self.flow.read_paused:  # until we have answered or taken what was sent before
            self._receive_timer = self.loop.call_later(limits.body_seconds, self._receive_timed_out)
            return
        if self._is_in_head:
            if self._received:
                self.reject(408, f"the headers took more than {limits.head_seconds:g} seconds")
            else:
                self.transport.close()  # no request has begun
            return
        progress = self._received - self._received_at_deadline
        self._received_at_deadline = self._received
        is_answered = self.cycle.response_complete
        if not is_answered and progress >= PROGRESS_BYTES:
            self._receive_timer = self.loop.call_later(limits.body_seconds, self._receive_timed_out)
        else:
            self.reject(408, f"the body took more than {limits.body_seconds:g} seconds")

    def _close_with(self, response: bytes, *, lingers: bool = False) -> None:
        if self.transport.is_closing() or self._lingering is not None:
            return
        self.transport.write(response)
        if lingers:
            self._linger()
        else:
            self.transport.close()
            self._send_deadline.start()

    def _close_after_response(self) -> None:
        # The parser drops what comes behind such a request, so what is incomplete is this one.
        if self._is_complete:
            self.transport.close()
        else:
            self._linger()

    def _linger(self) -> None:
        self._cancel_receive_timer()
        self.is_rejecting = True
        self._lingering = LingeringClose(
            self.loop, self.transport, self._limits.body_seconds, self._send_deadline.start
        )
        self.flow.resume_reading()


def error_response(status: int, message: str, headers: Headers = NOTHING) -> bytes:
    """A complete HTTP response with a JSON body, the last on its connection."""
    body = orjson.dumps(errors.body(status, message))
    head = (
        b"content-type: application/json; charset=utf-8\r\nx-content-type-options: nosniff\r\n"
        b"content-length: %d\r\n" % len(body)
    )
    head += b"".join(b"%b: %b\r\n" % header for header in headers)
    if status == 503:
        head += b"retry-after: 1\r\n"
    return STATUS_LINE[status] + head + b"connection: close\r\n\r\n" + body

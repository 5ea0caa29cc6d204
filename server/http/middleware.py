"""Gives every request an id, a log line, metrics and, if it fails, an error response; forbids sniffing."""

import logging
import time
from collections.abc import Iterator
from typing import Any, Protocol

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.http import admission, cors, errors, headers
from server.http.admission import Admission
from server.http.cors import CORS
from server.http.turns import Turn
from server.telemetry import logs, operation_log
from server.telemetry.counters import Metrics
from server.telemetry.logs import EventRecord, request_id
from server.telemetry.operation_log import OperationLog
from server.telemetry.otel import Tracer
from server.telemetry.traced_request import TRACE_HEADERS, TracedRequest

# The messages that start a response. One without a status accepts a WebSocket.
START_MESSAGES = {
    "http": ("http.response.start",),
    "websocket": ("websocket.http.response.start", "websocket.accept"),
}
SWITCHING_PROTOCOLS = 101
# The headers of a request that add others to its response. Most requests have none of them.
NOTED_HEADERS = TRACE_HEADERS | {cors.ORIGIN}
# Browsers take no response for a script or style that does not say that it is one.
NO_SNIFFING = (b"x-content-type-options", b"nosniff")

log = logging.getLogger(__name__)


class Clients(Protocol):
    def client_address(self, scope: Scope) -> str: ...


class Lagging(Protocol):
    """A replica, whose responses say how old what they tell may be."""

    def beat_at(self) -> float | None: ...

    def add_lag(self, headers: list[tuple[bytes, bytes]], beat_at: float | None) -> None: ...


class Observers(Protocol):
    """The parts of the running service that requests are reported to."""

    admission: Admission
    metrics: Metrics
    tracer: Tracer | None
    request_ids: Iterator[str]

    @property
    def operations(self) -> Clients: ...

    @property
    def replica(self) -> Lagging | None: ...


class RequestMiddleware:
    """Requests whose path begins with one of `quiet` are logged at level debug when they succeed."""

    def __init__(self, app: ASGIApp, cors: CORS, quiet: tuple[str, ...] = ()) -> None:
        self._app = app
        self._cors = cors
        self._quiet = quiet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start_messages = START_MESSAGES.get(scope["type"])
        if start_messages is None:
            await self._app(scope, receive, send)
            return
        observers: Observers = scope["app"].service
        id_ = next(observers.request_ids)
        token, started, status = request_id.set(id_), time.perf_counter(), 0
        operation = scope[operation_log.KEY] = OperationLog()
        given, values = scope["headers"], dict(scope["headers"])
        # Few requests repeat a header: a call for each took time (W1).
        scope[headers.KEY] = values if len(values) == len(given) else headers.by_name(given)
        noted = self._noted(scope, observers)
        is_preflight = noted is not None and noted.is_preflight
        app = cors.preflight if is_preflight else self._app
        turn: Turn = scope.get(admission.KEY) or observers.admission.arrive(scope)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in start_messages:
                turn.end()  # what is left depends on how quickly the client reads
                status = message.get("status", SWITCHING_PROTOCOLS)
                message["headers"] = [
                    *message.get("headers", ()),
                    NO_SNIFFING,
                    (b"x-request-id", id_.encode()),
                ]
                if noted is not None:
                    noted.add_headers(message["headers"])
            await send(message)

        try:
            if turn.is_alone or is_preflight or await turn.has_come(receive):
                await app(scope, turn.receiving(receive), send_with_id)
            else:
                operation.refuse(errors.CODES[503])
                await admission.refuse(scope, receive, send_with_id)
        except Exception:
            log.exception("request failed")
            if status:
                raise
            response = JSONResponse(errors.body(500, "internal error", requestId=id_), 500)
            await response(scope, receive, send_with_id)
        finally:
            turn.end()
            seconds = operation.seconds or time.perf_counter() - started
            observers.metrics.record_request(scope["path"], operation, status, seconds)
            is_quiet = 0 < status < 400 and scope["path"].startswith(self._quiet)
            level = logging.DEBUG if is_quiet else logging.INFO
            if log.isEnabledFor(level):
                client = operation.client or observers.operations.client_address(scope)
                fields = _fields(scope, operation, status, seconds, client)
                log.callHandlers(EventRecord(log.name, "request answered", fields, level))
            if noted is not None:
                noted.end(status)
            request_id.reset(token)

    def _noted(self, scope: Scope, observers: Observers) -> "NotedRequest | None":
        if scope["type"] != "http":  # each operation on a WebSocket may belong to another trace
            return None
        tracer, replica = observers.tracer, observers.replica
        if tracer is None and replica is None and NOTED_HEADERS.isdisjoint(scope[headers.KEY]):
            return None
        noted = [header for header in scope["headers"] if header[0] in NOTED_HEADERS]
        return NotedRequest(scope, noted, tracer, self._cors, replica)


class NotedRequest:
    """A request whose response gets more headers: it is traced, or a page of some origin has sent it, or this
    is a replica.
    """

    def __init__(
        self,
        scope: Scope,
        noted: cors.Headers,
        tracer: Tracer | None,
        cors_: CORS,
        replica: Lagging | None,
    ) -> None:
        self._replica = replica
        # What is read from now on is no older than what is known to be there now.
        self._beat_at = None if replica is None else replica.beat_at()
        traced = [header for header in noted if header[0] in TRACE_HEADERS]
        self._traced = TracedRequest(scope, traced, tracer) if traced or tracer else None
        self._for_page = cors_.headers(scope["path"], noted)
        self.is_preflight = cors.is_preflight(scope, self._for_page)

    def add_headers(self, headers: list[tuple[bytes, bytes]]) -> None:
        if self._replica is not None:
            self._replica.add_lag(headers, self._beat_at)
        if self._traced is not None:
            headers += self._traced.response_headers
        if self._for_page:
            cors.add(headers, self._for_page)

    def end(self, status: int) -> None:
        if self._traced is not None:
            self._traced.end(status)


def record_operation(metrics: Metrics, operation: OperationLog, seconds: float) -> None:
    """Record an operation on a WebSocket, which is one request for as long as it is open."""
    metrics.record_operation(operation, operation.outcome or "failed", seconds)
    if log.isEnabledFor(logging.INFO):
        fields = {"client": operation.client, "ms": round(seconds * 1000, 2)}
        _add(fields, operation)
        log.callHandlers(EventRecord(log.name, "operation answered", fields))


def _fields(
    scope: Scope, operation: OperationLog, status: int, seconds: float, client: str
) -> dict[str, Any]:
    if operation.code is None and status >= 400:
        operation.code = errors.CODES.get(status)
    fields = {
        "client": client,
        "method": scope.get("method", "GET"),
        "path": logs.loggable(scope["path"]),
        "status": status,
        "ms": round(seconds * 1000, 2),
    }
    _add(fields, operation)
    return fields


def _add(fields: dict[str, Any], operation: OperationLog) -> None:
    # Written out: a loop over the names took a tenth of the line's time.
    if operation.operation:
        fields["operation"] = logs.loggable(operation.operation)
    if operation.actor is not None:
        fields["actor"] = operation.actor
    if operation.outcome is not None:
        fields["outcome"] = operation.outcome
    if operation.code is not None:
        fields["code"] = operation.code
    if operation.document is not None:
        fields["document"] = operation.document
    if operation.execution is not None:
        fields["execution"] = operation.execution
    if operation.cost is not None:
        fields["cost"] = operation.cost
    if operation.usage is not None:
        fields["statements"] = operation.usage.statements
        fields["rows"] = operation.usage.rows

"""Gives every request an id, a log line, metrics and, if it fails, an error response."""

import logging
import os
import time
from typing import Any, Protocol

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.http import errors
from server.telemetry import logs, operation_log
from server.telemetry.counters import Metrics
from server.telemetry.logs import EventRecord, request_id
from server.telemetry.operation_log import OperationLog
from server.telemetry.otel import Tracer
from server.telemetry.traced_request import TRACE_HEADERS, TracedRequest

LOGGED = ("actor", "outcome", "code", "document", "execution", "cost")

# The messages that start a response. One without a status accepts a WebSocket.
START_MESSAGES = {
    "http": ("http.response.start",),
    "websocket": ("websocket.http.response.start", "websocket.accept"),
}
SWITCHING_PROTOCOLS = 101

log = logging.getLogger(__name__)


class Observers(Protocol):
    """The parts of the running service that requests are reported to."""

    metrics: Metrics
    tracer: Tracer | None


def new_request_id() -> str:
    return os.urandom(16).hex()


class RequestMiddleware:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start_messages = START_MESSAGES.get(scope["type"])
        if start_messages is None:
            await self._app(scope, receive, send)
            return
        id_ = new_request_id()
        token, started, status = request_id.set(id_), time.perf_counter(), 0
        operation = scope[operation_log.KEY] = OperationLog()
        observers: Observers = scope["app"].service
        traced = _traced(scope, observers.tracer)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in start_messages:
                status = message.get("status", SWITCHING_PROTOCOLS)
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", id_.encode()),
                ]
                if traced is not None:
                    message["headers"] += traced.response_headers
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            log.exception("request failed")
            if status:
                raise
            response = JSONResponse(errors.body(500, "internal error", requestId=id_), 500)
            await response(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            observers.metrics.record_request(scope["path"], operation, status, seconds)
            if log.isEnabledFor(logging.INFO):
                fields = _fields(scope, operation, status, seconds)
                log.handle(EventRecord(log.name, "request answered", fields))
            if traced is not None:
                traced.end(status)
            request_id.reset(token)


def record_operation(metrics: Metrics, operation: OperationLog, seconds: float) -> None:
    """Record an operation on a WebSocket, which is one request for as long as it is open."""
    metrics.record_operation(operation, operation.outcome or "failed", seconds)
    if log.isEnabledFor(logging.INFO):
        fields = {"ms": round(seconds * 1000, 2), **_operation_fields(operation)}
        log.handle(EventRecord(log.name, "operation answered", fields))


def _traced(scope: Scope, tracer: Tracer | None) -> TracedRequest | None:
    if scope["type"] != "http":  # each operation on a WebSocket may belong to another trace
        return None
    headers = [header for header in scope["headers"] if header[0] in TRACE_HEADERS]
    return TracedRequest(scope, headers, tracer) if headers or tracer else None


def _fields(scope: Scope, operation: OperationLog, status: int, seconds: float) -> dict[str, Any]:
    return {
        "method": scope.get("method", "GET"),
        "path": logs.loggable(scope["path"]),
        "status": status,
        "ms": round(seconds * 1000, 2),
        **_operation_fields(operation),
    }


def _operation_fields(operation: OperationLog) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if operation.operation:
        fields["operation"] = logs.loggable(operation.operation)
    for name in LOGGED:
        value = getattr(operation, name)
        if value is not None:
            fields[name] = value
    if operation.usage is not None:
        fields["statements"] = operation.usage.statements
        fields["rows"] = operation.usage.rows
    return fields

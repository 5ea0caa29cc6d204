"""What every request gets: an id, a line in the log, and an answer even when something fails.

On its way a request's connection scope learns what the line, the figures and a trace tell of it:
`chittygraph.actor`, who asks, `.document`, the SHA-256 of a GraphQL document that may be carried out,
`.operation`, the name of the operation in it that is meant, empty where it has none, `.outcome`, `.code`
(of a refusal), `.road`, `.spent` (a `Spent`) and `.cost`. A WebSocket is one request, which lasts as
long as it is open, and each operation on it has an id and a line of its own.
"""

import logging
import os
import time
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.http import errors
from server.telemetry import logs
from server.telemetry.logs import Line, request_id
from server.telemetry.traced_request import ASKING, Watched

NOTED = [
    (name, f"chittygraph.{name}")
    for name in ("actor", "outcome", "code", "document", "road", "cost")
]

# With which messages an answer begins, whose status is SWITCHING where they say none.
BEGINNINGS = {
    "http": ("http.response.start",),
    "websocket": ("websocket.http.response.start", "websocket.accept"),
}
SWITCHING = 101

log = logging.getLogger(__name__)


def new_id() -> str:
    """An id for a request, or for an operation on a WebSocket."""
    return os.urandom(16).hex()


class Requests:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its id set and its outcome noted."""
        beginnings = BEGINNINGS.get(scope["type"])
        if beginnings is None:
            await self._app(scope, receive, send)
            return
        id_ = new_id()
        token, started, status = request_id.set(id_), time.perf_counter(), 0
        watched = _watched(scope)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in beginnings:
                status = message.get("status", SWITCHING)
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", id_.encode()),
                ]
                if watched is not None:
                    message["headers"] += watched.headers
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            log.exception("request failed")
            if status:
                raise
            answer = JSONResponse(errors.body(500, "internal error", requestId=id_), 500)
            await answer(scope, receive, send_with_id)
        finally:
            _note(scope, status, time.perf_counter() - started)
            if watched is not None:
                watched.end(status)
            request_id.reset(token)


def note_operation(app: Any, noted: Mapping[str, Any], seconds: float) -> None:
    """Tell of an operation that came on a WebSocket, by its `chittygraph.outcome` and what else is noted."""
    app.metrics.note_operation(noted, noted["chittygraph.outcome"], seconds)
    if log.isEnabledFor(logging.INFO):
        fields = {"ms": round(seconds * 1000, 2), **_noted(noted)}
        log.handle(Line(log.name, "operation answered", fields))


def _watched(scope: Scope) -> Watched | None:
    if scope["type"] != "http":  # whose operations may each belong to another trace
        return None
    asking = [header for header in scope["headers"] if header[0] in ASKING]
    spans = scope["app"].spans
    return Watched(scope, asking, spans) if asking or spans else None


def _note(scope: Scope, status: int, seconds: float) -> None:
    scope["app"].metrics.note(scope, status, seconds)
    if log.isEnabledFor(logging.INFO):
        log.handle(Line(log.name, "request answered", _said(scope, status, seconds)))


def _said(scope: Scope, status: int, seconds: float) -> dict[str, Any]:
    return {
        "method": scope.get("method", "GET"),
        "path": logs.shown(scope["path"]),
        "status": status,
        "ms": round(seconds * 1000, 2),
        **_noted(scope),
    }


def _noted(noted: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if noted.get("chittygraph.operation"):
        fields["operation"] = logs.shown(noted["chittygraph.operation"])
    for name, key in NOTED:
        if key in noted:
            fields[name] = noted[key]
    if "chittygraph.spent" in noted:
        spent = noted["chittygraph.spent"]
        fields["statements"], fields["rows"] = spent.statements, spent.rows
    return fields

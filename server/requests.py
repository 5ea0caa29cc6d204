"""What every request gets: an id, a line in the log, and an answer even when something fails.

On its way a request's connection scope learns what the line, the figures and a trace tell of it:
`chittygraph.actor`, who asks, `.document`, the SHA-256 of a GraphQL document that may be carried out,
`.operation`, the name of its operation, `.outcome`, `.code` (of a refusal), `.road`, `.spent` (a
`Spent`) and `.cost`.
"""

import logging
import os
import time
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server import logs, refusals
from server.logs import Line, request_id
from server.watched import ASKING, Watched

NOTED = [
    (name, f"chittygraph.{name}")
    for name in ("actor", "outcome", "code", "document", "road", "cost")
]

log = logging.getLogger(__name__)


class Requests:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its id set and its outcome noted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        id_ = os.urandom(16).hex()
        token, started, status = request_id.set(id_), time.perf_counter(), 0
        watched = _watched(scope)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", id_.encode())]
                if watched is not None:
                    message["headers"] += watched.headers
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            log.exception("request failed")
            if status:
                raise
            answer = JSONResponse(refusals.body(500, "internal error", requestId=id_), 500)
            await answer(scope, receive, send_with_id)
        finally:
            _note(scope, status, time.perf_counter() - started)
            if watched is not None:
                watched.end(status)
            request_id.reset(token)


def _watched(scope: Scope) -> Watched | None:
    asking = [header for header in scope["headers"] if header[0] in ASKING]
    spans = scope["app"].spans
    return Watched(scope, asking, spans) if asking or spans else None


def _note(scope: Scope, status: int, seconds: float) -> None:
    scope["app"].metrics.note(scope, status, seconds)
    if log.isEnabledFor(logging.INFO):
        log.handle(Line(log.name, "request answered", _said(scope, status, seconds)))


def _said(scope: Scope, status: int, seconds: float) -> dict[str, Any]:
    fields = {
        "method": scope["method"],
        "path": logs.shown(scope["path"]),
        "status": status,
        "ms": round(seconds * 1000, 2),
    }
    if "chittygraph.operation" in scope:
        fields["operation"] = logs.shown(scope["chittygraph.operation"])
    for name, key in NOTED:
        if key in scope:
            fields[name] = scope[key]
    if "chittygraph.spent" in scope:
        spent = scope["chittygraph.spent"]
        fields["statements"], fields["rows"] = spent.statements, spent.rows
    return fields

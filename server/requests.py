"""What every request gets: an id, a line in the log, and an answer even when something fails."""

import logging
import os
import time
from functools import lru_cache

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resolvers import secrets
from server import refusals
from server.logs import Line, request_id

LONGEST_SHOWN = 200

log = logging.getLogger(__name__)


class Requests:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its id set and its outcome logged."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        id_ = os.urandom(16).hex()
        token, started, status = request_id.set(id_), time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", id_.encode())]
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
            _log(scope, status, time.perf_counter() - started)
            request_id.reset(token)


def _log(scope: Scope, status: int, seconds: float) -> None:
    if not log.isEnabledFor(logging.INFO):
        return
    fields = {
        "method": scope["method"],
        "path": _shown(scope["path"]),
        "status": status,
        "ms": round(seconds * 1000, 1),
    }
    if scope.get("chittygraph.operation"):
        fields["operation"] = _shown(scope["chittygraph.operation"])
    log.handle(Line(log.name, "request answered", fields))


def _shown(text: str) -> str:
    # Clients choose paths and names: a token in one must not get into the log.
    return _redacted(text[:LONGEST_SHOWN])


_redacted = lru_cache(1_024)(secrets.redact)

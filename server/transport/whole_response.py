"""Responses of which all is known when they begin, written as a whole.

uvicorn writes a head before it knows the body, and looks at each header by itself: a tenth of a 304 (W6).
"""

from collections.abc import Awaitable
from typing import Any

from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

# What headers say of the connection, or of a body in parts, is uvicorn's to carry out.
_OF_CONNECTION = frozenset({b"connection", b"transfer-encoding"})
_WITHOUT_BODY = (204, 304)


class WholeResponse:
    """The application for one request, which sends its response; whatever is not whole, uvicorn sends."""

    __slots__ = ("_app", "_cycle", "_start")

    def __init__(self, app: Any, cycle: RequestResponseCycle) -> None:
        self._app = app
        self._cycle: Any = cycle
        self._start: Message | None = None

    def __call__(self, scope: Scope, receive: Receive, _: Send) -> Awaitable[None]:
        running: Awaitable[None] = self._app(scope, receive, self.send)
        return running

    async def send(self, message: Message) -> None:
        start = self._start
        if start is None:
            if message["type"] == "http.response.start" and not self._cycle.response_started:
                self._start = message  # until the body is known
            else:
                await self._cycle.send(message)
            return
        self._start = None
        is_last = not message.get("more_body", False)
        if not (is_last and _write(self._cycle, start, message.get("body", b""))):
            await self._cycle.send(start)
            await self._cycle.send(message)


def _write(cycle: RequestResponseCycle, start: Message, body: bytes) -> bool:
    """Write a response; False if that is uvicorn's to do."""
    headers = [*cycle.default_headers, *start.get("headers", ())]
    status, by_name = start["status"], dict(headers)
    length = by_name.get(b"content-length")
    lines = b"\r\n".join(map(b": ".join, headers))
    ends = len(headers) - 1
    if (
        (length != b"%d" % len(body) if length or body else status not in _WITHOUT_BODY)
        or not cycle.keep_alive
        or cycle.disconnected
        or cycle.flow.write_paused
        or cycle.scope["method"] == "HEAD"
        or not _OF_CONNECTION.isdisjoint(by_name)
        or not lines.count(b"\r") == lines.count(b"\n") == ends  # else a header would end its line
    ):
        return False
    # In one piece: writelines() of asyncio in Python 3.12.0 to 3.12.8, 3.13.0 and 3.13.1 pauses no writer
    # (CVE-2024-12254), so that what a client does not read would fill the memory.
    cycle.transport.write(b"%b%b\r\n\r\n%b" % (STATUS_LINE[status], lines, body))
    finish(cycle)
    return True


def finish(cycle: RequestResponseCycle) -> None:
    """Let uvicorn go on after a response that was written past it."""
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.message_event.set()
    cycle.on_response()

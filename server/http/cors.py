"""Which web pages of other origins may use the API, and what they may send and read.

That is the CORS protocol (https://fetch.spec.whatwg.org/#http-cors-protocol). Browsers obey it; it keeps no
other client out. Pages never act with a browser's own credentials (`Access-Control-Allow-Credentials`).
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from starlette.types import Receive, Scope, Send

from server import origins
from server.http import hosts

# A feature that adds a method or a header to the API adds it here.
METHODS = ("GET", "HEAD", "QUERY", "POST", "PUT", "DELETE")
REQUEST_HEADERS = (
    *("accept", "authorization", "content-type", "idempotency-key", "if-none-match"),
    *("last-event-id", "prefer", "traceparent", "tracestate", "x-chittygraph-consistency"),
    *("x-chittygraph-mark", "x-graphql-event-stream-token"),
)
RESPONSE_HEADERS = (
    *("accept-query", "etag", "preference-applied", "retry-after", "server-timing"),
    *("traceresponse", "x-chittygraph-lag", "x-chittygraph-mark", "x-request-id"),
)
MAX_SHOWN = 100
MAX_AGE_SECONDS = 7_200  # that browsers keep the answer to a preflight; Chromium keeps it no longer

Headers = Sequence[tuple[bytes, bytes]]

ORIGIN = b"origin"
VARY = (b"vary", ORIGIN)
NOTHING: Headers = ()
NOT_ALLOWED: Headers = (VARY,)
PREFLIGHT_HEADERS = (
    (b"access-control-allow-methods", ", ".join(METHODS).encode()),
    (b"access-control-allow-headers", ", ".join(REQUEST_HEADERS).encode()),
    (b"access-control-max-age", b"%d" % MAX_AGE_SECONDS),
)
EXPOSED = (b"access-control-expose-headers", ", ".join(RESPONSE_HEADERS).encode())


class CORS:
    """Allows pages of `listed` origins; in open mode, if none is listed, those of this machine.

    No page may read what is at the paths that are `closed`.
    """

    def __init__(self, listed: Sequence[str], *, is_open: bool, closed: Iterable[str] = ()) -> None:
        self._listed = frozenset(listed)
        self._allows_this_machine = is_open and not listed
        self._closed = frozenset(closed)
        self._headers = lru_cache(256)(self._make_headers)

    def headers(self, path: str, requested: Headers) -> Headers:
        """What to add to the response to a request with these headers: nothing, if no page sent it."""
        sent = [value for name, value in requested if name == ORIGIN]
        if not sent or path in self._closed:
            return NOTHING
        if len(sent) > 1 or len(sent[0]) > origins.MAX_CHARACTERS:
            return NOT_ALLOWED
        return self._headers(sent[0])

    def allowed(self, origin: str) -> str | None:
        """The value of Access-Control-Allow-Origin for a page's origin; None if it is not allowed."""
        host = origins.host(origin)
        if host is None:  # such as `null`, which is every sandboxed page and local file
            return None
        if origins.ANY in self._listed:
            return origins.ANY
        if origin in self._listed or (self._allows_this_machine and hosts.is_loopback(host)):
            return origin
        return None

    def refused_socket(self, requested: Headers) -> str | None:
        """The origin, shortened, of a page that may open no WebSocket (RFC 6455, section 10.2); else None.

        Pages of the server's own origin may. In protected mode, if no origin is listed, all may: an operation
        needs a credential, which only its page can send.
        """
        values = dict(requested)
        if ORIGIN not in values or not (self._listed or self._allows_this_machine):
            return None
        sent, own = (values.get(name, b"").decode("latin-1") for name in (ORIGIN, b"host"))
        is_own = origins.host(sent) is not None and sent.partition("://")[2] == own
        return None if is_own or self.allowed(sent) else sent[:MAX_SHOWN]

    def _make_headers(self, sent: bytes) -> Headers:
        allowed = self.allowed(sent.decode("latin-1"))
        if allowed is None:
            return NOT_ALLOWED
        return ((b"access-control-allow-origin", allowed.encode()), EXPOSED, VARY)


def is_preflight(scope: Scope, headers: Headers) -> bool:
    """Whether a page that may have a response with these headers asks what it may send."""
    return (
        scope["method"] == "OPTIONS"
        and len(headers) > len(NOT_ALLOWED)
        and any(name == b"access-control-request-method" for name, _ in scope["headers"])
    )


async def preflight(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application for preflights of allowed pages, whatever their path."""
    headers = list(PREFLIGHT_HEADERS)
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def add(headers: list[tuple[bytes, bytes]], more: Headers) -> None:
    """Add what CORS.headers returned to those of a response, which may have `Vary: Origin` already."""
    is_varied = any(name == b"vary" and ORIGIN in value.lower() for name, value in headers)
    headers += [header for header in more if header != VARY or not is_varied]

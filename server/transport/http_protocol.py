"""HTTP/1.1 as uvicorn's httptools parser reads it, with JSON error responses to what it cannot read.

A client may send requests without waiting for responses. The parser takes all that it is given, so a read
that may hold many requests is parsed in pieces, and no more is read or parsed while a request waits.
"""

import re
from asyncio import Transport
from collections import deque
from operator import itemgetter
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import FlowControl

from server.transport.timeouts import ClientLimits, TimeoutProtocol

MAX_URL_BYTES = 2**16 - 1  # what the parser can split
MAX_HEADERS = 200
MAX_WAITING = 32  # requests of one connection that are parsed before an earlier one is answered
PIECE_BYTES = MAX_WAITING * len(b"GET / HTTP/1.1\r\nHost:\r\n\r\n")
PIECE_LINES = MAX_WAITING * 2  # the fewest lines of so many requests
PIECES_PER_TURN = 16  # of the event loop; 16 full of one-byte chunks take about 3 ms
# Trailers are no headers (RFC 9110, section 6.5.1), and may be endless: none is kept.
_TRAILERS: deque[tuple[bytes, bytes]] = deque(maxlen=0)
_NAME = itemgetter(0)
_WEBSOCKET_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")  # RFC 6455, section 4.1: 16 bytes


class _Refused(Exception):
    """Raised, through the parser, for a request that it accepts and we do not."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Flow(FlowControl):
    """Reads no more while anything waits that was read before, whoever wants to."""

    def __init__(self, transport: Transport, protocol: "HTTPProtocol") -> None:
        super().__init__(transport)
        self._protocol = protocol

    def resume_reading(self) -> None:
        if self.read_paused and not self._protocol.has_backlog:
            super().resume_reading()


class HTTPProtocol(TimeoutProtocol):
    """One client's connection. Only WebSocket handshakes on `websocket_path` are upgraded.

    What a proxy serves under `root_path` is seen from here on without it.
    """

    def __init__(
        self,
        limits: ClientLimits,
        websocket_path: str,
        root_path: str = "",
        **uvicorn_arguments: Any,
    ) -> None:
        super().__init__(limits, **uvicorn_arguments)
        path = websocket_path.encode()
        self._websocket_paths = path, path + b"/"
        self._root_path = root_path.encode()
        self._unparsed = memoryview(b"")  # the rest of the last read

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Flow(transport, self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unparsed = memoryview(b"")

    def data_received(self, data: bytes) -> None:
        if len(data) <= PIECE_BYTES or data.count(b"\n") <= PIECE_LINES or self.is_rejecting:
            self._parse(data)
        else:
            self._unparsed = memoryview(data)
            self._parse_pieces()

    def shutdown(self) -> None:
        self._unparsed = memoryview(b"")
        super().shutdown()

    @property
    def has_backlog(self) -> bool:
        """Whether requests wait for earlier ones to be answered, parsed or not."""
        return bool(self.pipeline or self._unparsed)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.flow.read_paused:
            # Not now: others have their turn between two responses to this client.
            self.loop.call_soon(self._parse_pieces)

    def _parse_pieces(self) -> None:
        """Parse what was read until a request waits, then read on."""
        for _ in range(PIECES_PER_TURN):
            if not self._unparsed or self.pipeline or self.transport.is_closing():
                break
            piece, self._unparsed = self._unparsed[:PIECE_BYTES], self._unparsed[PIECE_BYTES:]
            self._parse(bytes(piece))
        else:
            self.loop.call_soon(self._parse_pieces)
        if self.transport.is_closing():
            self._unparsed = memoryview(b"")
        elif self.has_backlog:
            self.flow.pause_reading()
        else:
            self.flow.resume_reading()

    def _parse(self, data: bytes) -> None:
        if self.is_rejecting:
            if self._lingering is not None:
                self._lingering.drop(len(data))
            return
        self._has_completed_request = self._has_received_body = False
        try:
            size = len(data)
            while data:
                data = self._feed(data)
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, _Refused):
                self.reject(error.__context__.status, str(error.__context__))
            elif len(self.url) > MAX_URL_BYTES:
                self.reject(414, f"the URL has more than {MAX_URL_BYTES} bytes: send a POST")
            else:
                self.reject(400, "the request is not valid HTTP/1.1")
        else:
            # Not checked before: most requests arrive in one read, which must cost nothing more. A head may
            # thus exceed its limit by one read.
            if not self._is_complete:
                self.expect_more(size)

    def on_headers_complete(self) -> None:
        """Raises _Refused: for a missing or repeated Host (RFC 9112, section 3.2) or too many headers."""
        hosts = list(map(_NAME, self.headers)).count(b"host")
        if hosts != 1 and (hosts or self.parser.get_http_version() == "1.1"):
            raise _Refused(400, "send one Host header")
        if len(self.headers) > MAX_HEADERS:
            raise _Refused(431, f"the request has more than {MAX_HEADERS} headers")
        if self._root_path and self.url.startswith(self._root_path):
            below = self.url[len(self._root_path) :]
            if below[:1] in (b"", b"/", b"?"):
                self.url = below if below[:1] == b"/" else b"/" + below
        if not self.parser.should_upgrade():
            self._split_url()
            self.headers = _TRAILERS  # type: ignore[assignment]
        elif self._should_upgrade():
            super().on_headers_complete()

    def _split_url(self) -> None:
        """Go on without the query, which uvicorn splits by a parser: a twenty-fifth of a 304 (W6)."""
        url = self.url
        path, mark, query = url.partition(b"?")
        if not (mark and path[:1] == b"/" and url.isascii() and b"#" not in url):
            super().on_headers_complete()
            return
        if len(url) > MAX_URL_BYTES:
            raise httptools.HttpParserInvalidURLError
        self.url = path
        super().on_headers_complete()
        self.url, self.scope["query_string"] = url, query

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade() or self._should_upgrade():
            super().on_message_complete()

    def _should_upgrade(self) -> bool:
        """Whether the head is a valid handshake on that path and all earlier requests are answered."""
        headers = dict(self.headers)
        return (
            super()._should_upgrade()
            and self._is_idle
            and self.url.partition(b"?")[0] in self._websocket_paths
            and self.url.isascii()
            and self.parser.get_method() == b"GET"
            and headers.get(b"sec-websocket-version") == b"13"
            and _WEBSOCKET_KEY.fullmatch(headers.get(b"sec-websocket-key", b"")) is not None
        )

    def _feed(self, data: bytes) -> bytes:
        """Parse; returns what to parse next: nothing, or the request again without its `Upgrade`."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self._unparsed = memoryview(b"")  # a client waits for the response to its handshake
                self.handle_websocket_upgrade()
                return b""
            if self.parser.get_method() == b"CONNECT":
                raise httptools.HttpParserError("not a proxy") from None
            # A server may ignore `Upgrade`. Java's client sends `h2c` with every first request, whose body
            # the parser would take for that protocol's.
            return self._head_without_upgrade() + data[upgrade.args[0] :]
        return b""

    def _head_without_upgrade(self) -> bytes:
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        # The parser sees this head again, and the root path goes once more.
        url = self._root_path + self.url if self.url[:1] == b"/" else self.url
        request_line = b"%s %s HTTP/%s\r\n" % (method, url, version)
        kept = (header for header in self.headers if header[0] != b"upgrade")
        return request_line + b"".join(b"%s: %s\r\n" % header for header in kept) + b"\r\n"

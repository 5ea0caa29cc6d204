"""HTTP/1.1 as uvicorn's httptools parser reads it, with JSON error responses to what it cannot read."""

import re
from typing import Any

import httptools

from server.transport.timeouts import ClientLimits, TimeoutProtocol

MAX_URL_BYTES = 2**16 - 1  # what the parser can split
_WEBSOCKET_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")  # RFC 6455, section 4.1: 16 bytes


class _BadRequest(Exception):
    """Raised for a request that can be parsed but violates the specification."""


class HTTPProtocol(TimeoutProtocol):
    """One client's connection. Only WebSocket handshakes on `websocket_path` are upgraded."""

    def __init__(self, limits: ClientLimits, websocket_path: str, **uvicorn_arguments: Any) -> None:
        super().__init__(limits, **uvicorn_arguments)
        self._websocket_path = websocket_path.encode()

    def data_received(self, data: bytes) -> None:
        if self.is_rejecting:
            return
        self._has_completed_request = False
        try:
            size = len(data)
            while data:
                data = self._feed(data)
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, _BadRequest):
                self.reject(400, str(error.__context__))
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
        """Raises _BadRequest, through the parser, for a missing or repeated Host (RFC 9112, section 3.2)."""
        hosts = [name for name, _ in self.headers if name == b"host"]
        if len(hosts) != 1 and (hosts or self.parser.get_http_version() == "1.1"):
            raise _BadRequest("send one Host header")
        if not self.parser.should_upgrade():
            super().on_headers_complete()
            self.headers = []  # trailers are no headers (RFC 9110, section 6.5.1)
        elif self._should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade() or self._should_upgrade():
            super().on_message_complete()

    def _should_upgrade(self) -> bool:
        """Whether the head is a valid handshake on that path and all earlier requests are answered."""
        headers = dict(self.headers)
        return (
            super()._should_upgrade()
            and self._is_idle
            and self.url.partition(b"?")[0] == self._websocket_path
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
        request_line = b"%s %s HTTP/%s\r\n" % (method, self.url, version)
        kept = (header for header in self.headers if header[0] != b"upgrade")
        return request_line + b"".join(b"%s: %s\r\n" % header for header in kept) + b"\r\n"

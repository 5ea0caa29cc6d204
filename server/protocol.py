"""HTTP/1.1 as uvicorn's fastest parser reads it, held to two things that the parser leaves open.

A request's head has a largest size, and an offer to change the protocol is one that a server may
decline: Java's client makes it with every first request (`Upgrade: h2c`), and the parser would
take the body of such a request for the other protocol's.
"""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 2**10

TOO_LARGE = b"the request's headers are too large\n"
TOO_LARGE_ANSWER = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\n"
    b"content-length: " + str(len(TOO_LARGE)).encode() + b"\r\n"
    b"connection: close\r\n"
    b"\r\n" + TOO_LARGE
)


class Protocol(HttpToolsProtocol):
    """One client's connection; uvicorn makes them.

    The size of a head is looked at when a read ends within it, so that a request that comes in one
    read, as nearly all do, costs nothing more. A head may thus exceed the limit by one read.
    """

    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        self._unset_keepalive_if_required()
        try:
            size = len(data)
            while data:
                data = self._feed(data)
        except httptools.HttpParserError:
            self.logger.warning("not an HTTP request")
            self.send_400_response("Invalid HTTP request received.")
        else:
            self._bound_the_head(size)

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the head is to be read again without its offer."""
        if not self.parser.should_upgrade() or self._should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Tell the answer that its request is whole."""
        if not self.parser.should_upgrade() or self._should_upgrade():
            super().on_message_complete()

    def _feed(self, data: bytes) -> bytes:
        """What is to be read next: nothing, or a request again from its head, without its offer."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
                return b""
            if self.parser.get_method() == b"CONNECT":
                raise httptools.HttpParserError("this is no proxy") from None
            return self._without_offer() + data[upgrade.args[0] :]
        return b""

    def _without_offer(self) -> bytes:
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's is
        head = b"%s %s HTTP/%s\r\n" % (method, self.url, version)
        kept = (header for header in self.headers if header[0] != b"upgrade")
        return head + b"".join(b"%s: %s\r\n" % header for header in kept) + b"\r\n"

    def _bound_the_head(self, size: int) -> None:
        within = self.scope is not None and (
            self.cycle is None or self.cycle.scope is not self.scope
        )
        self._head_bytes = self._head_bytes + size if within else 0
        if self._head_bytes > MAX_HEAD_BYTES:
            self.logger.warning("a request's head is too large")
            self.transport.write(TOO_LARGE_ANSWER)
            self.transport.close()

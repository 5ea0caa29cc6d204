"""HTTP/1.1 as uvicorn's fastest parser reads it, with an answer in JSON to what is none.

An offer to change the protocol is one that a server may decline: Java's client makes it with every
first request (`Upgrade: h2c`), and the parser would take the body of such a request for the other
protocol's. Only what opens a WebSocket where there is one is taken up.
"""

import re
from typing import Any

import httptools

from server.transport.timeouts import Bounds, Patience

LONGEST_ADDRESS = 2**16 - 1  # that the parser can take apart
_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")  # RFC 6455, section 4.1: 16 bytes


class _NotHttp(Exception):
    """Raised for a request that is none, though it can be read."""


class Protocol(Patience):
    """One client's connection; uvicorn makes them. `websockets` is the path that has WebSockets.

    The size of a head is looked at when a read ends within it, so that a request that comes in one
    read, as nearly all do, costs nothing more. A head may thus exceed the limit by one read.
    """

    def __init__(self, bounds: Bounds, websockets: str, **given: Any) -> None:
        super().__init__(bounds, **given)
        self._websockets = websockets.encode()

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        if self.is_deaf:
            return
        self._has_ended_one = False
        try:
            size = len(data)
            while data:
                data = self._feed(data)
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, _NotHttp):
                self.refuse(400, str(error.__context__))
            elif len(self.url) > LONGEST_ADDRESS:
                self.refuse(414, f"the address has more than {LONGEST_ADDRESS} bytes: send a POST")
            else:
                self.refuse(400, "this is not HTTP/1.1: the request could not be read")
        else:
            if not self._is_whole:
                self.wait_on(size)

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the head is to be read again without its offer.

        Raises _NotHttp, through the parser, for a head that says no host or several (RFC 9112, 3.2).
        """
        hosts = [name for name, _ in self.headers if name == b"host"]
        if len(hosts) != 1 and (hosts or self.parser.get_http_version() == "1.1"):
            raise _NotHttp("send one Host header")
        if not self.parser.should_upgrade():
            super().on_headers_complete()
            self.headers = []  # what comes behind a body is none of it (RFC 9110, section 6.5.1)
        elif self._should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Tell the answer that its request is whole."""
        if not self.parser.should_upgrade() or self._should_upgrade():
            super().on_message_complete()

    def _should_upgrade(self) -> bool:
        """Whether the head that was read is a handshake for a WebSocket where there is one.

        What is not quite one is a request like others, and so is one that comes before the last was
        answered.
        """
        found = dict(self.headers)
        return (
            super()._should_upgrade()
            and self._is_free
            and self.url.partition(b"?")[0] == self._websockets
            and self.url.isascii()
            and self.parser.get_method() == b"GET"
            and found.get(b"sec-websocket-version") == b"13"
            and _KEY.fullmatch(found.get(b"sec-websocket-key", b"")) is not None
        )

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

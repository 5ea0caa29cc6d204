"""What one connection may send without end, and how others are served meanwhile."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from urllib.request import urlopen

from graphql import get_introspection_query

from tests.support.services.server_process import TIMEOUT_SECONDS

HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
CHUNKED = (
    b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
READ_BYTES = 256 * 2**10
CONTINUATION, TEXT, PING, PONG = 0, 1, 9, 10


def frame(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """A frame of a WebSocket's client, masked with zeros."""
    return bytes([opcode | 0x80 * final, 0x80 | len(payload)]) + bytes(4) + payload


@dataclass(frozen=True, slots=True)
class Flood:
    """`start` is sent once, then `again` for as long as the server takes it."""

    start: bytes
    again: bytes
    is_read: bool = False
    is_websocket: bool = False

    @contextmanager
    def sent_to(self, address: tuple[str, int]) -> Iterator[None]:
        """Send it inside."""
        is_over = threading.Event()
        with socket.create_connection(address, timeout=TIMEOUT_SECONDS) as client:
            if self.is_websocket:
                client.sendall(HANDSHAKE)
                assert client.recv(4096).startswith(b"HTTP/1.1 101 ")
            client.sendall(self.start)
            client.settimeout(0.05)
            threads = [threading.Thread(target=self._send, args=(client, is_over))]
            if self.is_read:
                threads.append(threading.Thread(target=_read, args=(client, is_over)))
            for thread in threads:
                thread.start()
            try:
                yield
            finally:
                is_over.set()
                for thread in threads:
                    thread.join()

    def _send(self, client: socket.socket, is_over: threading.Event) -> None:
        data = memoryview(self.again * (READ_BYTES // len(self.again)))
        at = 0
        with suppress(ConnectionError):
            while not is_over.is_set():
                with suppress(TimeoutError):
                    at = (at + client.send(data[at:])) % len(data)


def _read(client: socket.socket, is_over: threading.Event) -> None:
    with suppress(ConnectionError):
        while not is_over.is_set():
            with suppress(TimeoutError):
                client.recv(READ_BYTES)


_INTROSPECTION = json.dumps({"query": get_introspection_query()}).encode()
INTROSPECTIONS = Flood(
    b"",
    b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(_INTROSPECTION) + _INTROSPECTION,
    is_read=True,
)
SMALL = b"GET /graphql HTTP/1.1\r\nHost: x\r\n\r\n"
FLOODS = {
    "pipelined requests, unread": Flood(b"", SMALL),
    "pipelined requests, read": Flood(b"", SMALL, is_read=True),
    "one-byte chunks": Flood(CHUNKED, b"1\r\nx\r\n"),
    "trailers": Flood(CHUNKED + b"1\r\nx\r\n0\r\n", b"a:b\r\n"),
    "messages": Flood(
        frame(TEXT, b'{"type":"connection_init"}'),
        frame(TEXT, b'{"type":"ping"}'),
        is_read=True,
        is_websocket=True,
    ),
    "messages, unread": Flood(
        frame(TEXT, b'{"type":"connection_init"}'),
        frame(TEXT, b'{"type":"ping"}'),
        is_websocket=True,
    ),
    "pings, unread": Flood(b"", frame(PING, bytes(125)), is_websocket=True),
    "pongs": Flood(b"", frame(PONG), is_websocket=True),
    "fragments": Flood(
        frame(TEXT, final=False), frame(CONTINUATION, final=False), is_websocket=True
    ),
}


def health_checks(url: str, seconds: float) -> Iterator[float]:
    """How long each takes, one after the other for so long, and at least one."""
    ends = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        with urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            assert response.status == 200
        yield time.monotonic() - began
        if time.monotonic() >= ends:
            return
        time.sleep(0.01)


def in_turn(addresses: int) -> Iterator[str]:
    """Addresses of this machine, again and again."""
    return cycle(f"127.0.0.{2 + number}" for number in range(addresses))

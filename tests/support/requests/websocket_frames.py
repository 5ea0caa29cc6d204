"""WebSocket frames byte by byte (RFC 6455), as a client that keeps to no library's rules sends them."""

import struct

HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
CONTINUATION, TEXT, PING = 0, 1, 9


def frame(opcode: int, payload: bytes, *, last: bool = True, announced: int | None = None) -> bytes:
    """A frame, masked by zeros; `announced` is the size that it says, if not that of the payload."""
    size = len(payload) if announced is None else announced
    head = bytes([opcode | (0x80 if last else 0)])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 2**16:
        head += b"\xfe" + struct.pack(">H", size)
    else:
        head += b"\xff" + struct.pack(">Q", size)
    return head + bytes(4) + payload

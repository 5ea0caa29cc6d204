"""HTTP answers read byte by byte, strictly: what a client that trusts nothing makes of them."""

import gzip
import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import brotli
import zstandard

DECODED: Mapping[str | None, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
    None: lambda body: body,
}
GREETING = b"HTTP/1.1 "
BODILESS = (204, 304)


class NoAnswer(Exception):
    """Raised for bytes that are no whole answers of HTTP/1.1."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; the names of its headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_json(self) -> bool:
        """Whether it says that its body is JSON."""
        kind = self.headers.get("content-type", "").split(";")[0]
        return kind in ("application/json", "application/graphql-response+json")

    def json(self) -> Any:
        """Its body, whatever coding that is in, which must be JSON without NaN and the like."""
        body = DECODED[self.headers.get("content-encoding")](self.body)
        return json.loads(body, parse_constant=_refused)

    @property
    def error(self) -> dict[str, Any]:
        """The one error that it tells."""
        (error,) = self.json()["errors"]
        found: dict[str, Any] = error
        return found


def answers(received: bytes, *, to_head: bool = False) -> list[Answer]:
    """The answers that these bytes are; `to_head` if HEAD was asked. Raises NoAnswer for others."""
    found = []
    while received:
        head, separator, rest = received.partition(b"\r\n\r\n")
        if not separator or not head.startswith(GREETING):
            raise NoAnswer(received[:200])
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(first.split(" ")[1])
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        if status == 100:
            received = rest
            continue
        body, received = (b"", rest) if to_head or status in BODILESS else _body(headers, rest)
        found.append(Answer(status, headers, body))
    return found


def all_from(client: socket.socket) -> bytes:
    """What a socket brings until it is closed, by whatever end."""
    received = b""
    try:
        while more := client.recv(2**16):
            received += more
    except ConnectionError:
        pass
    return received


def _body(headers: dict[str, str], rest: bytes) -> tuple[bytes, bytes]:
    if headers.get("transfer-encoding") != "chunked":
        size = int(headers["content-length"])
        if len(rest) < size:
            raise NoAnswer(f"{len(rest)} of {size} bytes")
        return rest[:size], rest[size:]
    body = b""
    while True:
        line, _, rest = rest.partition(b"\r\n")
        size = int(line, 16)
        body, rest = body + rest[:size], rest[size + 2 :]
        if not size:
            return body, rest


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")

"""A crowd of clients in a process of its own, each of which sends one request after the other.

`python -m tests.support.requests.crowd HOST PORT CLIENTS SECONDS` writes what they got, as JSON. They come
from several addresses of this machine, and do not heed Retry-After.
"""

import asyncio
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import count
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

from tests.support.paths import ROOT

ADDRESSES = 64  # each may have a limited number of connections
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)

SMALL = "{ contexts(first: 1) { nodes { chittyId name owner { chittyId displayName } } } }"
NESTED = """{ contexts(first: 20) { totalCount nodes { chittyId name owner { displayName }
    connections(first: 10) { nodes { connectionId targetService status } } } } }"""
FILTERED = """{ connections(first: 10, filter: { targetService: { contains: "o" } }) { totalCount
    nodes { connectionId source { ... on Context { name } } } } }"""
REGISTER = """mutation ($input: RegisterActorInput!) {
    registerActor(input: $input) { actor { displayName } errors { message } } }"""
READS = [
    json.dumps({"query": query}).encode()
    for query in (SMALL, SMALL, NESTED, SMALL, SMALL, FILTERED, SMALL)
]
WRITE_EVERY = 8


class Crowd:
    def __init__(self, host: str, port: int) -> None:
        self.is_over = False
        self.acknowledged: list[str] = []
        """The names of the actors that the server said it had registered."""
        self.without_retry_after = self.lost = 0
        self.seconds: dict[int, list[float]] = defaultdict(list)
        """How long answers took, by their status."""
        self._address = host, port

    async def run(self, clients: int, seconds: float) -> dict[str, Any]:
        await asyncio.gather(*map(self._connect, range(clients)))
        await asyncio.sleep(seconds)
        self.is_over = True
        return {
            "statuses": {status: _figures(each) for status, each in self.seconds.items()},
            "without_retry_after": self.without_retry_after,
            "lost": self.lost,
            "acknowledged": self.acknowledged,
        }

    async def _connect(self, number: int) -> None:
        local = f"127.0.1.{number % ADDRESSES + 1}", 0
        await asyncio.get_running_loop().create_connection(
            lambda: _Client(self, number), *self._address, local_addr=local
        )


class _Client(asyncio.Protocol):
    """One connection, which sends the next request once the last was answered."""

    def __init__(self, crowd: Crowd, number: int) -> None:
        self._crowd = crowd
        self._number = number
        self._turns = count(number)
        self._name = ""
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.lost += not self._crowd.is_over

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if separator and len(body) >= int(LENGTH.search(head + b"\r\n")[1]):
            self._received = b""
            self._answered(head, body)
            self._send()

    def _answered(self, head: bytes, body: bytes) -> None:
        status = int(head.split(b" ", 2)[1])
        self._crowd.seconds[status].append(time.monotonic() - self._sent_at)
        if status == 200 and self._name and b'"errors":[]' in body:
            self._crowd.acknowledged.append(self._name)
        self._crowd.without_retry_after += status == 503 and b"\r\nretry-after: 1" not in head

    def _send(self) -> None:
        if self._crowd.is_over or self._transport.is_closing():
            return
        body = self._body(next(self._turns))
        self._sent_at = time.monotonic()
        self._transport.write(
            b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(body), body)
        )

    def _body(self, turn: int) -> bytes:
        self._name = "" if turn % WRITE_EVERY else f"crowd {self._number} {turn}"
        if not self._name:
            return READS[turn % len(READS)]
        given = {"actorType": "HUMAN", "displayName": self._name}
        return json.dumps({"query": REGISTER, "variables": {"input": given}}).encode()


def _figures(seconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "count": len(ordered),
        "median": ordered[len(ordered) // 2],
        "p99": ordered[len(ordered) * 99 // 100],
    }


async def send(url: str, clients: int, seconds: float) -> dict[str, Any]:
    """Have so many clients send for so long; returns what they got, by the statuses' texts."""
    address = urlsplit(url)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.requests.crowd"),
        *(str(address.hostname), str(address.port), str(clients), str(seconds)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        written, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0
    found: dict[str, Any] = json.loads(written)
    return found


def main(host: str, port: str, clients: str, seconds: str) -> None:
    json.dump(uvloop.run(Crowd(host, int(port)).run(int(clients), float(seconds))), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])

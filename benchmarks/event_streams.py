"""A client of event streams, cheap enough to read many; it knows as much of HTTP as our answers need."""

import asyncio
import json
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.servers import Server

# The longest event that is read.
LIMIT_BYTES = 2**20
END_OF_EVENT = b"\n\n"


class Stream:
    """One open stream of the events of a subscription."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._rest = b""

    @classmethod
    async def open(cls, server: Server, query: str) -> "Stream":
        """A stream that has begun, so that it gets all that changes from now on.

        Raises BenchmarkError if the server refuses it.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=LIMIT_BYTES)
        body = json.dumps({"query": query}).encode()
        writer.write(
            b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise BenchmarkError(f"{server.name} answered a subscription with {head[:300]!r}")
        stream = cls(reader, writer)
        while b"id: " not in await stream._block():
            pass
        return stream

    async def next(self) -> Any:
        """What the next event holds; raises BenchmarkError if the stream ends before it."""
        while True:
            block = await self._block()
            if block.startswith(b"event: complete"):
                raise BenchmarkError("a stream ended before it told of all changes")
            for line in block.splitlines():
                if line.startswith(b"data: {"):
                    return json.loads(line.removeprefix(b"data: "))

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def _block(self) -> bytes:
        while END_OF_EVENT not in self._rest:
            try:
                size = int(await self._reader.readuntil(b"\r\n"), 16)
                self._rest += (await self._reader.readexactly(size + 2))[:size]
            except (asyncio.IncompleteReadError, ValueError) as error:
                raise BenchmarkError("a stream was cut off") from error
        block, _, self._rest = self._rest.partition(END_OF_EVENT)
        return block

"""One connection of HTTP/1.1, which carries one request at a time."""

import asyncio
from dataclasses import dataclass
from typing import cast

import httptools

LEAST_FINAL = 200  # answers with less announce another one


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` have names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Broken(Exception):
    """The connection ended, or what came is no answer of HTTP."""


class TooLarge(Exception):
    """The answer has more bytes than it may have."""


class HttpConnection(asyncio.Protocol):
    """`is_usable` says whether another request may be sent on it."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._transport: asyncio.Transport  # once it is connected
        self._answer: asyncio.Future[Answer] | None = None
        self._is_open = True
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self._size = 0

    @property
    def is_usable(self) -> bool:
        return self._is_open and self._answer is None

    async def exchange(self, request: bytes) -> Answer:
        """Send a whole request; raises Broken or TooLarge. Given up, it closes the connection."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._answer
        except BaseException:
            self.close()
            raise
        finally:
            self._answer = None

    def close(self) -> None:
        self._is_open = False
        self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # nothing was asked
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(Broken(f"no answer of HTTP: {type(error).__name__}"))

    def eof_received(self) -> bool:
        self._fail(Broken("the connection ended"))
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(Broken(type(error).__name__ if error else "the connection ended"))

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > self._most_bytes:
            self._fail(TooLarge(f"more than {self._most_bytes:,} bytes"))
        else:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        answer = Answer(status, self._headers, b"".join(self._chunks))
        self._headers, self._chunks, self._size = {}, [], 0
        if status < LEAST_FINAL:
            return
        if not self._parser.should_keep_alive():
            self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def _fail(self, error: Exception) -> None:
        self._is_open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

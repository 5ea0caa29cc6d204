"""Reads bodies up to a limit: those of requests to us, and of responses from other services."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.types import Message, Receive

from server.http.body_budget import BodyBudget
from server.http.errors import HTTPError

if TYPE_CHECKING:
    import httpx2

RETRY_SECONDS = 1


class TooLong(Exception):
    """Raised for a response with more bytes than the limit, which the message names."""


class BodyReader:
    """Reads bodies of at most `each` bytes, of which one worker holds `total` at a time."""

    def __init__(self, *, each: int, total: int) -> None:
        self.each = each
        self.budget = BodyBudget(max(each, total))

    async def read(self, receive: Receive, content_length: bytes) -> bytes:
        """The body. Raises HTTPError as `RequestBody.read` does."""
        self.check_length(content_length)
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            whole: bytes = message.get("body", b"")
            if len(whole) > self.each:
                raise _too_large(self.each)
            return whole
        with self.open() as body:
            return bytes(await body.read(receive, message))

    @contextmanager
    def open(self) -> Iterator["RequestBody"]:
        """A body that counts in the budget until this is left."""
        body = RequestBody(self.each, self.budget)
        try:
            yield body
        finally:
            self.budget.release(body)

    def check_length(self, content_length: bytes) -> None:
        """Raise HTTPError (413) for a length that is too large."""
        if content_length.isdigit() and int(content_length[:20]) > self.each:
            raise _too_large(self.each)


class RequestBody:
    """One body, in a single buffer: a list of chunks of one byte would take fifty times their size."""

    def __init__(self, max_bytes: int, budget: BodyBudget) -> None:
        self.held = 0
        self._max_bytes = max_bytes
        self._budget = budget
        self._data = bytearray()
        self._task = asyncio.current_task()
        self._is_given_up = False

    async def read(self, receive: Receive, message: Message | None = None) -> bytearray:
        """The whole body, of which `message` is the first part.

        Raises HTTPError: 413 for too many bytes, 400 if the client disconnects too early, 503 if other bodies
        leave no room.
        """
        try:
            more = True
            while more:
                more = self._add(message or await receive())
                message = None
        except asyncio.CancelledError:
            # By `give_up`, unless somebody else has cancelled the task, too.
            if self._is_given_up and self._task is not None and not self._task.uncancel():
                raise _no_room(self._budget.total) from None
            raise
        self._budget.finish(self)
        return self._data

    def give_up(self) -> None:
        self._is_given_up = True
        self._data.clear()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()  # it waits for more

    def _add(self, message: Message) -> bool:
        """Whether there is more to come."""
        if message["type"] == "http.disconnect":
            raise HTTPError(400, "the body ended early")
        self._data += message.get("body", b"")
        if len(self._data) > self._max_bytes:
            raise _too_large(self._max_bytes)
        self._budget.hold(self, len(self._data))
        if self._is_given_up:
            raise _no_room(self._budget.total)
        return bool(message.get("more_body", False))


async def of_response(response: "httpx2.Response", max_bytes: int) -> bytes:
    """The body of a streamed response; raises TooLong."""
    body = bytearray()
    # Raw: decompressing could make far more than `max_bytes` of it. A compressed body is no JSON then.
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > max_bytes:
            raise TooLong(f"more than {max_bytes} bytes")
    return bytes(body)


def _too_large(max_bytes: int) -> HTTPError:
    return HTTPError(413, f"the body has more than {max_bytes} bytes")


def _no_room(total: int) -> HTTPError:
    message = (
        f"unfinished requests hold {total // 2**20} MiB, the most that this server allows, and yours is"
        " the largest of them: send it again later"
    )
    return HTTPError(503, message, {"retry-after": str(RETRY_SECONDS)})

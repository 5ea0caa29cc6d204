"""Reads bodies up to a limit: those of requests to us, and of responses from other services."""

from typing import TYPE_CHECKING

from starlette.types import Receive

from server.http.errors import HTTPError

if TYPE_CHECKING:
    import httpx2


class TooLong(Exception):
    """Raised for a response with more bytes than the limit, which the message names."""


async def of_request(receive: Receive, content_length: bytes, max_bytes: int) -> bytes:
    """The body. Raises HTTPError: 413 for more than `max_bytes`, 400 if the client disconnects too early."""
    if content_length.isdigit() and int(content_length[:20]) > max_bytes:
        raise _too_large(max_bytes)
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HTTPError(400, "the body ended early")
        chunk, more = message.get("body", b""), message.get("more_body", False)
        chunks.append(chunk)
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
    return b"".join(chunks)


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

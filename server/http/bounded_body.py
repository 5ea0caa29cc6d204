"""What other services answer us, read no further than it may go."""

import httpx2


class TooLong(Exception):
    """Raised for an answer with more bytes than are read; the message says how many those are."""


async def body(response: httpx2.Response, most: int) -> bytes:
    """The body of an answer that is streamed, of at most so many bytes; raises TooLong."""
    read = bytearray()
    # Raw, so that nothing unpacks to more than was sent; compressed bytes are no JSON then.
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) > most:
            raise TooLong(f"more than {most} bytes")
    return bytes(read)

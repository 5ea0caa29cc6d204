"""Closes the connection of a client that is still sending a request which is answered already.

Closing at once would make the system reset the connection, and the client lose the answer (RFC 9112,
section 9.6). So only our side is closed at first, and what the client still sends is dropped for a while.
"""

from asyncio import AbstractEventLoop, TimerHandle, Transport
from collections.abc import Callable

MAX_BYTES = 64 * 2**20  # that are dropped


class LingeringClose:
    """One connection that is being closed, until its client closes it or `seconds` are over."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        transport: Transport,
        seconds: float,
        closed: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._closed = closed
        self._bytes = 0
        self._timer: TimerHandle = loop.call_later(seconds, self.end)
        transport.write_eof()

    def drop(self, size: int) -> None:
        """Count bytes that the client has sent."""
        self._bytes += size
        if self._bytes > MAX_BYTES:
            self.end()

    def end(self) -> None:
        """Close for good."""
        self.cancel()
        self._transport.close()
        self._closed()

    def cancel(self) -> None:
        self._timer.cancel()


class ClosingTransport:
    """What uvicorn answers a request through that is the last on its connection."""

    def __init__(self, transport: Transport, close: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = close

"""A proxy that loses requests or answers on their way, or holds them back, as networks do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum

from tests.support.services.tcp_server import tcp_server

CHUNK = 65_536


class Fault(Enum):
    NONE = "none"
    ANSWERS_LOST = "answers lost"  # the engine gets the request, and the client no answer
    REFUSED = "refused"  # the connection ends before the engine gets anything
    HANGS = "hangs"  # nothing goes through


class TcpProxy:
    """`target` is the port that it leads to; both it and the fault may change at any time."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.fault = Fault.NONE
        self.lost = 0  # answers and requests that did not go through
        self.losses_left: int | None = None  # how many more times the fault happens

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._there(reader, inner_writer))
                group.create_task(self._back(inner_reader, writer))
        except* (_Cut, OSError):
            pass
        finally:
            inner_writer.close()
            with suppress(OSError):
                await inner_writer.wait_closed()

    async def _there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK):
            if self.fault is Fault.REFUSED and self._takes_place():
                raise _Cut
            if self.fault is Fault.HANGS:
                await asyncio.Event().wait()
            writer.write(chunk)
            await writer.drain()
        raise _Cut

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK):
            if self.fault is Fault.ANSWERS_LOST and self._takes_place():
                raise _Cut
            if self.fault is Fault.HANGS:
                await asyncio.Event().wait()
            writer.write(chunk)
            await writer.drain()
        raise _Cut

    def _takes_place(self) -> bool:
        if self.losses_left is not None:
            if not self.losses_left:
                return False
            self.losses_left -= 1
        self.lost += 1
        return True


class _Cut(Exception):
    """Both sides of a connection end."""


@asynccontextmanager
async def tcp_proxy(target: int) -> AsyncIterator[TcpProxy]:
    """A proxy that leads to a port of this machine."""
    proxy = TcpProxy(target)
    async with tcp_server(proxy.handle) as proxy.port:
        yield proxy

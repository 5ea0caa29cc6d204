"""The links between nodes of rqlite, each of which a test can cut: nothing passes, and no connection ends."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.other_programs.rqlite import Node

CHUNK = 65_536


class Links:
    """A proxy before each node, in a thread of its own: others reach the node at the proxy's address only."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._nodes: list[Node] = []
        self._cut: set[frozenset[str]] = set()
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._thread.start()

    def advertised(self, node: Node) -> str:
        """The address at which other nodes are to reach this one."""
        listener = socket.create_server((node.host, 0))
        self._nodes.append(node)
        asyncio.run_coroutine_threadsafe(self._listen(node, listener), self._loop).result()
        return f"{node.host}:{listener.getsockname()[1]}"

    def cut(self, *pairs: tuple[Node, Node]) -> None:
        """Let nothing pass between the two nodes of each pair."""
        self._set({*self._cut, *(_pair(*each) for each in pairs)})

    def cut_off(self, node: Node) -> None:
        """Cut all links of a node; clients reach it still."""
        self.cut(*((node, other) for other in self._nodes if other is not node))

    def mend(self) -> None:
        """Let everything pass again, beginning with what was held back."""
        self._set(set())

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _set(self, cut: set[frozenset[str]]) -> None:
        async def change() -> None:
            async with self._changed:
                self._cut = cut
                self._changed.notify_all()

        asyncio.run_coroutine_threadsafe(change(), self._loop).result()

    async def _listen(self, node: Node, listener: socket.socket) -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            self._tasks.add(task)
            try:
                with suppress(OSError, asyncio.CancelledError):
                    await self._join(node, reader, writer)
            finally:
                self._tasks.discard(task)
                writer.close()

        self._servers.append(await asyncio.start_server(accept, sock=listener))

    async def _join(
        self, node: Node, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        source = self._source(writer.get_extra_info("peername")[1])
        if source is None:  # it has ended already
            return
        pair = _pair(source, node)
        await self._pass(pair)
        near, far = await asyncio.open_connection(node.host, node.raft_port)
        passing = [
            asyncio.ensure_future(self._pump(pair, reader, far)),
            asyncio.ensure_future(self._pump(pair, near, writer)),
        ]
        try:
            await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in passing:
                each.cancel()
            await asyncio.gather(*passing, return_exceptions=True)
            far.close()

    async def _pump(
        self, pair: frozenset[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while chunk := await reader.read(CHUNK):
            await self._pass(pair)
            writer.write(chunk)
            await writer.drain()
        await self._pass(pair)  # the other side hears of the end as late

    async def _pass(self, pair: frozenset[str]) -> None:
        """Wait while the link is cut."""
        if pair in self._cut:
            async with self._changed:
                await self._changed.wait_for(lambda: pair not in self._cut)

    def _source(self, port: int) -> Node | None:
        """The node whose connection has this port on its side."""
        ending = f":{port:04X}"
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        inodes = {
            f"socket:[{line.split()[9]}]" for line in lines if line.split()[1].endswith(ending)
        }
        for node in self._nodes:
            if node.process is None:
                continue
            for descriptor in Path(f"/proc/{node.process.pid}/fd").glob("*"):
                with suppress(OSError):
                    if str(descriptor.readlink()) in inodes:
                        return node
        return None

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _pair(one: Node, other: Node) -> frozenset[str]:
    return frozenset((one.address, other.address))


@contextmanager
def links() -> Iterator[Links]:
    made = Links()
    try:
        yield made
    finally:
        made.close()

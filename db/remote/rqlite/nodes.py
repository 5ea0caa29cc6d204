"""Which node a request goes to: the leader, or the nearest one that answers."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

SECONDS_OFF = 1.0  # after these, a node that failed is asked whether it answers again


class Nodes:
    """Nodes are named by their URLs; `is_ready` asks one whether it can be read again."""

    def __init__(self, bases: tuple[str, ...], is_ready: Callable[[str], Awaitable[bool]]) -> None:
        self.bases = bases
        self.leader: str | None = None
        self._is_ready = is_ready
        # When, for those of `bases` that did not answer. They come last until they are ready: one that has
        # just started answers with rows of long ago, even as the leader.
        self._failed: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    def nearest(self) -> list[str]:
        """All nodes: as they are named in the address, but those that failed last."""
        if not self._failed:
            return list(self.bases)
        now = time.monotonic()
        for node, failed in self._failed.items():
            if now - failed > SECONDS_OFF and node not in self._asking:
                self._asking[node] = asyncio.ensure_future(self._ask(node))
        return sorted(self.bases, key=lambda node: node in self._failed)

    def has_failed(self, node: str) -> None:
        """It refused a connection, hung, or broke one off."""
        self.forget_leader(node)
        if node in self.bases:
            self._failed[node] = time.monotonic()

    def name_of(self, node: str) -> str:
        """What errors call it, which clients read: they need not learn where it is."""
        if node in self.bases:
            return f"node {self.bases.index(node) + 1} of its address"
        return "a node that its address does not name"

    def of_location(self, location: str) -> str | None:
        """The node that a redirection leads to, which the database's URL need not name."""
        scheme = self.bases[0].partition("://")[0]
        host = urlsplit(location).netloc.rpartition("@")[2]
        return f"{scheme}://{host}" if host else None

    def is_off(self, node: str) -> bool:
        return node in self._failed

    def forget_leader(self, node: str) -> None:
        """Forget that this node leads."""
        if self.leader == node:
            self.leader = None

    async def _ask(self, node: str) -> None:
        try:
            if await self._is_ready(node):
                self._failed.pop(node, None)
            elif node in self._failed:
                self._failed[node] = time.monotonic()
        finally:
            del self._asking[node]

    async def close(self) -> None:
        for asking in list(self._asking.values()):
            asking.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

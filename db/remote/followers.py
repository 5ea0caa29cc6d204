"""Tells those who follow the log of changes: of this process's writes at once, of others' by asking."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable

from db.errors import EngineError, Unavailable

LOOK_SECONDS = 0.2

log = logging.getLogger(__name__)


class Followers:
    """`ask` gives the newest change that the nearest copy holds; it runs as long as somebody follows."""

    def __init__(self, ask: Callable[[], Awaitable[int]]) -> None:
        self._ask = ask
        self._newest = 0
        self._wakes: set[asyncio.Event] = set()
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    def tell(self, newest: int) -> None:
        """Wake those who have not seen this change."""
        if newest > self._newest:
            self._newest = newest
            self._wake()

    async def follow(self, after: int) -> AsyncGenerator[int]:
        """See Database.follow; ends when the database closes."""
        wake = asyncio.Event()
        self._wakes.add(wake)
        if self._looking is None:
            self._looking = asyncio.ensure_future(self._look())
        try:
            while not self._closed:
                wake.clear()
                if self._newest > after:
                    after = self._newest
                    yield after
                else:
                    await wake.wait()
        finally:
            self._wakes.discard(wake)
            if not self._wakes and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    def close(self) -> None:
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        self._wake()

    def _wake(self) -> None:
        for each in self._wakes:
            each.set()

    async def _look(self) -> None:
        while True:
            try:
                self.tell(await self._ask())
            except (EngineError, Unavailable) as error:  # until the engine can be read again
                log.debug("changes not looked for", extra={"reason": str(error)})
            except Exception:  # the task must survive: the next look may succeed
                log.exception("changes not looked for")
            await asyncio.sleep(LOOK_SECONDS)

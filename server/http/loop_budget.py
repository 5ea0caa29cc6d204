"""How long requests may run within one turn of the event loop, which reads no socket meanwhile."""

import asyncio
from collections.abc import Callable

SECONDS = 0.01


class LoopBudget:
    """What the requests of one lane share. A request that has begun is not held up; `clock` is monotonic."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: float | None = None  # when the first request of this turn began

    async def wait(self) -> None:
        """Wait for a turn of the loop in which requests have run for less than SECONDS."""
        while self._is_spent():  # noqa: ASYNC110 - an event would wake all of them in one turn, too
            await asyncio.sleep(0)

    def _is_spent(self) -> bool:
        now = self._clock()
        if self._since is None:
            self._since = now
            asyncio.get_running_loop().call_soon(self._renew)  # in the next turn
        return now - self._since >= SECONDS

    def _renew(self) -> None:
        self._since = None

"""Bounds how many operations read at once from an engine over HTTP; while others wait, shares take turns."""

import asyncio
import time
from collections import Counter

from db.errors import Overloaded
from db.fair_queue import FairQueue, Waiter

MOST_AT_ONCE = 64
MOST_WAITING = 1_000


class Turns:
    def __init__(self, wait_seconds: float, most: int = MOST_AT_ONCE) -> None:
        self._wait_seconds = wait_seconds
        self._most = most
        self._queue: FairQueue[Waiter] = FairQueue(MOST_WAITING)
        self._timer: asyncio.TimerHandle | None = None
        self.taken = 0
        self.refused: Counter[str] = Counter()

    async def take(self, share: str) -> None:
        """Raises Overloaded if no turn comes in time."""
        if self.taken < self._most and not self._queue.count:
            self.taken += 1
            return
        waiter = Waiter(share)
        dropped = self._queue.add(waiter)
        if dropped is not None:
            self._refuse(dropped, "queue_full", "too many reads are waiting")
        if self._timer is None:
            self._set_timer(self._wait_seconds)
        try:
            await waiter.future
        except asyncio.CancelledError:
            self._queue.remove(waiter)
            if (
                waiter.future.done()
                and not waiter.future.cancelled()
                and not waiter.future.exception()
            ):
                self.give_back()  # it had just got one
            raise

    def give_back(self) -> None:
        while (waiter := self._queue.next()) is not None:
            if not waiter.future.done():
                waiter.future.set_result(None)
                return
        self.taken -= 1

    @property
    def waiting(self) -> int:
        return self._queue.count

    @property
    def longest_wait(self) -> float:
        return self._queue.longest_wait

    def _set_timer(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._refuse_late)

    def _refuse_late(self) -> None:
        self._timer = None
        for waiter in self._queue.remove_since(time.monotonic() - self._wait_seconds):
            self._refuse(waiter, "wait", f"others read for {self._wait_seconds:g} s")
        if self._queue.count:
            self._set_timer(max(self._wait_seconds - self._queue.longest_wait, 0.0))

    def _refuse(self, waiter: Waiter, reason: str, because: str) -> None:
        if not waiter.future.done():
            self.refused[reason] += 1
            waiter.future.set_exception(Overloaded(f"nothing was read, since {because}: try again"))

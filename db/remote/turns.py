"""Bounds how many operations read at once from an engine over HTTP; while others wait, shares take turns."""

import asyncio

from db.fair_queue import Waiter
from db.remote.patient_queue import PatientQueue

MOST_AT_ONCE = 64


class Turns:
    def __init__(self, wait_seconds: float, most: int = MOST_AT_ONCE) -> None:
        self._most = most
        self._queue: PatientQueue[Waiter] = PatientQueue(wait_seconds, "reads", "read", "read")
        self.taken = 0
        self.refused = self._queue.refused

    async def take(self, share: str) -> None:
        """Raises Overloaded if no turn comes in time."""
        if self.taken < self._most and not self._queue.count:
            self.taken += 1
            return
        waiter = Waiter(share)
        self._queue.wait(waiter)
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

"""The queue of those who wait for their turn on an engine over HTTP; who waits too long is refused."""

import asyncio
import time
from collections import Counter
from typing import TypeVar

from db.errors import Overloaded
from db.fair_queue import FairQueue, Waiter

MOST_WAITING = 1_000

A = TypeVar("A", bound=Waiter)


class PatientQueue(FairQueue[A]):
    """Refusals say what `waits` ("reads"), what `was_not` done ("read"), and what `others` did ("read")."""

    def __init__(self, seconds: float, waits: str, was_not: str, others: str) -> None:
        super().__init__(MOST_WAITING)
        self._seconds = seconds
        self._waits, self._was_not, self._others = waits, was_not, others
        self._timer: asyncio.TimerHandle | None = None
        self.refused: Counter[str] = Counter()
        """The number of waiters that were refused, by reason."""

    def wait(self, waiter: A) -> None:
        """Queue one more. Its future, or another one's if the queue is full, gets Overloaded in the end."""
        dropped = self.add(waiter)
        if dropped is not None:
            self._refuse(dropped, "queue_full", f"too many {self._waits} are waiting")
        if self._timer is None:
            self._set_timer(self._seconds)

    def close(self) -> None:
        """Refuse nobody any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._refuse_late)

    def _refuse_late(self) -> None:
        self._timer = None
        for waiter in self.remove_since(time.monotonic() - self._seconds):
            self._refuse(waiter, "wait", f"others {self._others} for {self._seconds:g} s")
        if self.count:
            self._set_timer(max(self._seconds - self.longest_wait, 0.0))

    def _refuse(self, waiter: A, reason: str, because: str) -> None:
        if not waiter.future.done():
            self.refused[reason] += 1
            told = f"nothing was {self._was_not}, since {because}: try again"
            waiter.future.set_exception(Overloaded(told))

"""The limits for clients that do not read what was written to them: of time for each, of memory for all."""

import logging
import sys
from asyncio import AbstractEventLoop, TimerHandle, Transport

# A client that transfers this much before its deadline is slow, not stuck, and gets another deadline.
PROGRESS_BYTES = 256 * 2**10

log = logging.getLogger(__name__)


class UnsentBudget:
    """The bytes that may wait for all clients of a worker to read them.

    Beyond `total`, the client for whom most waits is disconnected: soon that is none that reads.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._waiting: set[SendDeadline] = set()

    def add(self, deadline: "SendDeadline") -> None:
        self._waiting.add(deadline)
        unsent = {each: each.unsent for each in self._waiting}
        while sum(unsent.values()) > self._total and len(unsent) > 1:
            largest = max(unsent, key=unsent.__getitem__)
            del unsent[largest]
            largest.abort()

    def remove(self, deadline: "SendDeadline") -> None:
        self._waiting.discard(deadline)


class SendDeadline:
    """Aborts the connection of a client that reads less than PROGRESS_BYTES in `seconds`.

    It counts from when a write does not fit into the system's buffers. A response that does costs no timer.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        transport: Transport,
        seconds: float,
        budget: UnsentBudget,
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._seconds = seconds
        self._budget = budget
        self._timer: TimerHandle | None = None
        self._is_paused = False
        self._unsent = 0

    @property
    def unsent(self) -> int:
        return self._transport.get_write_buffer_size()

    def pause_writing(self) -> None:
        self._is_paused = True
        self.start()
        self._budget.add(self)

    def resume_writing(self) -> None:
        self._is_paused = False
        self._budget.remove(self)
        self._unsent = sys.maxsize  # whatever is written next, this was progress

    def start(self) -> None:
        """Start it, if anything is unsent: when writing pauses, and when the connection closes."""
        if self._timer is None and (unsent := self.unsent):
            self._unsent = unsent
            self._timer = self._loop.call_later(self._seconds, self._expire)

    def abort(self) -> None:
        log.info("response not read by client", extra={"bytes": self.unsent})
        self._budget.remove(self)
        self._transport.abort()

    def cancel(self) -> None:
        self._budget.remove(self)
        if self._timer is not None:
            self._timer.cancel()

    def _expire(self) -> None:
        self._timer = None
        before, unsent = self._unsent, self.unsent
        if not unsent or not (self._is_paused or self._transport.is_closing()):
            return
        if before - unsent < PROGRESS_BYTES:
            self.abort()
        else:
            self.start()

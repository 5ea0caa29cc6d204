"""The pool of read-only connections, which sessions (snapshots) borrow.

Whoever reads belongs to a share: an actor, or a client's address. While others want to read, no share has
more than half of the connections.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cachetools import LRUCache

from db.errors import Overloaded, Unavailable
from db.fair_queue import FairQueue, Waiter
from db.security.row_security import RowSecurity
from db.sqlite.connection_thread import ConnectionThread, Faults
from db.sqlite.session import ReaderThread, SQLiteSession

MOST_WAITING = 1_000
# A read that takes longer is long: its share gets no more than half of the readers if others have read
# within the longest wait, so that they need not wait for it again.
LONG_SECONDS = 0.05
OWN = ""  # the share of the server's own reads, which are short: no client gives way to them but in turn
OLD_ROWS = "the database cannot keep old rows for so long: try again"
SHUTTING_DOWN = "the server is shutting down: try again"

NewSession: TypeAlias = Callable[[ReaderThread, float, RowSecurity, str], SQLiteSession]


@dataclass(eq=False, slots=True)
class _Reader(Waiter):
    """Gets a session."""

    security: RowSecurity


class ReaderPool:
    def __init__(
        self,
        threads: Sequence[ReaderThread],
        read_seconds: float,
        wait_seconds: float,
        new_session: NewSession = SQLiteSession,
    ) -> None:
        self._threads = threads
        self._new_session = new_session
        self._read_seconds = read_seconds
        self._wait_seconds = wait_seconds
        self._half = max(1, len(threads) // 2)
        self._idle = list(threads)
        self._queue: FairQueue[_Reader] = FairQueue(MOST_WAITING)
        self._lent: set[SQLiteSession] = set()
        # When the last long read of a share ended.
        self._long_at: LRUCache[str, float] = LRUCache(MOST_WAITING)
        self._latest_share = OWN
        self._latest_at = (
            self._other_at
        ) = -math.inf  # when it has read, and when any other share has
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False
        self.refused: Counter[str] = Counter()
        """The number of reads that were refused or stopped for the sake of others, by reason."""

    @classmethod
    async def open(
        cls, path: Path, faults: Faults, *, count: int, read_seconds: float, wait_seconds: float
    ) -> "ReaderPool":
        async with AsyncExitStack() as undo:
            threads: list[ConnectionThread] = []
            while len(threads) < count:
                threads.append(
                    await ConnectionThread.open(
                        path, faults, read_only=True, at_once=len(threads) == count - 1
                    )
                )
                undo.push_async_callback(threads[-1].close)
            undo.pop_all()
        return cls(threads, read_seconds, wait_seconds)

    @asynccontextmanager
    async def session(self, security: RowSecurity) -> AsyncIterator[SQLiteSession]:
        session = await self.borrow(security, OWN)
        try:
            yield session
        finally:
            self.give_back(session)

    async def borrow(self, security: RowSecurity, share: str) -> SQLiteSession:
        """Borrow a connection for one snapshot.

        Raises Overloaded if none becomes free in time, and Unavailable once the pool is closed.
        """
        if self._closed:
            raise Unavailable(SHUTTING_DOWN)
        is_free = self._idle and not self._queue.count
        if is_free and (not self._lent or self._may_have(share)):
            return self._lend(security, share)
        return await self._wait(security, share)

    def give_back(self, session: SQLiteSession) -> None:
        # At once: a loader that outlives its operation must not read in the snapshot of the next one.
        session.is_stopped = True
        self._lent.discard(session)
        if time.monotonic() - session.since > LONG_SECONDS:
            self._long_at[session.share] = time.monotonic()
        if session.has_ended:
            self._take_back(session)
        elif not self._closed:
            # Not awaited: the caller may have been cancelled, and the connection is not in the pool yet.
            self._end(session).add_done_callback(lambda _: self._take_back(session))

    def has_older_than(self, seconds: float) -> bool:
        """Whether a session that is not stopped has lasted for so long."""
        return any(each.age > seconds and not each.is_stopped for each in self._lent)

    def stop_older_than(self, seconds: float) -> bool:
        """Stop sessions, which keep old rows in the write-ahead log; whether there were any."""
        old = [each for each in self._lent if each.age > seconds and not each.is_stopped]
        for session in old:
            self._stop(session, "log_size", OLD_ROWS)
        return bool(old)

    @property
    def count(self) -> int:
        return len(self._threads)

    @property
    def in_use(self) -> int:
        """How many connections are borrowed or still ending their snapshot."""
        return len(self._threads) - len(self._idle)

    @property
    def reads_long(self) -> bool:
        return not all(session.is_short for session in self._lent)

    @property
    def waiting(self) -> int:
        return self._queue.count

    @property
    def longest_wait(self) -> float:
        return self._queue.longest_wait

    async def close(self) -> None:
        self._closed = True
        for waiter in self._queue.clear():
            waiter.future.set_exception(Unavailable(SHUTTING_DOWN))
        for session in self._lent:
            session.is_stopped = True
        if self._ending:
            await asyncio.wait(self._ending)
        for thread in self._threads:
            await thread.close()

    def _lend(self, security: RowSecurity, share: str) -> SQLiteSession:
        session = self._new_session(self._idle.pop(), self._read_seconds, security, share)
        self._lent.add(session)
        if share == OWN:
            return session
        if share != self._latest_share:
            self._latest_share, self._other_at = share, self._latest_at
        self._latest_at = session.since
        return session

    def _may_have(self, share: str) -> bool:
        held = [session for session in self._lent if session.share == share]
        if len(held) < self._half:
            return True
        if self._queue.has_others(share):
            return False
        others_at = self._other_at if share == self._latest_share else self._latest_at
        are_others_active = time.monotonic() - others_at < self._wait_seconds
        return not are_others_active or not self._reads_long(share, held)

    def _reads_long(self, share: str, held: list[SQLiteSession]) -> bool:
        if time.monotonic() - self._long_at.get(share, -math.inf) < self._wait_seconds:
            return True
        return any(session.age > LONG_SECONDS for session in held)

    async def _wait(self, security: RowSecurity, share: str) -> SQLiteSession:
        waiter = _Reader(share, security)
        dropped = self._queue.add(waiter)
        if dropped is not None:
            self.refused["queue_full"] += 1
            dropped.future.set_exception(Overloaded("too many reads are waiting: try again"))
        self._hand_out()
        try:
            half = self._wait_seconds / 2
            await asyncio.wait([waiter.future], timeout=half)
            if not waiter.future.done():
                self._reclaim(share)
                self._hand_out()
                await asyncio.wait([waiter.future], timeout=half)
                self._hand_out()  # others may have been active until now
        except asyncio.CancelledError:
            self._leave(waiter)
            raise
        if not waiter.future.done():
            self._queue.remove(waiter)
            self.refused["wait"] += 1
            raise Overloaded(
                f"no connection to the database was free for {self._wait_seconds:g} s: try again"
            )
        session: SQLiteSession = waiter.future.result()
        return session

    def _leave(self, waiter: _Reader) -> None:
        """Take out one whose caller is gone; a session that it got meanwhile goes back."""
        self._queue.remove(waiter)
        if waiter.future.done() and waiter.future.exception() is None:
            self.give_back(waiter.future.result())

    def _take_back(self, session: SQLiteSession) -> None:
        self._idle.append(session.thread)
        if self._queue.count:
            self._hand_out()

    def _hand_out(self) -> None:
        while self._idle and (waiter := self._queue.next(self._may_have)) is not None:
            waiter.future.set_result(self._lend(waiter.security, waiter.share))

    def _reclaim(self, share: str) -> None:
        """Stop the youngest session of a share that has more than half, for one that has less and waits."""
        held = Counter(session.share for session in self._lent if not session.is_stopped)
        if held[share] >= self._half:
            return
        above = [
            each for each in self._lent if not each.is_stopped and held[each.share] > self._half
        ]
        if above:
            youngest = max(above, key=lambda each: each.since)
            self._stop(
                youngest, "share", "others wait to read, and this client reads much: try again"
            )

    def _stop(self, session: SQLiteSession, reason: str, because: str) -> None:
        self.refused[reason] += 1
        session.stop(because)
        self._end(session)

    def _end(self, session: SQLiteSession) -> asyncio.Task[None]:
        ending = asyncio.ensure_future(session.end())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        return ending

"""The end of the log of changes, which one task per worker follows for all listeners."""

import asyncio
import json
import logging
from collections import deque
from contextlib import aclosing

from db.database import Database
from db.errors import EngineError, EngineLimit, Unavailable
from db.history import live
from db.program import Value, Values
from db.queries.conditions import All, Compare, Condition
from server.subscriptions.stream_end import FAILED, UNAVAILABLE, StreamEnd

MOST_ENTRIES = 1_000
EQUAL, AMONG = ("eq", "eq_unindexed"), ("in", "in_unindexed")
COLUMNS = {"kind": 1, "key": 2, "operation": 3}  # their places in an entry

_FAILED = FAILED, "INTERNAL", "the changes cannot be followed: subscribe again"

log = logging.getLogger(__name__)


class Stopping(Exception):
    """Raised to end all streams when the server stops."""


class LogTail:
    """`newest` is the sequence number of the newest change that is known of.

    The newest entries are kept, so that a listener whose filter meets none of them need not read.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._entries: deque[Values] = deque(maxlen=MOST_ENTRIES)
        self._complete_after = 0  # all changes after this one are among the entries
        self._growth = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._end = _FAILED
        self.stopping = asyncio.Event()
        self.newest = 0

    def start(self, newest: int) -> None:
        """Follow the log, of which `newest` was read just now."""
        # If it is followed already, its entries are read in order: to jump to `newest` would leave some out.
        if self._task is None:
            self.newest = max(self.newest, newest)
            self._complete_after = self.newest
            self._entries.clear()
            self._end = _FAILED
            self._task = asyncio.create_task(self._follow())

    def stop_following(self) -> None:
        """Look at the log no more, until the next start."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        self.stop_following()
        if self._ending:
            await asyncio.wait(self._ending)

    def end_all(self) -> None:
        """Let all listeners raise Stopping."""
        self.stopping.set()
        self._wake()

    async def has_grown(self, position: int, deadline: float | None = None) -> bool:
        """Wait for changes after this one; False if there are none at `deadline`, in the loop's time.

        Raises Stopping, and StreamEnd if the log can be followed no more.
        """
        try:
            async with asyncio.timeout_at(deadline):
                while (
                    not self.stopping.is_set()
                    and self._task is not None
                    and self.newest <= position
                ):
                    await self._growth.wait()
        except TimeoutError:
            return False
        if self.stopping.is_set():
            raise Stopping
        if self._task is None:
            raise StreamEnd(*self._end)
        return True

    def may_meet(self, condition: Condition, after: int) -> bool:
        """Whether one of the changes after this one may meet the condition."""
        if after < self._complete_after:
            return True
        return any(
            _may_meet(condition, each) for each in self._entries if int(str(each[0])) > after
        )

    async def _follow(self) -> None:
        try:
            async with aclosing(self._db.follow(self.newest)) as following:
                async for newest in following:
                    await self._take(newest)
        except Unavailable as error:
            self._end = UNAVAILABLE, "UNAVAILABLE", str(error)
        except Exception:
            log.exception("following the changes failed")
        finally:
            if self._task is asyncio.current_task():
                self._task = None
            self._wake()

    async def _take(self, newest: int) -> None:
        after = max(self.newest, newest - MOST_ENTRIES)
        try:
            entries = await self._db.read(
                live.newest_entries(after, newest, MOST_ENTRIES), few=True
            )
        except (EngineError, EngineLimit, Unavailable):
            entries = []
        if len(entries) < newest - after:  # some could not be read, or are pruned already
            self._complete_after = newest
        else:
            if after > self.newest:
                self._complete_after = after
            self._entries.extend(entries)
            if len(self._entries) == MOST_ENTRIES:
                self._complete_after = max(self._complete_after, int(str(self._entries[0][0])) - 1)
        self.newest = newest
        self._wake()

    def _wake(self) -> None:
        self._growth.set()
        self._growth = asyncio.Event()


def _may_meet(condition: Condition, entry: Values) -> bool:
    """False if the entry does not meet the condition; True if it does, or more than the entry decides."""
    match condition:
        case All(parts):
            return all(_may_meet(part, entry) for part in parts)
        case Compare(column, operator, operand) if column in COLUMNS:
            value: Value = entry[COLUMNS[column]]
            if operator in EQUAL:
                return value == operand
            if operator in AMONG:
                return value in json.loads(str(operand))
    return True

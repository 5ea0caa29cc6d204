"""Wakes those who follow the log of changes after each commit.

A commit of this process wakes them at once. Those of other programs are found by SQLite's own counter of
commits, which is looked at as long as somebody follows.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import TypeAlias

from db import change_log
from db.database import Database
from db.errors import EngineError, Unavailable

LOOK_SECONDS = 0.1

CommitCount: TypeAlias = Callable[[], int | None]


def _is_known() -> None:
    """Require nothing."""


class Followers:
    """`commits` counts the commits of all programs; it gives None if that is not known now.

    `require` raises Unavailable once the log can be followed no more.
    """

    def __init__(self, commits: CommitCount, require: Callable[[], None] = _is_known) -> None:
        self._commits = commits
        self._require = require
        # With the commits that each of them has seen: one of them may look while another still reads.
        self._wakes: dict[asyncio.Event, int | None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def wake(self) -> None:
        """Have each of them look at the log."""
        for each in self._wakes:
            each.set()

    async def follow(self, db: Database, after: int) -> AsyncGenerator[int]:
        """See Database.follow; ends when the database closes. Raises Unavailable."""
        wake = asyncio.Event()
        self._wakes[wake] = None
        if self._timer is None:
            self._set_timer()
        try:
            while not self._closed:
                wake.clear()
                self._require()
                # Before the log is read: a commit meanwhile is another one.
                self._wakes[wake] = self._commits()
                newest = await _newest(db)
                if newest is None:
                    await asyncio.sleep(LOOK_SECONDS)
                elif newest > after:
                    after = newest
                    yield newest
                else:
                    await wake.wait()
        finally:
            del self._wakes[wake]
            if not self._wakes and self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def close(self) -> None:
        self._closed = True
        self.wake()

    def _set_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._set_timer()
        try:
            self._require()
            commits = self._commits()
        except Unavailable:
            commits = None
        for wake, seen in self._wakes.items():
            if commits is None or commits != seen:
                wake.set()


async def _newest(db: Database) -> int | None:
    """The newest change; None if the database cannot be read now."""
    try:
        return await db.read(change_log.newest(), few=True)
    except EngineError:  # locked just now: a reader's connection waits
        pass
    except Unavailable:
        return None
    try:
        return await db.read(change_log.newest())
    except (EngineError, Unavailable):
        return None

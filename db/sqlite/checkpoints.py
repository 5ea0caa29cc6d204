"""Keeps the write-ahead log small: the one place that checkpoints, beside SQLite's own after each commit.

SQLite reuses the log from its start once a checkpoint has copied all of it and nobody reads from it. One long
snapshot prevents that, and so do short ones that always overlap: then every commit makes the log longer.
"""

import asyncio
import logging
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from db.sqlite.connection_thread import MOST_KEPT_LOG_BYTES, ConnectionThread
from db.sqlite.reader_pool import ReaderPool

SECONDS_BETWEEN_LOOKS = 0.25
IDLE_SECONDS = 1.0
# While a checkpoint waits for readers to leave the log, nobody writes.
WAIT_MILLISECONDS = 50
WRITING_PER_WAITING = 20
LONG_SNAPSHOT_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LogLimits:
    """Sizes of the log, in bytes, above which more and more is done; how long before it is a warning."""

    # Smaller ones are filled again at no cost, while emptying them makes clients' change tokens stale.
    idle: int = 8 * 2**20  # empty it when nobody writes
    busy: int = MOST_KEPT_LOG_BYTES  # empty it also while others write
    most: int = 64 * 2**20  # stop requests that have been reading for long
    blocked_seconds: float = 10.0


LOG_LIMITS = LogLimits()


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    is_empty: bool
    used_bytes: int  # of the log; its file may be longer


class Checkpoints:
    """`thread` is the connection that checkpoints; it must be one that may write."""

    def __init__(
        self, thread: ConnectionThread, readers: ReaderPool, path: Path, limits: LogLimits
    ) -> None:
        self._thread = thread
        self._readers = readers
        self._limits = limits
        self._log_path = Path(f"{path.resolve()}-wal")
        self._status = 0, 0
        self._changed_at = self._next_at = 0.0
        self._blocked_since: float | None = None
        self._has_warned = False
        self._task = asyncio.ensure_future(self._run())

    @property
    def log_bytes(self) -> int:
        return self._log_status()[0]

    @property
    def blocked_seconds(self) -> float:
        """How long the log could not be emptied, although it should have been."""
        return 0.0 if self._blocked_since is None else time.monotonic() - self._blocked_since

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            await self._look()

    async def _look(self) -> None:
        now, status = time.monotonic(), self._log_status()
        if status != self._status:
            self._status, self._changed_at = status, now
        size, is_idle = status[0], now - self._changed_at >= IDLE_SECONDS
        if size <= self._limits.busy and not (is_idle and size > self._limits.idle):
            self._blocked_since, self._has_warned = None, False
        elif now >= self._next_at or (
            size > self._limits.most and self._readers.has_older_than(LONG_SNAPSHOT_SECONDS)
        ):
            await self._empty()
            self._warn(size)

    async def _empty(self) -> None:
        started = time.monotonic()
        made = await self._checkpoint()
        if made.used_bytes > self._limits.most and self._readers.stop_older_than(
            LONG_SNAPSHOT_SECONDS
        ):
            made = await self._checkpoint()
        ended = time.monotonic()
        if made.is_empty:
            self._blocked_since, self._has_warned = None, False
        elif self._blocked_since is None:
            self._blocked_since = started
        # Writers lose little of their time, also where somebody reads for hours.
        pause = max(WRITING_PER_WAITING * (ended - started), self.blocked_seconds)
        self._next_at = ended + min(pause, LONGEST_PAUSE_SECONDS)

    def _warn(self, size: int) -> None:
        is_blocked = (
            self.blocked_seconds > self._limits.blocked_seconds and size > self._limits.busy
        )
        if is_blocked and not self._has_warned:
            self._has_warned = True
            log.warning(
                "write-ahead log cannot be emptied",
                extra={
                    "bytes": size,
                    "seconds": round(self.blocked_seconds),
                    "advice": "end the program that has been reading this database for so long",
                },
            )

    async def _checkpoint(self) -> _Checkpoint:
        try:
            return await self._thread.hop(_checkpoint)
        except sqlite3.Error as error:  # as on a full disk, where writes fail too and say so
            log.debug("checkpoint failed", extra={"reason": str(error)})
            return _Checkpoint(is_empty=False, used_bytes=0)

    def _log_status(self) -> tuple[int, int]:
        """The log's size, and when it was written."""
        try:
            status = self._log_path.stat()
        except OSError:
            return 0, 0
        return status.st_size, status.st_mtime_ns


def _checkpoint(connection: sqlite3.Connection) -> _Checkpoint:
    # Passive first, since it copies most pages while others may write. It leaves readers that come later
    # nothing to read from the log, so that only those who are there already must leave.
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    ((usual,),) = connection.execute("PRAGMA busy_timeout").fetchall()
    connection.execute(f"PRAGMA busy_timeout = {WAIT_MILLISECONDS}").fetchall()
    try:
        ((busy, frames, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {usual}").fetchall()
    ((page_bytes,),) = connection.execute("PRAGMA page_size").fetchall()
    return _Checkpoint(is_empty=not busy, used_bytes=frames * page_bytes)

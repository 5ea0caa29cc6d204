"""The pool of read-only connections, and the sessions that borrow one.

A session is one snapshot: every Program run in it sees the same state of the database. It may spend
a set time inside statements, all of them together; a progress handler stops the one that goes over,
or whose caller has gone, within about a millisecond of work.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from db.errors import ReadTimeout
from db.program import Program, Rows, Statement, run
from db.thread import ConnectionThread, execute

T = TypeVar("T")

OPCODES_BETWEEN_LOOKS = 10_000


class Session:
    """A snapshot of the database, held by one operation."""

    def __init__(self, thread: ConnectionThread, seconds: float) -> None:
        self.thread = thread
        self.begun = False
        self.statements = 0
        self._seconds = seconds
        self._left = seconds
        self._deadline = 0.0
        self._abandoned = False

    async def run(self, program: Program[T]) -> T:
        """Run a Program whole, in one hop, in this snapshot.

        Raises ReadTimeout when the session has spent its time.
        """
        try:
            return await self.thread.hop(lambda connection: self._run(connection, program))
        except asyncio.CancelledError:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Stop whatever statement is running: nobody waits for it."""
        self._abandoned = True

    def over(self) -> bool:
        """Whether the running statement must stop; asked by the progress handler."""
        return self._abandoned or time.monotonic() > self._deadline

    def _run(self, connection: sqlite3.Connection, program: Program[T]) -> T:
        started = time.monotonic()
        self._deadline = started + self._left
        connection.set_progress_handler(self.over, OPCODES_BETWEEN_LOOKS)
        try:
            if not self.begun:
                connection.execute("BEGIN")
                self.begun = True
            return run(program, lambda statement: self._rows(connection, statement))
        except sqlite3.OperationalError:
            if time.monotonic() > self._deadline:
                raise ReadTimeout(
                    f"reading took longer than {self._seconds:g} s: ask for less at once"
                ) from None
            raise
        finally:
            connection.set_progress_handler(None, 0)
            self._left -= time.monotonic() - started

    def _rows(self, connection: sqlite3.Connection, statement: Statement) -> Rows:
        self.statements += 1
        return execute(connection, statement)

    async def end(self) -> None:
        """Let the snapshot go; the connection can be lent again afterwards."""
        self.abandon()
        await self.thread.idle()
        if self.begun:
            await self.thread.hop(_end)


def _end(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


class Readers:
    """A few read-only connections, lent to one session at a time."""

    def __init__(self, threads: list[ConnectionThread], seconds: float) -> None:
        self._threads = threads
        self._seconds = seconds
        self._idle: asyncio.LifoQueue[ConnectionThread] = asyncio.LifoQueue()
        self._ending: set[asyncio.Task[None]] = set()
        for thread in threads:
            self._idle.put_nowait(thread)

    @classmethod
    async def open(cls, path: Path, *, count: int, seconds: float) -> "Readers":
        """Open `count` connections; a session may spend `seconds` inside statements."""
        threads = [await ConnectionThread.open(path, read_only=True) for _ in range(count)]
        return cls(threads, seconds)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Borrow a connection for one snapshot, which begins with the first Program run in it."""
        thread = await self._idle.get()
        session = Session(thread, self._seconds)
        try:
            yield session
        finally:
            # Not awaited: whoever was cancelled need not wait, and nobody else gets the connection.
            ending = asyncio.ensure_future(self._take_back(session))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    async def _take_back(self, session: Session) -> None:
        try:
            await session.end()
        finally:
            self._idle.put_nowait(session.thread)

    async def close(self) -> None:
        """Wait for the sessions that are ending and close every connection."""
        if self._ending:
            await asyncio.wait(self._ending)
        for thread in self._threads:
            await thread.close()

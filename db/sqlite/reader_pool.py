"""The pool of read-only connections, and the sessions that borrow one.

A session is one snapshot: every Program run in it sees the same state of the database. It may spend
a set time inside statements, all of them together; a progress handler stops the one that goes over,
or whose caller has gone, within about a millisecond of work.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

from db.errors import ReadTimeout, Unavailable
from db.program import Program, Rows, Statement, run
from db.security.row_security import RowSecurity
from db.sqlite.connection_thread import (
    NOT_NOW,
    PASSING,
    ConnectionThread,
    code_of,
    end,
    execute,
    translated,
)

T = TypeVar("T")

OPCODES_BETWEEN_LOOKS = 10_000


class SQLiteSession:
    """A snapshot of the database, held by one operation."""

    def __init__(self, thread: ConnectionThread, seconds: float, security: RowSecurity) -> None:
        self.thread = thread
        self._sight = security
        self.begun = False
        self._seconds = seconds
        self._left = seconds
        self._abandoned = False

    async def run(self, program: Program[T], *, last: bool = False) -> T:
        """Run a Program whole, in one hop, in this snapshot, which `last` ends unless it raises.

        Raises ReadTimeout when the session has spent its time, and Unavailable when the snapshot has
        been let go or the database cannot be read now.
        """
        if self._abandoned:
            raise self._reason()
        gone = _Gone()
        try:
            return await self.thread.hop(
                lambda connection: self._run(connection, program, gone, last)
            )
        except asyncio.CancelledError:
            gone.gone = True  # this Program only: somebody may still wait for others in the session
            raise

    def abandon(self) -> None:
        """Stop the statement that is running, and every Program from now on."""
        self._abandoned = True

    def _run(
        self,
        connection: sqlite3.Connection,
        program: Program[T],
        gone: "_Gone",
        last: bool,
    ) -> T:
        started = time.monotonic()
        deadline = started + self._left

        def must_stop() -> bool:
            return gone.gone or self._abandoned or time.monotonic() > deadline

        def rows_of(statement: Statement) -> Rows:
            if must_stop():  # a short statement may end before the handler is asked
                raise self._reason()
            return execute(connection, statement, self._sight)

        connection.set_progress_handler(must_stop, OPCODES_BETWEEN_LOOKS)
        try:
            if not self.begun:
                connection.execute("BEGIN")
                self.begun = True
            result = run(program, rows_of)
            if last:
                end(connection)
                self.begun = False
            return result
        except sqlite3.Error as error:
            if code_of(error) == sqlite3.SQLITE_INTERRUPT:
                raise self._reason() from None
            if code_of(error) in PASSING:
                raise Unavailable(NOT_NOW) from error
            raise translated(error) from error
        finally:
            connection.set_progress_handler(None, 0)
            self._left -= time.monotonic() - started

    def _reason(self) -> Unavailable:
        if self._abandoned:
            return Unavailable("the read was stopped: try again")
        return ReadTimeout(f"reading took longer than {self._seconds:g} s: ask for less at once")

    @property
    def has_ended(self) -> bool:
        """Whether nothing is left of the snapshot: the connection can be lent again."""
        return not self.begun and self.thread.is_idle

    async def end(self) -> None:
        """Let the snapshot go; the connection can be lent again afterwards."""
        await self.thread.idle()
        if self.begun:
            await self.thread.hop(end)


class _Gone:
    """Whether the caller of one Program is gone; one thread writes it, another looks."""

    gone = False


class ReaderPool:
    """A few read-only connections, lent to one session at a time."""

    def __init__(self, threads: list[ConnectionThread], seconds: float) -> None:
        self._threads = threads
        self._seconds = seconds
        self._idle: asyncio.LifoQueue[ConnectionThread] = asyncio.LifoQueue()
        self._lent: set[SQLiteSession] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False
        for thread in threads:
            self._idle.put_nowait(thread)

    @classmethod
    async def open(cls, path: Path, *, count: int, seconds: float) -> "ReaderPool":
        """Open `count` connections; a session may spend `seconds` inside statements."""
        async with AsyncExitStack() as undo:
            threads: list[ConnectionThread] = []
            while len(threads) < count:
                threads.append(await ConnectionThread.open(path, read_only=True))
                undo.push_async_callback(threads[-1].close)
            undo.pop_all()
        return cls(threads, seconds)

    @asynccontextmanager
    async def session(self, security: RowSecurity) -> AsyncIterator[SQLiteSession]:
        """Borrow a snapshot for as long as the block lasts; raises Unavailable like `borrow`."""
        session = await self.borrow(security)
        try:
            yield session
        finally:
            self.give_back(session)

    async def borrow(self, security: RowSecurity) -> SQLiteSession:
        """Borrow a connection for one snapshot, which begins with the first Program run in it.

        Its Programs see what the sight has. It must be given back. Raises Unavailable once the pool is
        closed.
        """
        thread = await self._idle.get()
        if self._closed:
            self._idle.put_nowait(thread)  # wakes whoever waits next
            raise Unavailable("the server is shutting down: try again")
        session = SQLiteSession(thread, self._seconds, security)
        self._lent.add(session)
        return session

    def give_back(self, session: SQLiteSession) -> None:
        """Take a session back; whatever still runs in it stops."""
        # At once: a loader that outlives its operation must not read in the next one's snapshot.
        session.abandon()
        self._lent.discard(session)
        if session.has_ended:
            self._idle.put_nowait(session.thread)
        elif not self._closed:
            # Not awaited: whoever was cancelled need not wait, and nobody else gets the connection.
            ending = asyncio.ensure_future(self._take_back(session))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    async def _take_back(self, session: SQLiteSession) -> None:
        try:
            await session.end()
        finally:
            self._idle.put_nowait(session.thread)

    @property
    def in_use(self) -> int:
        """How many connections are lent now, or not back yet."""
        return len(self._threads) - self._idle.qsize()

    @property
    def count(self) -> int:
        """How many connections there are."""
        return len(self._threads)

    async def close(self) -> None:
        """Stop every read, refuse new ones and close every connection."""
        self._closed = True
        for session in self._lent:
            session.abandon()
        if self._ending:
            await asyncio.wait(self._ending)
        for thread in self._threads:
            await thread.close()
        self._idle.put_nowait(self._threads[0])

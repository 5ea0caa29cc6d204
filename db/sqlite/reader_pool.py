"""The pool of read-only connections, and the sessions (snapshots) that borrow them.

A progress handler stops a statement within about a millisecond if its session has used up its time or its
caller is gone.
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
    translated,
)

T = TypeVar("T")

OPCODES_BETWEEN_LOOKS = 10_000


class SQLiteSession:
    def __init__(self, thread: ConnectionThread, seconds: float, security: RowSecurity) -> None:
        self.thread = thread
        self._security = security
        self.begun = False
        self._seconds = seconds
        self._left = seconds
        self._abandoned = False

    async def run(self, program: Program[T], *, last: bool = False) -> T:
        """Run a Program in one hop; raises Unavailable too, once the session is given back."""
        if self._abandoned:
            raise self._reason()
        gone = _Gone()
        try:
            return await self.thread.hop(
                lambda connection: self._run(connection, program, gone, last)
            )
        except asyncio.CancelledError:
            gone.gone = True  # only this Program stops: others in the session may still be awaited
            raise

    def abandon(self) -> None:
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
            if must_stop():  # a short statement may end before SQLite calls the handler
                raise self._reason()
            return connection.execute(*self._security.of(statement)).fetchall()

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
        return not self.begun and self.thread.is_idle

    async def end(self) -> None:
        await self.thread.idle()
        if self.begun:
            await self.thread.hop(end)


class _Gone:
    """Whether the caller is gone: written by the event loop's thread, read by the connection's."""

    gone = False


class ReaderPool:
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
        async with AsyncExitStack() as undo:
            threads: list[ConnectionThread] = []
            while len(threads) < count:
                threads.append(await ConnectionThread.open(path, read_only=True))
                undo.push_async_callback(threads[-1].close)
            undo.pop_all()
        return cls(threads, seconds)

    @asynccontextmanager
    async def session(self, security: RowSecurity) -> AsyncIterator[SQLiteSession]:
        session = await self.borrow(security)
        try:
            yield session
        finally:
            self.give_back(session)

    async def borrow(self, security: RowSecurity) -> SQLiteSession:
        """Borrow a connection for one snapshot; raises Unavailable once the pool is closed."""
        thread = await self._idle.get()
        if self._closed:
            self._idle.put_nowait(thread)  # wakes the next who waits
            raise Unavailable("the server is shutting down: try again")
        session = SQLiteSession(thread, self._seconds, security)
        self._lent.add(session)
        return session

    def give_back(self, session: SQLiteSession) -> None:
        # At once: a loader that outlives its operation must not read in the snapshot of the next one.
        session.abandon()
        self._lent.discard(session)
        if session.has_ended:
            self._idle.put_nowait(session.thread)
        elif not self._closed:
            # Not awaited: the caller may have been cancelled, and the connection is not in the pool yet.
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
        """How many connections are borrowed or still ending their snapshot."""
        return len(self._threads) - self._idle.qsize()

    @property
    def count(self) -> int:
        return len(self._threads)

    async def close(self) -> None:
        self._closed = True
        for session in self._lent:
            session.abandon()
        if self._ending:
            await asyncio.wait(self._ending)
        for thread in self._threads:
            await thread.close()
        self._idle.put_nowait(self._threads[0])

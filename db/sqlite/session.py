"""A session: one snapshot, on a connection of its own while it lasts."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from db.errors import Overloaded, ReadTimeout, Unavailable
from db.program import Program, Rows, Statement, run
from db.security.row_security import RowSecurity
from db.sqlite.connection_thread import (
    NOT_NOW,
    PASSING,
    Faults,
    code_of,
    end,
)

T = TypeVar("T")

OPCODES_BETWEEN_LOOKS = 10_000


class ReaderThread(Protocol):
    """A thread with a connection, as ConnectionThread is."""

    faults: Faults

    async def hop(self, function: Callable[[sqlite3.Connection], T]) -> T: ...

    @property
    def is_idle(self) -> bool: ...

    async def idle(self) -> None: ...

    async def close(self) -> None: ...


class SQLiteSession:
    """A snapshot. A progress handler stops a statement within about a millisecond if the session has used up
    its time, was stopped or given back, or its caller is gone.
    """

    def __init__(
        self, thread: ReaderThread, seconds: float, security: RowSecurity, share: str
    ) -> None:
        self.thread = thread
        self.share = share
        self.is_short = self.is_torn = False
        self.since = time.monotonic()
        self._security = security
        self._begun = False
        self._seconds = seconds
        self._left = seconds
        self.is_stopped = False  # by its owner, who has given it back, or for the sake of others
        self._stopped_because = ""

    async def run(self, program: Program[T], *, last: bool = False) -> T:
        """Run a Program in one hop; raises Unavailable too, once the session is given back."""
        if self.is_stopped:
            raise self._reason()
        gone = Gone()
        try:
            return await self.thread.hop(
                lambda connection: self._run(connection, program, gone, last)
            )
        except asyncio.CancelledError:
            gone.gone = True  # only this Program stops: others in the session may still be awaited
            raise

    def stop(self, because: str) -> None:
        """Let what runs in it, and whatever would, raise Overloaded with this message."""
        self.is_stopped, self._stopped_because = True, because

    @property
    def age(self) -> float:
        return time.monotonic() - self.since

    def _run(
        self,
        connection: sqlite3.Connection,
        program: Program[T],
        gone: "Gone",
        last: bool,
    ) -> T:
        started = time.monotonic()
        deadline = started + self._left

        def must_stop() -> bool:
            return gone.gone or self.is_stopped or time.monotonic() > deadline

        def rows_of(statement: Statement) -> Rows:
            if must_stop():  # a short statement may end before SQLite calls the handler
                raise self._reason()
            return connection.execute(*self._security.of(statement)).fetchall()

        connection.set_progress_handler(must_stop, OPCODES_BETWEEN_LOOKS)
        try:
            if not self._begun:
                connection.execute("BEGIN")
                self._begun = True
            result = run(program, rows_of)
            if last:
                end(connection)
                self._begun = False
            return result
        except sqlite3.Error as error:
            if code_of(error) == sqlite3.SQLITE_INTERRUPT:
                raise self._reason() from None
            if code_of(error) in PASSING:
                raise Unavailable(NOT_NOW) from error
            raise self.thread.faults.translated(error) from error
        finally:
            connection.set_progress_handler(None, 0)
            self._left -= time.monotonic() - started

    def _reason(self) -> Unavailable:
        if self._stopped_because:
            return Overloaded(self._stopped_because)
        if self.is_stopped:
            return Unavailable("the read was stopped: try again")
        return ReadTimeout(f"reading took longer than {self._seconds:g} s: ask for less at once")

    @property
    def has_ended(self) -> bool:
        return not self._begun and self.thread.is_idle

    async def end(self) -> None:
        """Release the snapshot, once what runs in it has ended; harmless if it has been released."""
        await self.thread.idle()
        if self._begun:
            await self.thread.hop(end)
            self._begun = False


class Gone:
    """Whether the caller is gone: written by the event loop's thread, read by the connection's."""

    gone = False

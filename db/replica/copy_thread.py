"""A thread that reads the present copy, by a connection to exactly that state of it.

Litestream tells SQLite of new pages by none of the ways that SQLite knows. So a connection is used for one
state of the copy only, and its cache with it. Between snapshots it holds no lock, since the copy says that it
has no write-ahead log: a connection to one that has keeps a lock until it is closed, and litestream would
wait for that for ever.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from db.errors import Unavailable
from db.program import Program
from db.replica.copies import Copies, State
from db.replica.fitness import Fitness
from db.security.row_security import RowSecurity
from db.sqlite.connection_thread import (
    BUSY_MILLISECONDS,
    NOT_NOW,
    PASSING,
    PREPARED_STATEMENTS,
    Faults,
    code_of,
    end,
)
from db.sqlite.session import Gone, SQLiteSession

T = TypeVar("T")

# Of no use to one that reads only, which is made often: other pragmas of connection_thread.
PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -32000",
    "PRAGMA query_only = ON",
)
# Takes SQLite's shared lock, which keeps litestream from writing.
LOCK = "SELECT 1 FROM sqlite_schema LIMIT 1"
WHOLE_SECONDS = 5.0  # how long a read waits for the end of a transaction that is being copied
LOOK_SECONDS = 0.005
TORN = "the copy of the primary's database is not whole just now: try again"


class CopyThread:
    """Has the methods of db.sqlite.connection_thread.ConnectionThread."""

    def __init__(self, copies: Copies, faults: Faults, fitness: Fitness) -> None:
        self.faults = faults
        self._fitness = fitness
        self._copies = copies
        self._executor = ThreadPoolExecutor(1, "replica-reader")
        self._connection: sqlite3.Connection | None = None
        self._opened: State | None = None
        self._running: asyncio.Future[Any] | None = None

    async def hop(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run `function` on the thread, to its end even if the caller is cancelled; `idle` waits for it."""
        # As ConnectionThread does it, whose connection stays the same.
        loop = asyncio.get_running_loop()
        running: asyncio.Future[T] = loop.create_future()
        waiter: asyncio.Future[None] = loop.create_future()

        def arrive(done: asyncio.Future[T]) -> None:
            done.exception()
            if not waiter.done():
                waiter.set_result(None)

        def run() -> None:
            finish: Callable[[], None]
            try:
                result = function(self._connection)  # type: ignore[arg-type]
            except BaseException as error:
                failure = error
                finish = lambda: running.set_exception(failure)  # noqa: E731
            else:
                finish = lambda: running.set_result(result)  # noqa: E731
            with suppress(RuntimeError):  # the loop has stopped
                loop.call_soon_threadsafe(finish)

        running.add_done_callback(arrive)
        self._running = running
        self._executor.submit(run)
        await waiter
        return running.result()

    @property
    def is_idle(self) -> bool:
        return self._running is None or self._running.done()

    async def idle(self) -> None:
        if self._running is not None:
            await asyncio.wait([self._running])

    async def close(self) -> None:
        await self.idle()
        await self.hop(lambda _: self.disconnect())
        self._executor.shutdown()

    def begin(self) -> sqlite3.Connection:
        """On the thread: begin a snapshot of a whole copy; raises Unavailable if there is none in time."""
        deadline = time.monotonic() + WHOLE_SECONDS
        while True:
            state = self._copies.state()
            try:
                connection = self._connected(state)
                if connection is not None:
                    return connection
            except sqlite3.Error as error:
                self.disconnect()
                if self._copies.state() == state:  # else it may have been torn just then
                    if code_of(error) in PASSING:
                        raise Unavailable(NOT_NOW) from error
                    raise self.faults.translated(error) from error
            if time.monotonic() > deadline:
                raise Unavailable(TORN)
            time.sleep(LOOK_SECONDS)

    def _connected(self, state: State) -> sqlite3.Connection | None:
        """A connection in a snapshot of this state of the copy; None if it is past, or not whole."""
        if not state.is_whole:
            return None
        is_new = self._connection is None or self._opened != state
        if is_new:
            self.disconnect()
            self._connection, self._opened = _connect(state.path), state
        connection = self._connection
        assert connection is not None  # noqa: S101 - it was made
        connection.execute("BEGIN")
        try:
            connection.execute(LOCK).fetchall()
            if self._copies.state() == state:
                if is_new:
                    self._fitness.check(connection)
                return connection
        except BaseException:
            self.disconnect()  # so that the next one checks it, too
            raise
        end(connection)
        self.disconnect()
        return None

    def disconnect(self) -> None:
        """On the thread: end the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._opened = None


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        cached_statements=PREPARED_STATEMENTS,
        check_same_thread=False,  # one thread at a time, the last to close it
    )
    try:
        for pragma in PRAGMAS:
            connection.execute(pragma)
    except BaseException:
        connection.close()
        raise
    return connection


class CopySession(SQLiteSession):
    """A snapshot of the copy."""

    thread: CopyThread

    def _run(
        self, connection: sqlite3.Connection, program: Program[T], gone: Gone, last: bool
    ) -> T:
        if not self._begun:
            connection = self.thread.begin()
            self._begun = True
        return super()._run(connection, program, gone, last)


def new_session(
    thread: CopyThread, seconds: float, security: RowSecurity, share: str
) -> CopySession:
    return CopySession(thread, seconds, security, share)

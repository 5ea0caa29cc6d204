"""One SQLite connection on a thread of its own, entered by hops.

aiosqlite gives each connection a thread and a queue; its public calls are one hop each, which under
load costs more than most statements do. Here a whole function goes over in one hop. That takes two
private names of aiosqlite (`_execute`, `_conn`), used in this file only.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import aiosqlite

from db.program import Rows, Statement

T = TypeVar("T")

BUSY_MILLISECONDS = 5_000
PREPARED_STATEMENTS = 512
PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA recursive_triggers = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -32000",
)
READ_ONLY = "PRAGMA query_only = ON"


def execute(connection: sqlite3.Connection, statement: Statement) -> Rows:
    """Run one statement and fetch all its rows."""
    return connection.execute(statement.sql, statement.bind).fetchall()


class ConnectionThread:
    """A connection to an existing database file; at most one function runs on it at a time."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._running: asyncio.Future[object] | None = None

    @classmethod
    async def open(cls, path: Path, *, read_only: bool) -> "ConnectionThread":
        """Connect to `path`, which must exist; raises sqlite3.Error where it cannot be opened."""
        connection = await aiosqlite.connect(
            _existing(path),
            uri=True,
            isolation_level=None,
            cached_statements=PREPARED_STATEMENTS,
        )
        thread = cls(connection)
        try:
            await thread.hop(lambda raw: _prepare(raw, read_only=read_only))
        except BaseException:
            await connection.close()
            raise
        return thread

    async def hop(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run `function` on the thread and return what it returns.

        When the caller is cancelled the function still runs to its end; `idle` tells when.
        """
        running = asyncio.ensure_future(
            self._connection._execute(  # type: ignore[no-untyped-call]
                function, self._connection._conn
            )
        )
        self._running = running
        result: T = await asyncio.shield(running)
        return result

    async def idle(self) -> None:
        """Wait until no function runs, whatever became of the last one."""
        if self._running is not None:
            await asyncio.wait([self._running])
            if not self._running.cancelled():
                self._running.exception()  # looked at, so that asyncio does not report it as lost

    @property
    def is_busy(self) -> bool:
        """Whether a function is still running."""
        return self._running is not None and not self._running.done()

    async def close(self) -> None:
        """Close the connection and end its thread."""
        await self.idle()
        await self._connection.close()


def _existing(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=rw"


def _prepare(connection: sqlite3.Connection, *, read_only: bool) -> None:
    for pragma in (*PRAGMAS, *([READ_ONLY] if read_only else [])):
        connection.execute(pragma)

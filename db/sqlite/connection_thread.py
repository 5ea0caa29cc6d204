"""One SQLite connection on a thread of its own.

Each public call of aiosqlite is a hop to its thread, which costs more than most statements. So a whole
function is sent in one hop, by two private names of aiosqlite (`_tx`, `_conn`), in this file only.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from db.errors import Damaged, EngineError, Unavailable, Unreadable
from db.program import Rows, Statement
from db.security.row_security import RowSecurity

T = TypeVar("T")

log = logging.getLogger(__name__)

BUSY_MILLISECONDS = 5_000
PREPARED_STATEMENTS = 512
# Twice SQLite's default, because a page that many commits change is copied only once (W4 of the
# benchmark). With more pages, the commit that copies them would take too long.
PAGES_BETWEEN_CHECKPOINTS = 2_000
# What SQLite keeps of the log's file once it begins the log anew; the usual log is half as long.
MOST_KEPT_LOG_BYTES = 16 * 2**20
PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA recursive_triggers = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -32000",
    f"PRAGMA wal_autocheckpoint = {PAGES_BETWEEN_CHECKPOINTS}",
    f"PRAGMA journal_size_limit = {MOST_KEPT_LOG_BYTES}",
)
READ_ONLY = "PRAGMA query_only = ON"

# The result codes of failures that pass: nothing is wrong with the statement.
PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}
# They mean that the file holds something that SQLite never writes.
OF_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
# What Python raises without a code, and with the text, which must not be shown.
NOT_UTF_8 = "Could not decode to UTF-8"
UNREADABLE = "a stored text is not UTF-8: `chittygraph check` names it, and repairs it with --fix"
DAMAGED = "a part of the database is damaged: restore a backup"
LOCKED = f"another program has held the database for {BUSY_MILLISECONDS / 1_000:g} s: try again"
NOT_NOW = "the database cannot be used just now: try again"


def execute(connection: sqlite3.Connection, statement: Statement, security: RowSecurity) -> Rows:
    return connection.execute(*security.of(statement)).fetchall()


def end(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def code_of(error: BaseException) -> int | None:
    """SQLite's primary result code."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


class Faults:
    """Translates what SQLite raises for the connections of one database, and remembers damage."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.found_damage = False

    def translated(self, error: sqlite3.Error) -> EngineError | Damaged | Unreadable:
        if str(error).startswith(NOT_UTF_8):
            return Unreadable(UNREADABLE)
        is_damage = code_of(error) in OF_DAMAGE
        if is_damage and not self.found_damage:
            self.found_damage = True
            log.error("database damaged", extra={"database": str(self._path), "reason": str(error)})
        translation = Damaged(DAMAGED) if is_damage else EngineError(str(error))
        translation.__cause__ = error
        return translation


class ConnectionThread:
    def __init__(self, connection: aiosqlite.Connection, faults: Faults) -> None:
        self.faults = faults
        self._connection = connection
        self._running: asyncio.Future[Any] | None = None
        self._is_prepared = True

    @classmethod
    async def open(
        cls, path: Path, faults: Faults, *, read_only: bool, at_once: bool = True
    ) -> "ConnectionThread":
        """Raises sqlite3.Error if the file cannot be opened.

        Unless `at_once`, a reader is prepared with the first function that it runs: to parse the definitions
        takes longer than all else of a start.
        """
        connection = await aiosqlite.connect(
            existing(path),
            uri=True,
            isolation_level=None,
            cached_statements=PREPARED_STATEMENTS,
        )
        thread = cls(connection, faults)
        if read_only and not at_once:
            thread._is_prepared = False
            return thread
        try:
            await thread.hop(lambda raw: prepare(raw, read_only=read_only))
        except BaseException:
            await connection.close()
            raise
        return thread

    async def hop(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run `function` on the thread, to its end even if the caller is cancelled; `idle` waits for it."""
        # Not a task and not shielded: only the thread ends this future, even if the loop stops and
        # cancels everything, and asyncio does not report an error that nobody waits for.
        loop = asyncio.get_running_loop()
        running: asyncio.Future[T] = loop.create_future()
        waiter: asyncio.Future[None] = loop.create_future()

        def arrive(done: asyncio.Future[T]) -> None:
            done.exception()
            if not waiter.done():
                waiter.set_result(None)

        if not self._is_prepared:
            function = partial(self._prepared, function)
        running.add_done_callback(arrive)
        self._connection._tx.put_nowait((running, partial(function, self._connection._conn)))
        self._running = running
        await waiter
        return running.result()

    def _prepared(
        self, function: Callable[[sqlite3.Connection], T], connection: sqlite3.Connection
    ) -> T:
        try:
            if not self._is_prepared:  # several may have been sent before the first one ran
                prepare(connection, read_only=True)
                self._is_prepared = True
        except sqlite3.Error as error:
            if code_of(error) in PASSING:
                raise Unavailable(NOT_NOW) from error
            raise self.faults.translated(error) from error
        return function(connection)

    @property
    def is_idle(self) -> bool:
        return self._running is None or self._running.done()

    async def idle(self) -> None:
        if self._running is not None:
            await asyncio.wait([self._running])

    async def close(self) -> None:
        await self.idle()
        await self._connection.close()


def existing(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=rw"


def prepare(connection: sqlite3.Connection, *, read_only: bool) -> None:
    for pragma in (*PRAGMAS, *([READ_ONLY] if read_only else [])):
        connection.execute(pragma)

"""Short reads in the event loop's thread, for a hop to another one may take as long (W1, W5 of benchmarks).

That thread runs on another CPU, which has to be woken, and whose caches hold nothing of what it reads.
"""

import math
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from db.errors import NeedsThread, Unavailable
from db.program import Program, Rows, Statement, run
from db.security.row_security import RowSecurity
from db.sqlite.change_token import ChangeTokens
from db.sqlite.connection_thread import (
    PASSING,
    PREPARED_STATEMENTS,
    Faults,
    code_of,
    end,
    execute,
    existing,
    prepare,
)

T = TypeVar("T")

NO_WAIT = "PRAGMA busy_timeout = 0"
# What a short read may take of the CPU; and in all, for it may wait for the disk or for Python's lock.
MOST_SECONDS, MOST_SECONDS_WITH_WAITS = 0.001, 0.01
OPCODES_BETWEEN_LOOKS = 1_000  # some 50 us


class InlineReader:
    """`clock` is monotonic, `cpu_clock` gives the CPU time of this thread, which takes ten times as long."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        faults: Faults,
        clock: Callable[[], float],
        cpu_clock: Callable[[], float],
    ) -> None:
        self._connection = connection
        self._clock, self._cpu_clock = clock, cpu_clock
        self._since = self._cpu_since = math.inf  # when a read began that must be short
        self._faults = faults
        self._tokens = ChangeTokens(connection, path)
        self._closed = False

    @classmethod
    def open(
        cls,
        path: Path,
        faults: Faults,
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.thread_time,
    ) -> "InlineReader":
        connection = sqlite3.connect(
            existing(path), uri=True, isolation_level=None, cached_statements=PREPARED_STATEMENTS
        )
        try:
            prepare(connection, read_only=True)
            connection.execute(NO_WAIT)
            reader = cls(connection, path, faults, clock, cpu_clock)
            connection.set_progress_handler(reader._is_too_long, OPCODES_BETWEEN_LOOKS)
        except BaseException:
            connection.close()
            raise
        return reader

    def run(self, program: Program[T], security: RowSecurity, *, must_be_short: bool = False) -> T:
        """Raises Unavailable once closed, and EngineError if a statement fails or the database is locked.

        What must be short raises NeedsThread if the database is locked or it takes more than MOST_SECONDS.
        """
        if self._closed:
            raise Unavailable("the server is shutting down: try again")
        connection = self._connection
        rows_of = execute
        if must_be_short:
            rows_of = self._rows_in_time
            self._since, self._cpu_since = self._clock(), self._cpu_clock()
        try:
            connection.execute("BEGIN")
            return run(program, lambda statement: rows_of(connection, statement, security))
        except sqlite3.Error as error:
            if must_be_short and code_of(error) in {sqlite3.SQLITE_INTERRUPT, *PASSING}:
                raise NeedsThread from error
            raise self._faults.translated(error) from error
        finally:
            self._since = math.inf
            end(connection)

    def _rows_in_time(
        self, connection: sqlite3.Connection, statement: Statement, security: RowSecurity
    ) -> Rows:
        if self._is_too_long():  # a short statement may end before SQLite calls the handler
            raise NeedsThread
        return execute(connection, statement, security)

    def _is_too_long(self) -> bool:
        seconds = self._clock() - self._since
        return seconds > MOST_SECONDS and (
            seconds > MOST_SECONDS_WITH_WAITS or self._cpu_clock() - self._cpu_since > MOST_SECONDS
        )

    def change_token(self) -> bytes | None:
        return None if self._closed else self._tokens.current()

    def commit_count(self) -> int | None:
        """SQLite's counter of commits, of any program; None if it is not known now."""
        if self._closed:
            return None
        try:
            ((version,),) = self._connection.execute("PRAGMA data_version").fetchall()
        except sqlite3.Error:
            return None
        return int(version)

    def close(self) -> None:
        self._closed = True
        self._connection.close()

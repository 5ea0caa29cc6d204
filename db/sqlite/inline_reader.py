"""Reads of a few rows by key in the event loop's thread, which is faster than a hop (W1 of the benchmark)."""

import sqlite3
from pathlib import Path
from typing import TypeVar

from db.errors import Unavailable
from db.program import Program, run
from db.security.row_security import RowSecurity
from db.sqlite.change_token import ChangeTokens
from db.sqlite.connection_thread import (
    PREPARED_STATEMENTS,
    Faults,
    end,
    execute,
    existing,
    prepare,
)

T = TypeVar("T")

NO_WAIT = "PRAGMA busy_timeout = 0"


class InlineReader:
    def __init__(self, connection: sqlite3.Connection, path: Path, faults: Faults) -> None:
        self._connection = connection
        self._faults = faults
        self._tokens = ChangeTokens(connection, path)
        self._closed = False

    @classmethod
    def open(cls, path: Path, faults: Faults) -> "InlineReader":
        connection = sqlite3.connect(
            existing(path), uri=True, isolation_level=None, cached_statements=PREPARED_STATEMENTS
        )
        try:
            prepare(connection, read_only=True)
            connection.execute(NO_WAIT)
        except BaseException:
            connection.close()
            raise
        return cls(connection, path, faults)

    def run(self, program: Program[T], security: RowSecurity) -> T:
        """Raises Unavailable once closed, and EngineError if a statement fails or the database is locked."""
        if self._closed:
            raise Unavailable("the server is shutting down: try again")
        connection = self._connection
        try:
            connection.execute("BEGIN")
            return run(program, lambda statement: execute(connection, statement, security))
        except sqlite3.Error as error:
            raise self._faults.translated(error) from error
        finally:
            end(connection)

    def change_token(self) -> bytes | None:
        return None if self._closed else self._tokens.current()

    def close(self) -> None:
        self._closed = True
        self._connection.close()

"""Runs an operator's SQL read-only, without stored secrets and for a limited time.

An authorizer refuses statements that would write, attach a database or read a secret.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias, TypeVar

from db.errors import BadRequest, BootRefused, ReadTimeout
from db.model import hidden_columns
from db.program import Rows, Value, Values
from db.sqlite import file_checks
from db.sqlite.connection_thread import code_of
from db.sqlite.session import OPCODES_BETWEEN_LOOKS

T = TypeVar("T")
Bind: TypeAlias = Mapping[str, Value] | tuple[()]

ROWS_AT_ONCE = 100
NO_VALUES: Mapping[str, Value] = MappingProxyType({})

READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE}
# Pragmas that only read. Those of STATE_PRAGMAS write if they have an argument.
READ_ONLY_PRAGMAS = {
    *("table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo"),
    *("foreign_key_list", "foreign_key_check", "database_list", "collation_list", "function_list"),
    *("module_list", "pragma_list", "compile_options", "integrity_check", "quick_check"),
}
STATE_PRAGMAS = {
    *(
        "application_id",
        "auto_vacuum",
        "data_version",
        "encoding",
        "foreign_keys",
        "freelist_count",
    ),
    *("journal_mode", "page_count", "page_size", "schema_version", "synchronous", "user_version"),
}
RAW_PAGES = "sqlite_dbpage"


class QueryResult:
    def __init__(
        self, connection: sqlite3.Connection, sql: str, bind: Mapping[str, Value], seconds: float
    ) -> None:
        self._connection = connection
        self._bind = bind or ()  # so that SQLite's error tells how many values a statement lacks
        self._seconds = self._left = seconds
        self._guard = _Guard()
        connection.set_authorizer(self._guard)
        self._cursor = self._timed(lambda: self._execute(sql))
        if self._cursor.description is None:
            raise BadRequest(
                "BAD_SQL", "there is no statement: give one, such as SELECT * FROM actors"
            )
        self.columns = tuple(str(column[0]) for column in self._cursor.description)

    def rows(self) -> Iterator[Values]:
        """Raises ReadTimeout if reading takes too long, BadRequest if SQLite fails, and KeyboardInterrupt."""
        while rows := self._timed(self._fetch):
            yield from rows

    def _execute(self, sql: str) -> sqlite3.Cursor:
        self._guard.refused = self._guard.refused or _secret_in(
            self._connection, sql, self._bind, self._guard
        )
        if self._guard.refused is not None:
            raise BadRequest("BAD_SQL", self._guard.refused)
        return self._connection.execute(sql, self._bind)

    def _fetch(self) -> Rows:
        return self._cursor.fetchmany(ROWS_AT_ONCE)

    def _timed(self, work: Callable[[], T]) -> T:
        """Count the time inside SQLite only, not that of whoever reads the output."""
        started = time.monotonic()
        deadline = started + self._left
        self._connection.set_progress_handler(
            lambda: time.monotonic() > deadline, OPCODES_BETWEEN_LOOKS
        )
        try:
            return work()
        except (sqlite3.Error, sqlite3.Warning) as error:
            if code_of(error) == sqlite3.SQLITE_INTERRUPT:
                raise self._interruption(deadline) from None
            words = self._guard.refused or f"SQLite refuses the statement: {error}"
            raise BadRequest("BAD_SQL", words) from error
        except ValueError as error:
            raise BadRequest("BAD_SQL", f"the statement is no text of SQL: {error}") from error
        finally:
            self._connection.set_progress_handler(None, 0)
            self._left -= time.monotonic() - started

    def _interruption(self, deadline: float) -> BaseException:
        if time.monotonic() > deadline:
            return ReadTimeout(
                f"reading took longer than {self._seconds:g} s: ask for less or allow more time"
            )
        return KeyboardInterrupt()  # raised inside the progress handler, where it is lost


class _Guard:
    """The authorizer, which SQLite calls for each action of a statement."""

    def __init__(self) -> None:
        self.refused: str | None = None
        self.is_pragma = False

    def __call__(
        self, action: int, one: str | None, two: str | None, database: str | None, via: str | None
    ) -> int:
        reason = self._reason(action, one or "", two)
        if reason is None:
            return sqlite3.SQLITE_OK
        self.refused = self.refused or reason
        return sqlite3.SQLITE_DENY

    def _reason(self, action: int, one: str, two: str | None) -> str | None:
        if action in READING:
            return None
        if action == sqlite3.SQLITE_READ:
            return self._secret(one.lower(), (two or "").lower())
        if action == sqlite3.SQLITE_FUNCTION:
            return "extensions are not loaded here" if two == "load_extension" else None
        if action == sqlite3.SQLITE_PRAGMA:
            self.is_pragma = True
            tells = one.lower() in (STATE_PRAGMAS if two is None else set()) | READ_ONLY_PRAGMAS
            return None if tells else f"PRAGMA {one} may change something: only reading is allowed"
        return "the statement does not only read: use SELECT, WITH, EXPLAIN or PRAGMA table_info(…)"

    def _secret(self, table: str, column: str) -> str | None:
        if table == RAW_PAGES:
            return f"{table} would show stored secrets: read the tables themselves"
        if hidden_columns.column_of(table) == column:
            return _secret_refusal(table, column)
        return None


def _secret_refusal(table: str, column: str) -> str:
    return f"{table}.{column} holds secrets, which are not shown: name the other columns"


PLACES = """
    SELECT made.name, lower(info.name), made.rootpage, info.cid
    FROM sqlite_master AS made, pragma_table_info(made.name) AS info
    WHERE made.type = 'table'
"""
COMPILED = "EXPLAIN {sql}"


def _secret_in(connection: sqlite3.Connection, sql: str, bind: Bind, guard: _Guard) -> str | None:
    """The reason to refuse a statement that reads a secret without the authorizer's knowledge."""
    # SQLite does not call the authorizer for columns that USING and NATURAL join. So the compiled program is
    # searched for a cursor on the table, and for a read of the column through it.
    try:
        steps = connection.execute(COMPILED.format(sql=sql), bind).fetchall()
    except (sqlite3.Error, sqlite3.Warning):  # running the statement will report the same
        return None
    if guard.is_pragma:  # integrity_check reads every column, but shows none
        return None
    for table, column, root, number in connection.execute(PLACES).fetchall():
        if hidden_columns.column_of(table) != column:
            continue
        cursors = {one for _, name, one, *p in steps if name == "OpenRead" and p[:2] == [root, 0]}
        if any(
            name == "Column" and one in cursors and two == number for _, name, one, two, *_ in steps
        ):
            return _secret_refusal(table, column)
    return None


@contextmanager
def query(
    path: Path, sql: str, *, seconds: float, bind: Mapping[str, Value] = NO_VALUES
) -> Iterator[QueryResult]:
    """Run one statement on an existing file; reading may take `seconds`.

    Raises BootRefused if the file cannot be opened, and BadRequest if the statement is wrong or not allowed.
    """
    file = path.resolve()
    if not file_checks.exists(file):
        raise BootRefused(f"{path} does not exist: make it with `chittygraph migrate`")
    file_checks.require_usable(file, writable=False)
    with file_checks.reading(file) as connection:
        connection.text_factory = _text
        yield QueryResult(connection, sql, bind, seconds)


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "backslashreplace")

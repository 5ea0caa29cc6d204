"""Loads a dump into a new database, running only statements that dumps consist of."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from db.backup import dumps
from db.backup.backups import Advance, write_failure
from db.backup.dump_statements import LONGEST, read_text, split
from db.errors import BootRefused
from db.migrating import ledger, schema_comparison
from db.model import searched
from db.model.tables import TABLES
from db.sqlite.connection_thread import PASSING, code_of
from db.sqlite.long_statements import watched

RUN = {"CREATE", "INSERT", "REPLACE", "DELETE", "ANALYZE"}
# Settings of a connection, not content.
IGNORED_PRAGMAS = {
    "foreign_keys",
    "defer_foreign_keys",
    "encoding",
    "journal_mode",
    "synchronous",
    "user_version",
    "application_id",
}
MAX_ERROR_LENGTH = 200
WORDS = re.compile(r"(\w+)(?:\s+(\w+))?")
# In dumps of sqlite3 a virtual table is a row of sqlite_schema.
_IN_SCHEMA = r"INSERT\s+INTO\s+sqlite_(?:schema|master)\b"
TRIGGER_OF_INDEX = re.compile(
    rf"CREATE\s+TRIGGER\s+(?:{'|'.join(sorted(searched.INDEXES))})_of_", re.IGNORECASE
)
WRITES_SCHEMA = re.compile(r"PRAGMA\s+writable_schema\b", re.IGNORECASE)
VIRTUAL = re.compile(rf"CREATE\s+VIRTUAL\b|{_IN_SCHEMA}", re.IGNORECASE)
TARGET = re.compile(
    rf"(?:{_IN_SCHEMA}[^']*'table'\s*,\s*|INSERT\s+INTO\s+"
    r"|CREATE\s+(?:VIRTUAL\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?)['\"`\[]?(\w+)",
    re.IGNORECASE,
)

SETTINGS = (
    "PRAGMA journal_mode = OFF",  # a failed load is discarded
    "PRAGMA synchronous = OFF",
    "PRAGMA ignore_check_constraints = ON",  # the dumped database may have violated one
    "PRAGMA trusted_schema = OFF",
)


def load(dump: Path, new: Path, advance: Advance) -> None:
    """Raises BootRefused for text that is not a dump, ends early, or does anything that dumps never need."""
    # No statement occurs twice, so caching prepared ones gains nothing.
    with closing(sqlite3.connect(new, isolation_level=None, cached_statements=0)) as connection:
        for setting in SETTINGS:
            connection.execute(setting)
        connection.execute("BEGIN")
        connection.set_authorizer(_authorize)
        with watched(connection, lambda: advance(0)):
            loader = _Loader(dump, new, connection)
            loader.run(advance)
            connection.set_authorizer(None)
            loader.index()
        try:
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise write_failure(new, error) from error


class _Loader:
    def __init__(self, dump: Path, new: Path, connection: sqlite3.Connection) -> None:
        self._dump = dump
        self._new = new
        self._connection = connection
        self._in_transaction = False
        self._is_ours = False
        self._has_indexes = False
        self._unsafe_at = 0

    def run(self, advance: Advance) -> None:
        line, statement = 1, ""
        try:
            for line, statement in split(read_text(self._dump, advance)):
                if line == 1:
                    self._begin(statement)
                self._run(line, statement)
        except OverflowError as error:
            raise self._refusal(
                f"{error}: no statement ends within {LONGEST // 2**20} MB, so it is not a dump"
            ) from None
        if self._in_transaction or (self._is_ours and not statement.endswith(dumps.LAST)):
            raise self._refusal("it ends before its last statement: copy it again")
        if self._unsafe_at and not self._has_indexes:
            raise self._unsafe(self._unsafe_at)

    def index(self) -> None:
        """Make the indexes of searches, if the dump has some, and fill them; raises BootRefused."""
        if not self._has_indexes:
            return
        made = schema_comparison.made_by(ledger.load(ledger.MIGRATIONS))
        stored = {name for (name,) in self._connection.execute(ledger.TABLES)}
        tables = [table for table in TABLES if table.name in stored]
        names = (searched.index_of, searched.vocabulary_of)
        makes = [made[name(table)].sql for table in tables for name in names]
        try:
            for sql in (*makes, *searched.refill(tables)):
                self._connection.execute(sql)
        except sqlite3.Error as error:
            if code_of(error) in PASSING:
                raise write_failure(self._new, error) from error
            raise self._refusal(f"its texts cannot be indexed for searches: {error}") from error

    def _begin(self, statement: str) -> None:
        self._is_ours = self._is_ours or statement.startswith(dumps.FIRST)
        if statement.startswith(dumps.FIRST.replace("\n", "\r\n")):
            raise self._refusal(
                "its line ends were changed, also within texts: use the original file"
            )

    def _run(self, line: int, statement: str) -> None:
        bare = ledger.COMMENTS.sub("", statement, count=1)
        if bare in {"", ";"}:
            return
        line += statement.count("\n", 0, len(statement) - len(bare))
        words = WORDS.match(bare)
        first, second = (words[1].upper(), (words[2] or "")) if words else (bare[:1], "")
        match first, second.lower():
            case "BEGIN", _:
                self._in_transaction = True
            case "COMMIT" | "END", _:
                self._in_transaction = False
            case "ROLLBACK", _:
                raise self._refusal(
                    f"line {line}: it ends with ROLLBACK, because making it failed: make it again"
                )
            case _ if self._is_virtual(line, bare):
                pass
            case _ if first not in RUN | {"PRAGMA"}:
                shown = " ".join(bare[:40].split())
                raise self._refusal(f"line {line}: {shown!r} begins no statement of a dump")
            case _ if not sqlite3.complete_statement(bare):
                raise self._refusal(
                    f"line {line}: it ends within a statement, so it is incomplete: copy it again"
                )
            case "PRAGMA", name if name in IGNORED_PRAGMAS:
                pass
            case "PRAGMA", name:
                raise self._refusal(f"line {line}: dumps do not need PRAGMA {name}")
            case _:
                self._execute(line, bare)

    def _is_virtual(self, line: int, statement: str) -> bool:
        """Whether it is about an index of searches, which is made and filled at the end instead.

        Raises BootRefused if it is about a virtual table of others.
        """
        target = TARGET.match(statement)
        if target is not None and target[1].lower() in searched.ALL_TABLES:
            self._has_indexes = True
            return True
        if TRIGGER_OF_INDEX.match(statement):  # wrangler exports it without the index
            self._has_indexes = True
            return False
        if WRITES_SCHEMA.match(statement):  # as sqlite3 does before any virtual table
            self._unsafe_at = self._unsafe_at or line
            return True
        if VIRTUAL.match(statement):
            raise self._unsafe(line)
        return False

    def _execute(self, line: int, statement: str) -> None:
        try:
            self._connection.execute(statement)
        except sqlite3.Error as error:
            if code_of(error) in PASSING:
                raise write_failure(self._new, error) from error
            if code_of(error) == sqlite3.SQLITE_AUTH:
                raise self._refusal(f"line {line}: dumps do not need this statement") from error
            message = " ".join(str(error).split())  # may repeat the whole statement
            raise self._refusal(f"line {line}: {message[:MAX_ERROR_LENGTH]}") from error

    def _unsafe(self, line: int) -> BootRefused:
        return self._refusal(
            f"line {line}: it holds a virtual table, which a dump cannot carry safely:"
            " drop that in the database first, or restore a backup made of the file"
        )

    def _refusal(self, reason: str) -> BootRefused:
        return BootRefused(f"{self._dump} cannot be restored: {reason}; nothing was changed")


ALLOWED = {
    sqlite3.SQLITE_ANALYZE,
    sqlite3.SQLITE_CREATE_INDEX,
    sqlite3.SQLITE_CREATE_TABLE,
    sqlite3.SQLITE_CREATE_TRIGGER,
    sqlite3.SQLITE_CREATE_VIEW,
    sqlite3.SQLITE_INSERT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_REINDEX,
    sqlite3.SQLITE_SELECT,
}
ALLOWED_ON_SQLITE_TABLES = {sqlite3.SQLITE_DELETE, sqlite3.SQLITE_UPDATE}


def _authorize(
    action: int, first: str | None, second: str | None, _: str | None, __: str | None
) -> int:
    allowed = (
        action in ALLOWED
        # CREATE TABLE and setting the counters of AUTOINCREMENT change SQLite's own tables.
        or (action in ALLOWED_ON_SQLITE_TABLES and str(first).startswith("sqlite_"))
        or (action == sqlite3.SQLITE_FUNCTION and str(second).lower() != "load_extension")
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

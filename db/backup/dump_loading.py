"""Running a dump into a new database: the statements that dumps are made of, and no others."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from db.backup import dumps
from db.backup.backups import Advance, unwritten
from db.backup.dump_statements import LONGEST, split, text_of
from db.errors import BootRefused
from db.migrating import ledger
from db.sqlite.connection_thread import PASSING, code_of
from db.sqlite.long_statements import watched

RUN = {"CREATE", "INSERT", "REPLACE", "DELETE", "ANALYZE"}
# They say how a database is used, not what it holds.
PASSED_OVER = {
    "foreign_keys",
    "defer_foreign_keys",
    "encoding",
    "journal_mode",
    "synchronous",
    "user_version",
    "application_id",
}
LONGEST_SAID = 200
WORDS = re.compile(r"(\w+)(?:\s+(\w+))?")

SETTINGS = (
    "PRAGMA journal_mode = OFF",  # what fails is thrown away whole
    "PRAGMA synchronous = OFF",
    "PRAGMA ignore_check_constraints = ON",  # a value that breaks one was there before
    "PRAGMA trusted_schema = OFF",
)


def load(dump: Path, new: Path, advance: Advance) -> None:
    """Make the database of a dump in an empty file; `advance` is told how many bytes were read.

    Raises BootRefused for text that is no dump, ends early, or does what no dump needs to.
    """
    # Every statement is another one, so there is nothing to gain by keeping them prepared.
    with closing(sqlite3.connect(new, isolation_level=None, cached_statements=0)) as connection:
        for setting in SETTINGS:
            connection.execute(setting)
        connection.execute("BEGIN")
        connection.set_authorizer(_authorize)
        with watched(connection, lambda: advance(0)):
            _Loading(dump, new, connection).run(advance)
        connection.set_authorizer(None)
        try:
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise unwritten(new, error) from error


class _Loading:
    def __init__(self, dump: Path, new: Path, connection: sqlite3.Connection) -> None:
        self._dump = dump
        self._new = new
        self._connection = connection
        self._begun = False
        self._ours = False

    def run(self, advance: Advance) -> None:
        line, statement = 1, ""
        try:
            for line, statement in split(text_of(self._dump, advance)):
                if line == 1:
                    self._begin(statement)
                self._take(line, statement)
        except OverflowError as error:
            raise self._refused(
                f"{error}: no statement ends within {LONGEST // 2**20} MB, so it is no dump"
            ) from None
        if self._begun or (self._ours and not statement.endswith(dumps.LAST)):
            raise self._refused("it ends before its last statement: take a whole copy")

    def _begin(self, statement: str) -> None:
        self._ours = self._ours or statement.startswith(dumps.FIRST)
        if statement.startswith(dumps.FIRST.replace("\n", "\r\n")):
            raise self._refused(
                "its line ends were changed, and those within texts with them: take it as it was"
            )

    def _take(self, line: int, statement: str) -> None:
        bare = ledger.COMMENTS.sub("", statement, count=1)
        if bare in {"", ";"}:
            return
        line += statement.count("\n", 0, len(statement) - len(bare))
        words = WORDS.match(bare)
        first, second = (words[1].upper(), (words[2] or "")) if words else (bare[:1], "")
        match first, second.lower():
            case "BEGIN", _:
                self._begun = True
            case "COMMIT" | "END", _:
                self._begun = False
            case "ROLLBACK", _:
                raise self._refused(f"line {line}: it says itself that it failed: make it again")
            case ("PRAGMA", "writable_schema") | ("CREATE", "virtual"):
                raise self._refused(
                    f"line {line}: it holds a virtual table, which a dump cannot carry safely:"
                    " drop that in the database first, or restore a backup made of the file"
                )
            case _ if first not in RUN | {"PRAGMA"}:
                shown = " ".join(bare[:40].split())
                raise self._refused(f"line {line}: {shown!r} begins nothing that dumps hold")
            case _ if not sqlite3.complete_statement(bare):
                raise self._refused(
                    f"line {line}: it ends within a statement, as half a copy does: take a whole one"
                )
            case "PRAGMA", name if name in PASSED_OVER:
                pass
            case "PRAGMA", name:
                raise self._refused(f"line {line}: PRAGMA {name} is none that dumps need")
            case _:
                self._execute(line, bare)

    def _execute(self, line: int, statement: str) -> None:
        try:
            self._connection.execute(statement)
        except sqlite3.Error as error:
            if code_of(error) in PASSING:
                raise unwritten(self._new, error) from error
            if code_of(error) == sqlite3.SQLITE_AUTH:
                raise self._refused(f"line {line}: it does what no dump needs to") from error
            said = " ".join(str(error).split())  # it may repeat all of the statement
            raise self._refused(f"line {line}: {said[:LONGEST_SAID]}") from error

    def _refused(self, why: str) -> BootRefused:
        return BootRefused(f"{self._dump} cannot be restored: {why}; nothing was changed")


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
OF_SQLITE_ONLY = {sqlite3.SQLITE_DELETE, sqlite3.SQLITE_UPDATE}


def _authorize(
    action: int, first: str | None, second: str | None, _: str | None, __: str | None
) -> int:
    allowed = (
        action in ALLOWED
        # Making a table changes SQLite's own, and so does setting the counters of AUTOINCREMENT.
        or (action in OF_SQLITE_ONLY and str(first).startswith("sqlite_"))
        or (action == sqlite3.SQLITE_FUNCTION and str(second).lower() != "load_extension")
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

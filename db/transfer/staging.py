"""A private database on disk for the rows to import, removed when it is closed.

It bounds the memory of an import, and lets SQL check the rows against each other and the attached `registry`.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from db import patience, temporary_folders
from db.errors import Unavailable
from db.program import Value, Values
from db.sqlite import file_checks
from db.transfer.layout import TRANSFERS, Transfer

CHUNK = 1000

CREATE = """
    CREATE TABLE staged_{type} (
        line INTEGER PRIMARY KEY, columns_given INTEGER NOT NULL, state TEXT, {columns}
    )
"""
CREATE_REJECTS = "CREATE TABLE rejects (line INTEGER NOT NULL, reason TEXT NOT NULL)"
CREATE_INDEX = "CREATE INDEX {name} ON staged_{type} ({columns})"
# The ids of rejected rows: rows that refer to them are not rejected for that.
CREATE_REJECTED_IDS = "CREATE TABLE rejected_ids (id PRIMARY KEY) WITHOUT ROWID"


class Staging:
    """Rows and rejects; `columns_given` has a bit for each column that the row has in the file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._unwritten: dict[str, list[Values]] = {transfer.type: [] for transfer in TRANSFERS}
        self._reasons: list[tuple[int, str]] = []
        self._bits: dict[tuple[str, frozenset[str]], int] = {}

    def add(self, transfer: Transfer, line: int, values: Values, given: frozenset[str]) -> None:
        """Add a row, its values in declared order; `given` names the columns that it has in the file."""
        bits = self._bits.get((transfer.type, given))
        if bits is None:
            names = enumerate(transfer.table.columns)
            bits = sum(1 << place for place, name in names if name in given)
            self._bits[transfer.type, given] = bits
        self._unwritten[transfer.type].append((line, bits, *values))
        if len(self._unwritten[transfer.type]) >= CHUNK:
            self._flush(transfer)

    def reject(self, line: int, reasons: Iterable[str], ids: Iterable[Value] = ()) -> None:
        """Add the reasons why a line cannot be imported, and the ids that its row would have."""
        self._reasons += [(line, reason) for reason in reasons]
        self.connection.executemany(ADD_REJECTED_ID, [(each,) for each in ids])
        if len(self._reasons) >= CHUNK:
            self._flush_reasons()

    def finish(self) -> None:
        """Write everything that is left, and create the indexes that the checks use."""
        for transfer in TRANSFERS:
            self._flush(transfer)
        self._flush_reasons()
        self._index()
        self.connection.execute("COMMIT")

    def _flush(self, transfer: Transfer) -> None:
        marks = ", ".join("?" * (len(transfer.table.columns) + 2))
        names = ", ".join(("line", "columns_given", *transfer.table.columns))
        self.connection.executemany(
            ADD.format(type=transfer.type, names=names, marks=marks), self._unwritten[transfer.type]
        )
        self._unwritten[transfer.type].clear()

    def _flush_reasons(self) -> None:
        self.connection.executemany(ADD_REJECT, self._reasons)
        self._reasons.clear()

    def _index(self) -> None:
        for transfer in TRANSFERS:
            groups = [transfer.key, *(each.of for each in transfer.unique)]
            for number, columns in enumerate(groups):
                listed = ", ".join(columns).replace("{row}.", "")
                name = f"{transfer.type}_{number}"
                self.connection.execute(
                    CREATE_INDEX.format(name=name, type=transfer.type, columns=listed)
                )

    def rejected_lines(self) -> int:
        return int(self.connection.execute(REJECTED_LINES).fetchone()[0])

    def rejects(self) -> Iterator[tuple[int, str]]:
        """The rejected lines with their reasons, in order; a line appears once for each reason."""
        yield from self.connection.execute(REJECTS)


ADD = "INSERT INTO staged_{type} ({names}) VALUES ({marks})"
ADD_REJECT = "INSERT INTO rejects (line, reason) VALUES (?, ?)"
ADD_REJECTED_ID = "INSERT OR IGNORE INTO rejected_ids (id) VALUES (?)"
REJECTED_LINES = "SELECT count(DISTINCT line) FROM rejects"
REJECTS = "SELECT line, reason FROM rejects ORDER BY line, rowid"


@contextmanager
def create() -> Iterator[Staging]:
    """An empty staging database; raises Unavailable if the disk has no room for its rows."""
    # A named file: SQLite may be built to keep unnamed ones in memory.
    with temporary_folders.create() as folder:
        try:
            with closing(_connect(folder / "staging.db")) as connection:
                _create_tables(connection)
                yield Staging(connection)
        except sqlite3.Error as error:
            raise Unavailable(
                f"the rows could not be written to the temporary folder {folder}: {error};"
                " make room there, or set TMPDIR to another folder"
            ) from error


def _create_tables(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -32000")
    for transfer in TRANSFERS:
        columns = ", ".join(transfer.table.columns)
        connection.execute(CREATE.format(type=transfer.type, columns=columns))
    connection.execute(CREATE_REJECTS)
    connection.execute(CREATE_REJECTED_IDS)
    connection.execute("BEGIN")


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        path.as_uri(), uri=True, timeout=patience.BUSY_SECONDS, isolation_level=None
    )


@contextmanager
def attached(staging: Staging, path: Path) -> Iterator[None]:
    file_checks.require_writable_folder(path.resolve())
    connection = staging.connection
    connection.execute("ATTACH :file AS registry", {"file": f"{path.resolve().as_uri()}?mode=rw"})
    try:
        connection.execute("PRAGMA registry.synchronous = FULL")
        connection.execute("PRAGMA registry.cache_size = -64000")
        connection.execute("PRAGMA foreign_keys = ON")
        yield
    finally:
        connection.execute("DETACH registry")

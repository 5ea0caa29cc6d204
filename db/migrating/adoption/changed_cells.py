"""Records every cell that repairs and migrations change, with the value before and after.

Temporary triggers write the changes into a scratch file: nothing that changes a row can forget to tell it,
and memory does not grow with their number.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from db import temporary_folders
from db.model.tables import TABLES
from db.program import Value

LONGEST_SHOWN = 100  # characters of a value in a message
MOST_LISTED = 20  # cells of one column in a list for people
FOLLOWS = "updated_at"  # changes with each other cell of a row, which tells enough

# Without a journal and `synchronous`, the transaction of the database itself needs no file beside it.
SCRATCH = (
    "PRAGMA scratch.journal_mode = OFF",
    "PRAGMA scratch.synchronous = OFF",
    "PRAGMA scratch.cache_size = -8000",
    """
    CREATE TABLE scratch.changed_cells_here (
        table_name, row_key, column_name, value_before, value_after, is_kept,
        PRIMARY KEY (table_name, column_name, row_key)
    ) WITHOUT ROWID
    """,
    "CREATE TABLE scratch.keeping_here (keeps)",
    "INSERT INTO scratch.keeping_here VALUES (TRUE)",
)
FILE = "SELECT file FROM pragma_database_list WHERE name = 'main'"
COLUMNS = "SELECT lower(name) FROM pragma_table_info(:table)"
# One for each column, so that it runs only for statements that set it.
ON_UPDATE = """
    CREATE TEMP TRIGGER IF NOT EXISTS {table}_{column}_changed_here AFTER UPDATE OF {column} ON main.{table}
    WHEN old.{column} IS NOT new.{column}
    BEGIN
        INSERT INTO changed_cells_here
        SELECT '{table}', coalesce(new.{key}, ''), '{column}', old.{column}, new.{column}, {keeps}
        FROM keeping_here WHERE TRUE
        ON CONFLICT DO UPDATE SET value_after = excluded.value_after, is_kept = is_kept OR excluded.is_kept;
    END
"""
ON_INSERT = """
    CREATE TEMP TRIGGER IF NOT EXISTS {table}_added_here AFTER INSERT ON main.{table}
    BEGIN
        INSERT INTO changed_cells_here VALUES ('{table}', new.{key}, '{key}', NULL, new.{key}, TRUE);
    END
"""
TRIGGERS = (
    "SELECT name FROM sqlite_temp_master WHERE type = 'trigger' AND name LIKE '%!_here' ESCAPE '!'"
)


@dataclass(frozen=True, slots=True)
class Change:
    """A changed cell; of a row that was added, its key, before which there was NULL."""

    table: str
    key: Value
    column: str
    before: Value
    after: Value

    def __str__(self) -> str:
        return f"{self.table} {named(self.key)}: {self.column} {shown(self.before)} -> {shown(self.after)}"


Tell: TypeAlias = Callable[[Change], None]
"""Called with every changed cell."""


def ignore(_: Change) -> None:
    """For whoever does not want to be told."""


def shown(value: Value) -> str:
    """A value on one line, shortened."""
    if value is None:
        return "NULL"
    text = f"x'{value.hex()}'" if isinstance(value, bytes) else repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def named(key: Value) -> str:
    """A row's key, for messages."""
    return key if isinstance(key, str) else shown(key)


def text_or_bytes(stored: bytes) -> Any:
    """A stored text, as bytes if it is not UTF-8, which would otherwise raise."""
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored


@contextmanager
def recorded(connection: sqlite3.Connection) -> Iterator["ChangedCells"]:
    """What is changed within, on a connection without a transaction yet."""
    # Beside the database, where there is room and the right to write.
    (database,) = connection.execute(FILE).fetchone()
    with temporary_folders.create(Path(database).parent) as folder:
        file = folder / "changes.db"
        file.touch(mode=0o600)
        connection.execute("ATTACH :file AS scratch", {"file": str(file)})
        try:
            for statement in SCRATCH:
                connection.execute(statement)
            yield ChangedCells(connection)
        finally:
            # After an error the connection is closed, which forgets both.
            with suppress(sqlite3.Error):
                for (name,) in connection.execute(TRIGGERS).fetchall():
                    connection.execute(f"DROP TRIGGER temp.{name}")
                connection.execute("DETACH scratch")


ADD = """
    INSERT INTO changed_cells_here
    VALUES (:table, coalesce(:key, ''), :column, :before, :after, TRUE)
    ON CONFLICT DO UPDATE SET value_after = excluded.value_after, is_kept = TRUE
"""
MARK = """
    UPDATE changed_cells_here SET is_kept = TRUE
    WHERE table_name = ? AND column_name = ? AND row_key = ?
"""
ALL = """
    SELECT table_name, row_key, column_name, value_before, value_after FROM changed_cells_here
    WHERE value_before IS NOT value_after
"""
KEPT = f"{ALL} AND is_kept"
LISTED = f"{KEPT} AND table_name = :table AND column_name = :column LIMIT {MOST_LISTED}"
COUNTED = """
    SELECT table_name, column_name, count(*) FROM changed_cells_here
    WHERE value_before IS NOT value_after AND is_kept
    GROUP BY table_name, column_name
"""


class ChangedCells:
    """Those that are kept have an original that their new value does not tell."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def watch(self) -> None:
        """Record changes of the tables that there are from now on, in the open transaction."""
        for table in TABLES:
            stored = [name for (name,) in self._connection.execute(COLUMNS, {"table": table.name})]
            if table.key not in stored:
                continue
            names = {"table": table.name, "key": table.key}
            self._connection.execute(ON_INSERT.format(**names))
            for column in table.columns:
                if column in stored:
                    keeps = "FALSE" if column == FOLLOWS else "keeps"
                    sql = ON_UPDATE.format(column=column, keeps=keeps, **names)
                    self._connection.execute(sql)

    @contextmanager
    def keeping_only_lost(self) -> Iterator[None]:
        """Keep only the cells within that `mark` names."""
        self._connection.execute("UPDATE keeping_here SET keeps = FALSE")
        yield
        self._connection.execute("UPDATE keeping_here SET keeps = TRUE")

    def mark(self, table: str, cells: Iterable[tuple[str, Value]]) -> None:
        """Keep these: by column, and key of their row."""
        self._connection.executemany(MARK, ((table, column, key) for column, key in cells))

    def add(self, table: str, key: Value, column: str, before: Value, after: Value) -> None:
        """Keep one of a row that is copied from elsewhere, which no trigger tells."""
        bind = {"table": table, "key": key, "column": column, "before": before, "after": after}
        self._connection.execute(ADD, bind)

    def tell(self, tell: Tell) -> None:
        if tell is not ignore:
            for change in self._read(ALL):
                tell(change)

    def kept(self) -> Iterator[Change]:
        yield from self._read(KEPT)

    def listed(self) -> tuple[list[Change], int]:
        """Some of the kept ones of each column, and how many there are."""
        counted = self._connection.execute(COUNTED).fetchall()
        found = [
            change
            for table, column, _ in counted
            for change in self._read(LISTED, {"table": table, "column": column})
        ]
        return found, sum(count for *_, count in counted)

    def _read(self, sql: str, bind: dict[str, str] | None = None) -> Iterator[Change]:
        usual, self._connection.text_factory = self._connection.text_factory, text_or_bytes
        try:
            for row in self._connection.execute(sql, bind or {}):
                yield Change(*row)
        finally:
            self._connection.text_factory = usual

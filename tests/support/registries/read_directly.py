"""A registry in a file whose Programs run on a plain connection, as some viewer: thousands are quick."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from db.commands import bulk
from db.program import Program, Statement, run
from db.security.row_security import UNRESTRICTED, RowSecurity
from tests.support.registries.databases import new_registry
from tests.support.registries.random_registries import ORDER, Registry

TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
EACH = 100  # instructions that are counted together


class Registered:
    """A registry in a file, and what a viewer finds in it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.statements = self.steps = 0
        """How many statements the last Program had, and about how many instructions SQLite took for them."""

    def store(self, registry: Registry) -> None:
        """Write every row, past every rule."""
        for table in ORDER:
            statement = bulk.insert_rows(table, registry.of(table))
            self.connection.execute(statement.sql, statement.bind)

    def each_from_empty(self, seeds: Iterable[int]) -> Iterator[int]:
        """The seeds one after the other; what was stored for one is gone before the next."""
        for seed in seeds:
            self.connection.execute("SAVEPOINT empty")
            yield seed
            self.connection.execute("ROLLBACK TO empty")

    def drop_triggers(self) -> None:
        """Keep neither history nor words of what is stored from now on, which takes most of the time."""
        for (name,) in self.connection.execute(TRIGGERS).fetchall():
            self.connection.execute(f"DROP TRIGGER {name}")

    def find(self, program: Program[Any], security: RowSecurity = UNRESTRICTED) -> Any:
        """What a Program returns to this viewer."""
        self.statements = self.steps = 0

        def rows(statement: Statement) -> Any:
            self.statements += 1
            return self.connection.execute(*security.of(statement)).fetchall()

        self.connection.set_progress_handler(self._count, EACH)
        try:
            return run(program, rows)
        finally:
            self.connection.set_progress_handler(None, EACH)

    def _count(self) -> None:
        self.steps += EACH


@contextmanager
def registered(path: Path) -> Iterator[Registered]:
    """An empty registry at this path."""
    new_registry(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        yield Registered(connection)
        connection.execute("ROLLBACK")

"""How much there is: the number of rows in each table."""

from pathlib import Path

from db import program
from db.model.tables import TABLES
from db.program import Program, Rows, Statement
from db.sqlite import file_checks

COUNT = "SELECT count(*) FROM {table}"
COUNTED = (*(table.name for table in TABLES), "webhook_deliveries")


def rows() -> Program[dict[str, int]]:
    """The number of stored rows by table, soft-deleted ones and webhook deliveries included."""
    found = yield [Statement(COUNT.format(table=name)) for name in COUNTED]
    return {name: int(values[0][0] or 0) for name, values in zip(COUNTED, found, strict=True)}


def rows_of_file(path: Path) -> dict[str, int]:
    """The same for a migrated file that nobody has opened; it is only read.

    Raises BootRefused and sqlite3.Error where it cannot be.
    """
    with file_checks.reading(path.resolve()) as connection:

        def execute(statement: Statement) -> Rows:
            return connection.execute(statement.sql).fetchall()

        return program.run(rows(), execute)

"""What `chittygraph doctor` asks about the migrations of a database, on a connection that changes nothing."""

import sqlite3
from pathlib import Path

from db.migrating import ledger, schema_comparison
from db.migrating.adoption import adoption
from db.migrating.schema_comparison import Comparison
from db.model.tables import TABLES
from db.sqlite import catalog


def compare(connection: sqlite3.Connection, file: Path) -> Comparison | None:
    """How it differs from what its migrations made; None if it is to be adopted. Raises BootRefused."""
    if adoption.is_due(connection):
        return None
    migrations = ledger.load(ledger.MIGRATIONS)
    return schema_comparison.compare(connection, migrations, ledger.applied(connection, file))


def pending(connection: sqlite3.Connection, file: Path) -> list[str] | None:
    """The migrations that it lacks; None if it is to be adopted. Raises BootRefused like `migrate`."""
    migrations = ledger.load(ledger.MIGRATIONS)
    if adoption.is_due(connection):
        adoption.require_adoptable(connection, file, migrations)
        return None
    left = ledger.pending(migrations, ledger.applied(connection, file), file)
    return [migration.name for migration in left]


def has_rows(connection: sqlite3.Connection) -> bool:
    """Whether all tables are there with our columns, so that their rows can be read."""
    stored = catalog.read(connection)
    return all(
        table.name in stored and {table.key, table.newest} <= stored[table.name].columns.keys()
        for table in TABLES
    )

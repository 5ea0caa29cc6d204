"""Finds tables that are gone although our ledger does not say that they were ever there.

A pending migration may have run by wrangler, or before the ledger itself was lost. To run it again would make
an empty table, which would pass for the registry.
"""

import re
import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path

from db.errors import BootRefused
from db.migrating import schema_comparison, wrangler
from db.migrating.ledger import Migration
from db.model.tables import TABLES

_MADE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.IGNORECASE)


def find(
    connection: sqlite3.Connection, migrations: Sequence[Migration], done: Collection[str]
) -> dict[str, str]:
    """The tables, and how it is known that each was there."""
    left = [migration for migration in migrations if migration.name not in done]
    if not left:
        return {}
    stored = {name.lower() for (name,) in connection.execute(NAMES)}
    by_wrangler = set(wrangler.names(connection))
    if not by_wrangler and stored.isdisjoint(table.name for table in TABLES):
        return {}  # as of a new database
    lasting = schema_comparison.table_names(migrations)
    makers = {
        table: migration.name
        for migration in reversed(left)
        for table in _MADE.findall(migration.sql)
        if table in lasting
    }
    later = sorted((table for table in _ours(makers) if table in stored), key=makers.__getitem__)
    lost = {}
    for table, maker in sorted(makers.items()):
        if table in stored:
            continue
        after = [each for each in later if makers[each] > maker]
        # Where our ledger goes on from, what it lacks may only be listed, and is run.
        if maker in by_wrangler and (not done or table in _ours(makers)):
            lost[table] = f"table {table} is missing, although wrangler has run {maker}"
        elif table in _ours(makers) and after:
            lost[table] = (
                f"table {table} is missing, while {after[0]} is there, which is made later"
            )
    return lost


# A view or an index of that name is a difference of its own.
NAMES = "SELECT name FROM sqlite_master"


def _ours(makers: Collection[str]) -> list[str]:
    return [table.name for table in TABLES if table.name in makers]


def require_none(
    connection: sqlite3.Connection,
    file: Path,
    migrations: Sequence[Migration],
    done: Collection[str],
    to_make: Collection[str] = (),
) -> None:
    """Raise BootRefused, with every table that is lost and is not one `to_make`."""
    lost = find(connection, migrations, done)
    left = {table: why for table, why in lost.items() if table not in to_make}
    if left:
        raise BootRefused(
            f"{file} has lost tables: {'; '.join(left.values())}: restore a backup with"
            f" `chittygraph restore FILE`{schema_comparison.or_recreate(left)}"
        )

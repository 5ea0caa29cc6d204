"""wrangler's ledger of migrations, which knows them by file name; other programs' names in it are ignored."""

import sqlite3

# Exactly as wrangler writes it, which relies on the defaults when it inserts a row.
CREATE = """
    CREATE TABLE IF NOT EXISTS d1_migrations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT UNIQUE,
        applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
    )
"""
HAS_LEDGER = """
    SELECT count(*) = 2
    FROM sqlite_master AS made, pragma_table_info(made.name) AS has
    WHERE made.type = 'table' AND made.name = 'd1_migrations' AND has.name IN ('name', 'applied_at')
"""
ADD_MISSING = """
    INSERT INTO d1_migrations (name, applied_at)
    SELECT ours.name || '.sql', datetime(ours.applied_at)
    FROM chittygraph_migrations AS ours
    WHERE NOT EXISTS (SELECT 1 FROM d1_migrations WHERE name = ours.name || '.sql')
    ORDER BY ours.name
"""


def add_missing(connection: sqlite3.Connection) -> None:
    """Add to wrangler's ledger, in the open transaction, the migrations that only ours has."""
    # A table of that name that is not wrangler's stays unchanged.
    connection.execute(CREATE)
    if has_ledger(connection):
        connection.execute(ADD_MISSING)


NAMES = "SELECT name FROM d1_migrations WHERE name LIKE '%.sql' ORDER BY name"


def names(connection: sqlite3.Connection) -> list[str]:
    """The migrations in wrangler's ledger, ours or not, without `.sql`; none if there is no ledger."""
    if not has_ledger(connection):
        return []
    return [str(name).removesuffix(".sql") for (name,) in connection.execute(NAMES)]


def has_ledger(connection: sqlite3.Connection) -> bool:
    (has_ledger,) = connection.execute(HAS_LEDGER).fetchone()
    return bool(has_ledger)


EXISTS = "SELECT 1 FROM sqlite_master WHERE name = 'd1_migrations'"


def is_of_others(connection: sqlite3.Connection) -> bool:
    """Whether there is something of the ledger's name that is not wrangler's."""
    return connection.execute(EXISTS).fetchone() is not None and not has_ledger(connection)

"""wrangler's ledger of what ran, which is kept beside ours so that both tools say the same.

wrangler knows a migration by the name of its file. Names that are not ours stay and mean nothing
here: the database may have another program's migrations too.
"""

import sqlite3

# Spelled as wrangler spells it: it counts on the defaults when it writes a row of its own.
CREATE = """
    CREATE TABLE IF NOT EXISTS d1_migrations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT UNIQUE,
        applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
    )
"""
IS_THEIRS = """
    SELECT count(*) = 2
    FROM sqlite_master AS made, pragma_table_info(made.name) AS has
    WHERE made.type = 'table' AND made.name = 'd1_migrations' AND has.name IN ('name', 'applied_at')
"""
AGREE = """
    INSERT INTO d1_migrations (name, applied_at)
    SELECT ours.name || '.sql', datetime(ours.applied_at)
    FROM chittygraph_migrations AS ours
    WHERE NOT EXISTS (SELECT 1 FROM d1_migrations WHERE name = ours.name || '.sql')
    ORDER BY ours.name
"""


def agree(connection: sqlite3.Connection) -> None:
    """Give wrangler's ledger, in the open transaction, the rows that only ours has.

    A table of that name which is not wrangler's is left alone.
    """
    connection.execute(CREATE)
    if _is_theirs(connection):
        connection.execute(AGREE)


NAMES = "SELECT name FROM d1_migrations WHERE name LIKE '%.sql' ORDER BY name"


def names(connection: sqlite3.Connection) -> list[str]:
    """What ran by wrangler's word, ours or not, without `.sql`; none where it keeps no ledger."""
    if not _is_theirs(connection):
        return []
    return [str(name).removesuffix(".sql") for (name,) in connection.execute(NAMES)]


def _is_theirs(connection: sqlite3.Connection) -> bool:
    (theirs,) = connection.execute(IS_THEIRS).fetchone()
    return bool(theirs)

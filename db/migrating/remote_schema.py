"""What an engine over HTTP has stored of its schema and ledgers, as a database in memory.

So all that compares a file's schema with its migrations does so for an engine, too.
"""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass

from db.consistency import At, Level
from db.errors import Unavailable
from db.migrating import ledger, wrangler
from db.program import Rows, Statement
from db.remote.transport import Bound, Transport

TRIES = 5
READ_SECONDS = 5.0
NEWEST = At(Level.STRONG)

# What D1 makes for itself is none of ours. A table comes before what is made for it, and a virtual table
# before those that it consists of: it makes them itself, but VACUUM stores them first.
DEFINITIONS = """
    SELECT name, sql FROM sqlite_master
    WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
        AND name NOT LIKE '!_cf!_%' ESCAPE '!'
    ORDER BY type <> 'table', sql NOT LIKE 'CREATE VIRTUAL %', rowid
"""
# Differs, nearly always, once any definition or either ledger does, and is read in no time.
FINGERPRINT = """
    SELECT count(*) AS objects, total(length(sql)) AS characters, max(rowid) AS newest
    FROM sqlite_master
"""


@dataclass(frozen=True, slots=True)
class Ledger:
    """A table that records migrations, and what copies its rows."""

    table: str
    is_there: str
    rows: str
    insert: str


OURS = Ledger(
    "chittygraph_migrations",
    ledger.IS_THERE,
    ledger.APPLIED,
    "INSERT INTO chittygraph_migrations VALUES (?, ?, '')",
)
WRANGLERS = Ledger(
    "d1_migrations",
    wrangler.HAS_LEDGER,
    wrangler.NAMES,
    "INSERT INTO d1_migrations (name) VALUES (?)",
)
LEDGERS = (OURS, WRANGLERS)


@asynccontextmanager
async def copied(transport: Transport, at: At = NEWEST) -> AsyncIterator[sqlite3.Connection]:
    """The definitions and the rows of both ledgers, of one state; raises like Transport.send."""
    ledgers, found = await _stored(transport, at)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        for _, sql in found[0]:
            # What this SQLite cannot make is missing from the copy, and found by whoever needs it.
            with suppress(sqlite3.Error):
                copy.execute(str(sql))
        for each, rows in zip(ledgers, found[1:], strict=True):
            copy.executemany(each.insert, rows)
        yield copy


async def _stored(transport: Transport, at: At) -> tuple[list[Ledger], list[Rows]]:
    for _ in range(TRIES):
        has_rows = await read(transport, [Statement(each.is_there) for each in LEDGERS], at)
        ledgers = [each for each, rows in zip(LEDGERS, has_rows, strict=True) if rows[0][0]]
        wanted = [Statement(DEFINITIONS), *(Statement(each.rows) for each in ledgers)]
        found = await read(transport, wanted, at)
        names = {str(name) for name, _ in found[0]}
        # Else another has made the ledger between the two.
        if OURS in ledgers or OURS.table not in names:
            return ledgers, found
    raise Unavailable("the database changes each time that it is looked at: try again")


async def read(
    transport: Transport,
    statements: Sequence[Statement],
    at: At = NEWEST,
    *,
    seconds: float = READ_SECONDS,
) -> list[Rows]:
    batch = [Bound(each.sql, each.bind) for each in statements]
    return await transport.send(batch, write=False, at=at, seconds=seconds)


async def write(
    transport: Transport, statements: Sequence[Statement], *, seconds: float = READ_SECONDS
) -> None:
    batch = [Bound(each.sql, each.bind) for each in statements]
    await transport.send(batch, write=True, at=NEWEST, seconds=seconds)

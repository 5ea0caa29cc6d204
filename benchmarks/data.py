"""Builds the benchmark's database, once per scale, through the migrations that the server runs."""

import hashlib
import inspect
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks import progress, rows
from benchmarks.rows import Size
from db.migrating import history_triggers, migrator
from db.migrating.history_triggers import HISTORIED
from db.migrating.ledger import MIGRATIONS, Migration
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, Table

# Beside the code and not in a temporary folder, which may lie in memory: writes must reach a disk.
FOLDER = Path(__file__).parent / ".data"

OF_TYPE = "SELECT type, name, sql FROM sqlite_master WHERE type = ? AND sql IS NOT NULL"
SETTINGS = """
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -256000;
"""


def database(scale: float) -> Path:
    """The database at this scale, built if there is none for the present code."""
    FOLDER.mkdir(exist_ok=True)
    size = Size.at(scale)
    path = FOLDER / f"scale-{scale:g}-{_fingerprint()}.db"
    if path.exists():
        return path
    for stale in (*FOLDER.glob(f"scale-{scale:g}-*"), *FOLDER.glob("building.db*")):
        stale.unlink()
    building = FOLDER / "building.db"
    progress.say(f"building {size.connections:,} connections and what they belong to, once")
    migrator.migrate(building)
    with closing(sqlite3.connect(building, isolation_level=None)) as connection:
        connection.executescript(SETTINGS)
        connection.execute("BEGIN")
        _fill(connection, size)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    building.rename(path)
    return path


def _fill(connection: sqlite3.Connection, size: Size) -> None:
    # Indexes are made afterwards from sorted rows: several times faster than growing them. Triggers look for
    # rows by those indexes, so they are made last, and the history begins as that of an older registry does.
    indexes, triggers = (
        connection.execute(OF_TYPE, [each]).fetchall() for each in ("index", "trigger")
    )
    for kind, name, _ in (*indexes, *triggers):
        connection.execute(f"DROP {kind} {name}")
    for table, made in _tables(size):
        columns = ", ".join(table.columns)
        values = ", ".join(f":{name}" for name in table.columns)
        insert = f"INSERT INTO {table.name} ({columns}) VALUES ({values})"
        connection.executemany(insert, (vars(row) for row in made))
    for _, _, sql in indexes:
        connection.execute(sql)
    for table in HISTORIED:
        for statement in Migration("begin", history_triggers.begin(table)).statements():
            connection.execute(statement)
    for _, _, sql in triggers:
        connection.execute(sql)


def _tables(size: Size) -> Iterator[tuple[Table[Any], Iterable[Any]]]:
    yield ACTORS, rows.actors(size)
    yield INSTALLATIONS, rows.installations(size)
    yield CONTEXTS, rows.contexts(size)
    yield CONNECTIONS, rows.connections(size)


def _fingerprint() -> str:
    sources = [
        inspect.getsource(rows),
        *(each.read_text() for each in sorted(MIGRATIONS.glob("*.sql"))),
    ]
    return hashlib.sha256("".join(sources).encode()).hexdigest()[:12]

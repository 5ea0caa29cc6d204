"""Builds the benchmark's database, once per scale, through the migrations that the server runs."""

import hashlib
import inspect
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks import progress, rows
from benchmarks.rows import Size
from db.migrating import history_triggers, migrator
from db.migrating.history_triggers import HISTORIED
from db.migrating.ledger import MIGRATIONS, Migration
from db.model import searched
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, Table

# Beside the code and not in a temporary folder, which may lie in memory: writes must reach a disk.
FOLDER = Path(__file__).parent / ".data"

OF_TYPE = "SELECT type, name, sql FROM sqlite_master WHERE type = ? AND sql IS NOT NULL"
# Each connection is used so often: with its rows, a registry at scale 1 has 1,065,000 changes.
USES = 4
WRITING = """
    INSERT OR REPLACE INTO writing (place, actor, cause, request_id, at)
    VALUES (1, ?, 'recordConnectionUse', ?, ?)
"""
USE = (
    "UPDATE connections SET request_count = request_count + 1, last_used_at = :at, updated_at = :at"
)
SETTINGS = """
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -256000;
"""


def database(scale: float) -> Path:
    """The database at this scale, built if there is none for the present code."""
    size = Size.at(scale)

    def build(building: Path) -> None:
        progress.say(f"building {size.connections:,} connections and what they belong to, once")
        migrator.migrate(building)
        _write(building, lambda connection: _fill(connection, size))

    return _built(f"scale-{scale:g}", build)


def changed(scale: float) -> Path:
    """The same database after each connection was used several times, which is in its history."""

    def build(building: Path) -> None:
        shutil.copyfile(database(scale), building)
        progress.say(f"recording {USES} uses of each connection, once")
        _write(building, _use)

    return _built(f"changed-{scale:g}", build)


def _built(name: str, build: Callable[[Path], None]) -> Path:
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}-{_fingerprint()}.db"
    if path.exists():
        return path
    for stale in (*FOLDER.glob(f"{name}-*"), *FOLDER.glob(f"building-{name}.db*")):
        stale.unlink()
    building = FOLDER / f"building-{name}.db"
    build(building)
    building.rename(path)
    return path


def _write(database: Path, write: Callable[[sqlite3.Connection], None]) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.executescript(SETTINGS)
        connection.execute("BEGIN")
        write(connection)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _use(connection: sqlite3.Connection) -> None:
    for number in range(USES):
        at = rows.instant(20_000_000 + number)
        connection.execute(WRITING, [rows.actor_id(number), f"use-{number}", at])
        connection.execute(USE, {"at": at})
    connection.execute("DELETE FROM writing")


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
    for statement in searched.refill():
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

"""What the tests of the database share: a migrated file, and Programs that fill it and look at it."""

import functools
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from db.database import Database, Session
from db.migrating import migrator
from db.open_database import open_database
from db.program import Program, Statement
from db.sqlite.database import SQLiteDatabase
from server.cli import demo
from tests.support.engines.engine import present

P = ParamSpec("P")
MOST_KEPT = 8  # files of each kind, which have a megabyte at most
# Tests that are not about time have a lot of it: a machine may be busy with others.
UNHURRIED: dict[str, Any] = {"read_seconds": 60.0, "wait_seconds": 60.0}
NOW = "2026-01-01T00:00:00.000Z"
ADD = f"""
    INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)
    VALUES (:name, 'human', '{NOW}', '{NOW}')
"""
NAMES = "SELECT chitty_id FROM actors ORDER BY chitty_id"


def made_once(make: Callable[Concatenate[Path, P], object]) -> Callable[Concatenate[Path, P], Path]:
    """Make a registry with the same arguments only once, and copy its file from then on."""

    def contents(_: int, *args: P.args, **options: P.kwargs) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "registry.db")
            make(path, *args, **options)
            assert list(Path(folder).iterdir()) == [path], "all of it is in the one file"
            return path.read_bytes()

    kept: Callable[..., bytes] = functools.lru_cache(MOST_KEPT)(contents)

    @functools.wraps(make)
    def copy(path: Path, /, *args: P.args, **options: P.kwargs) -> Path:
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(kept(present().largest_integer, *args, **options))
        return path

    return copy


@made_once
def new_registry(path: Path) -> None:
    """Make an empty registry of the newest version."""
    migrator.migrate(path)


@made_once
def demo_registry(path: Path) -> None:
    """Make a registry with the sample data, as `chittygraph demo` does."""
    assert demo.fill(new_registry(path)) is not None


def registry_at(path: Path) -> None:
    """Make an empty registry unless there is a database (or no folder for one)."""
    if not present().holds(path) and path.parent.is_dir():
        new_registry(path)


@asynccontextmanager
async def opened(path: Path, **options: Any) -> AsyncIterator[Any]:
    """The database of this path on the present engine, made where there is none, and closed afterwards."""
    registry_at(path)
    url = present().url(path)
    given = UNHURRIED | options
    if url == str(path):
        db: Database = await SQLiteDatabase.open(path, **given)
    else:
        db = await open_database(url, migrate=False, **given)
    try:
        yield db
    finally:
        await db.close()


@asynccontextmanager
async def snapshot(db: Database) -> AsyncIterator[Session]:
    """A borrowed snapshot, given back on leaving."""
    session = await db.borrow()
    try:
        yield session
    finally:
        db.give_back(session)


def adding(*names: str) -> Program[None]:
    """Add actors of these names, all of them or none."""
    yield [Statement(ADD, {"name": name}) for name in names]


def names() -> Program[list[str]]:
    """The names of all actors."""
    (found,) = yield [Statement(NAMES)]
    return [str(name) for (name,) in found]


def counting(steps: int) -> Program[int]:
    """Keep a statement busy for this many steps; -1 never ends."""
    sql = """
        WITH RECURSIVE steps (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM steps LIMIT :steps)
        SELECT count(*) FROM steps
    """
    ([(counted,)],) = yield [Statement(sql, {"steps": steps})]
    return int(str(counted))


def endless() -> Program[int]:
    """A read that only something else can end."""
    return counting(-1)


def elsewhere(path: Path) -> Any:
    """A connection of another program, closed on leaving, in which each statement commits by itself."""
    return closing(present().connect(path))

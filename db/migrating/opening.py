"""Opening a database at the present version, also when somebody restores one into its place meanwhile."""

import asyncio
import logging
from pathlib import Path

from db.errors import BootRefused
from db.migrating import ledger, migrator
from db.program import Program, Statement
from db.sqlite.database import Database

log = logging.getLogger(__name__)

TRIES = 5


async def open_migrated(
    path: Path, *, readers: int = 2, read_seconds: float = 5.0, min_free_bytes: int = 0
) -> Database:
    """Migrate a database, as `migrator.migrate` does, and open it, as `Database.open` does.

    Once it is open nobody can replace it; where somebody did before that, it is begun again. Raises
    BootRefused where it cannot be migrated or is replaced every time, and sqlite3.Error where it
    cannot be opened.
    """
    for _ in range(TRIES):
        await asyncio.to_thread(migrator.migrate, path)
        file = _identity(path)
        db = await Database.open(
            path, readers=readers, read_seconds=read_seconds, min_free_bytes=min_free_bytes
        )
        try:
            # Connections to two files would each be content with their own.
            if _identity(path) == file and await db.read(_ran()) == _known():
                return db
        except BaseException:
            await db.close()
            raise
        await db.close()
        log.warning("database replaced while it was opened", extra={"database": str(path)})
    raise BootRefused(
        f"{path} was replaced by another each time that it was opened: end what replaces it, and start"
        " again"
    )


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _known() -> list[str]:
    return [migration.name for migration in ledger.load(ledger.MIGRATIONS)]


def _ran() -> Program[list[str]]:
    (tables,) = yield [Statement(ledger.TABLES)]
    if ("chittygraph_migrations",) not in tables:
        return []
    return (yield from ledger.names())

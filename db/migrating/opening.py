"""Opening a database at the present version, also when somebody restores one into its place meanwhile."""

import asyncio
import logging
from pathlib import Path

from db.errors import BootRefused
from db.migrating import ledger, migrator
from db.migrating.readiness import Readiness, identity
from db.program import Program, Statement
from db.sqlite import file_checks
from db.sqlite.database import SQLiteDatabase

log = logging.getLogger(__name__)

TRIES = 5


async def open_migrated(
    path: Path,
    *,
    readers: int = 2,
    read_seconds: float = 5.0,
    wait_seconds: float = 1.0,
    min_free_bytes: int = 0,
) -> SQLiteDatabase:
    """Migrate and open a file, again if somebody replaces it meanwhile; raises BootRefused if it cannot."""
    for _ in range(TRIES):
        await asyncio.to_thread(migrator.migrate, path)
        file = identity(path)
        db = await _open(path, readers, read_seconds, wait_seconds, min_free_bytes)
        try:
            # Else some connections could be to the old file and others to the new one.
            if identity(path) == file and await db.read(_ran()) == _known():
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


async def open_existing(
    path: Path,
    *,
    to_write: bool = True,
    readers: int = 2,
    read_seconds: float = 5.0,
    wait_seconds: float = 1.0,
    min_free_bytes: int = 0,
) -> SQLiteDatabase:
    """Raises BootRefused if the file is missing, not up to date, cannot be opened or, `to_write`, written."""
    await asyncio.to_thread(_require_usable, path, to_write)
    return await _open(path, readers, read_seconds, wait_seconds, min_free_bytes)


def _require_usable(path: Path, to_write: bool) -> None:
    migrator.require_migrated(path)
    file = path.resolve()
    file_checks.require_writable_folder(file)  # readers need it too, for the files beside it
    file_checks.require_usable(file, writable=to_write)


async def _open(
    path: Path, readers: int, read_seconds: float, wait_seconds: float, min_free_bytes: int
) -> SQLiteDatabase:
    with file_checks.refusing(path):
        return await SQLiteDatabase.open(
            path,
            readers=readers,
            read_seconds=read_seconds,
            wait_seconds=wait_seconds,
            min_free_bytes=min_free_bytes,
            newest=ledger.newest(),
            pending=Readiness().pending,
        )


def _known() -> list[str]:
    return [migration.name for migration in ledger.load(ledger.MIGRATIONS)]


def _ran() -> Program[list[str]]:
    (tables,) = yield [Statement(ledger.TABLES)]
    if ("chittygraph_migrations",) not in tables:
        return []
    return (yield from ledger.names())

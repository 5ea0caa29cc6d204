"""Makes the database ready before the server's first worker starts."""

import asyncio
import logging
from dataclasses import dataclass

from db import open_database
from db.migrating import migrator
from db.program import Program
from db.queries import newest_instant
from db.queries.newest_instant import NewestInstant
from db.security import api_keys
from db.sqlite import file_reads, library
from db.sqlite.damage import Extent
from server.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Boot:
    """`applied` counts the migrations that ran; `engine` has the version of what stores the database."""

    is_new: bool
    applied: int
    engine: dict[str, str]


def boot(settings: Settings) -> Boot:
    """Migrate the database; raises BootRefused if it cannot be served."""
    if settings.address.file is None:
        return asyncio.run(_boot_remote(settings))
    is_new = not settings.database_path.exists()
    applied = migrator.migrate(settings.database_path, extent=Extent(settings.boot_check))
    engine = {"sqlite": library.VERSION, "sqlite_from": library.SOURCE}
    return Boot(is_new, len(applied), engine)


async def _boot_remote(settings: Settings) -> Boot:
    done = await open_database.migrate(settings.database)
    name, version = settings.address.engine.value, done.status.version
    return Boot(done.is_new, len(done.applied), {"engine": f"{name} {version or ''}".rstrip()})


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What of a migrated database the start tells."""

    has_keys: bool
    newest: NewestInstant | None


def look(settings: Settings) -> FirstLook:
    """Raises BootRefused."""
    if settings.address.file is not None:
        return file_reads.read(settings.database_path, _look())
    return asyncio.run(_look_remote(settings))


async def _look_remote(settings: Settings) -> FirstLook:
    database = await open_database.open_database(settings.database, migrate=False)
    try:
        return await database.read(_look())
    finally:
        await database.close()


def _look() -> Program[FirstLook]:
    has_keys = yield from api_keys.any_valid()
    newest = yield from newest_instant.find()
    return FirstLook(has_keys, newest)


def warn_of_clock(newest: NewestInstant | None) -> None:
    if newest is not None and newest.is_clock_behind:
        log.warning(
            "clock is behind stored instants",
            extra={
                "seconds": round(newest.seconds_ahead),
                "newest": newest.instant,
                "column": f"{newest.table}.{newest.column}",
                "hint": "set this machine's clock: new rows come after that one in lists until then",
            },
        )

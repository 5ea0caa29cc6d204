"""Whether a database that is served is still as its migrations made it: asked often, and by anybody."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from db.migrating import ledger, migrator
from db.program import Program, Statement
from db.sqlite.damage import Extent
from db.sqlite.database import SQLiteDatabase

SCHEMA_VERSION = "SELECT schema_version FROM pragma_schema_version"
HINT = "restart the server, or run `chittygraph check --fix`"
State = tuple[tuple[int, int], int, Mapping[str, str]]

log = logging.getLogger(__name__)


class Readiness:
    """Compares all definitions only once after each change of the schema or the ledger."""

    def __init__(self) -> None:
        self._fit: State | None = None
        self._told: list[str] = []
        self._comparing: asyncio.Future[list[str]] | None = None

    async def pending(self, db: SQLiteDatabase) -> list[str]:
        """The migrations and triggers of the history that it lacks.

        Raises BootRefused like `migrate`, EngineError or OSError.
        """
        # By a connection that serves, of whatever file it has open, and that needs no turn to be lent.
        version, ran = await db.read(_looked_at(), few=True)
        state = identity(db.path), version, ran
        if state == self._fit:
            return []
        if self._comparing is None:  # however many ask, one looks
            self._comparing = asyncio.ensure_future(self._compare(db.path))
        pending = await asyncio.shield(self._comparing)
        self._fit = None if pending else state
        if pending != self._told:
            self._told = pending
            for each in pending:
                log.warning("database is not as it should be", extra={"reason": each, "hint": HINT})
        return pending

    async def _compare(self, path: Path) -> list[str]:
        try:
            return await asyncio.to_thread(migrator.pending, path, extent=Extent.NOTHING)
        finally:
            self._comparing = None


def identity(path: Path) -> tuple[int, int]:
    """Which file is at a path; raises OSError."""
    status = path.stat()
    return status.st_dev, status.st_ino


def _looked_at() -> Program[tuple[int, Mapping[str, str]]]:
    version, ran = yield [Statement(SCHEMA_VERSION), Statement(ledger.APPLIED)]
    return int(str(version[0][0])), {str(name): str(checksum) for name, checksum in ran}

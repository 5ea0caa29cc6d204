"""Whether a database on an engine over HTTP is still as its migrations made it: asked often, by anybody."""

import asyncio
import logging
import time
from typing import TypeAlias

from db.consistency import At, Level
from db.database_url import Address
from db.errors import BootRefused
from db.migrating import ledger, over_http, remote_schema
from db.program import Rows, Statement
from db.remote.database import RemoteDatabase

# The fingerprint shows nearly every change; what it does not show is found after a minute.
COMPARE_SECONDS = 60.0
# What the nearest node holds, since reads go on where the cluster has no leader.
NEAREST = At(Level.NONE)
HINT = "restart the server, which mends it or says what to do"
Fingerprint: TypeAlias = list[Rows]

log = logging.getLogger(__name__)


class RemoteReadiness:
    """Compares all definitions only after a change of the schema or the ledger, or a minute."""

    def __init__(self, place: Address) -> None:
        self._place = place
        self._fit: Fingerprint | None = None
        self._fit_until = 0.0
        self._told: list[str] = []
        self._comparing: asyncio.Future[list[str]] | None = None

    async def pending(self, db: RemoteDatabase) -> list[str]:
        """The migrations, tables, indexes and triggers that it lacks or has otherwise.

        Raises BootRefused, and like Transport.send.
        """
        looked_at = [Statement(remote_schema.FINGERPRINT), Statement(ledger.APPLIED)]
        seen = await remote_schema.read(db.transport, looked_at, NEAREST)
        if seen == self._fit and time.monotonic() < self._fit_until:
            return []
        if self._comparing is None:  # however many ask, one looks
            self._comparing = asyncio.ensure_future(self._compare(db))
        try:
            pending = await asyncio.shield(self._comparing)
        except BootRefused as refused:  # a newer version has migrated it meanwhile
            self._tell([str(refused)])
            raise
        self._fit = None if pending else seen
        self._fit_until = time.monotonic() + COMPARE_SECONDS
        self._tell(pending)
        return pending

    def _tell(self, reasons: list[str]) -> None:
        if reasons != self._told:
            self._told = reasons
            for each in reasons:
                log.warning("database is not as it should be", extra={"reason": each, "hint": HINT})

    async def _compare(self, db: RemoteDatabase) -> list[str]:
        try:
            state = await over_http.look(db.transport, self._place, at=NEAREST)
        finally:
            self._comparing = None
        return [*(migration.name for migration in state.pending), *state.differences]

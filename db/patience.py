"""How long a command or a server that starts waits for a database: that another program writes to, or that
is not reached yet.

Once a server runs, its clients try again; before, nobody does for it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from db.attribution import Attribution
from db.database import Database
from db.errors import BootRefused, CredentialsRefused, Locked, Unavailable
from db.program import Program

T = TypeVar("T")

BUSY_SECONDS = 30.0
LOCKED = (
    f"is locked by another program, for {BUSY_SECONDS:g} seconds by now: end that one or wait until it is"
    " done, and start again"
)
PAUSE_SECONDS = 0.5
LOG_SECONDS = 5.0  # between two lines that say that it is still waited for

log = logging.getLogger(__name__)


async def write(
    database: Database,
    program: Callable[[], Program[T]],
    *,
    attribution: Attribution | None = None,
    seconds: float = BUSY_SECONDS,
) -> T:
    """Write like `database.write`, again while another program does; raises BootRefused after `seconds`."""
    # The engine waits for a shorter time than an import or a busy machine may take for a transaction.
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await database.write(program(), attribution=attribution)
        except Locked as error:
            if time.monotonic() >= deadline:
                raise BootRefused(f"the database {LOCKED}") from error
            log.warning("start waits for another program", extra={"reason": str(error)})


async def reach(
    work: Callable[[], Awaitable[T]], place: object, *, seconds: float = BUSY_SECONDS
) -> T:
    """Do what needs an engine over HTTP, again until it is there; raises BootRefused after `seconds`.

    `place` is the database, as messages name it.
    """
    began = time.monotonic()
    logged = began - LOG_SECONDS
    while True:
        try:
            return await work()
        except CredentialsRefused as error:
            raise BootRefused(f"{place} cannot be used: {error}") from error
        except Unavailable as error:
            now = time.monotonic()
            if now - began >= seconds:
                raise BootRefused(
                    f"{place} could not be used within {seconds:g} seconds: {error}: start the engine, or"
                    " correct the address, and start again"
                ) from error
            if now - logged >= LOG_SECONDS:
                logged = now
                log.warning(
                    "start waits for the database",
                    extra={"database": str(place), "reason": str(error)},
                )
        await asyncio.sleep(PAUSE_SECONDS)

"""How long a command or a server that starts waits for a database that another program writes to.

Once a server runs, its clients try again; before, nobody does for it.
"""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from db.attribution import Attribution
from db.database import Database
from db.errors import BootRefused, Locked
from db.program import Program

T = TypeVar("T")

BUSY_SECONDS = 30.0
LOCKED = (
    f"is locked by another program, for {BUSY_SECONDS:g} seconds by now: end that one or wait until it is"
    " done, and start again"
)

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

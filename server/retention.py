"""Removes changes that are older than the setting allows, in small steps while the server runs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from db.database import Database
from db.errors import BootRefused, EngineError, Unavailable
from db.history import pruning
from db.history.pruning import Pace
from db.model import instants
from server import background_tasks

SECONDS_BETWEEN_LOOKS = 60.0
SECONDS_BETWEEN_PORTIONS = 1.0

log = logging.getLogger(__name__)


@asynccontextmanager
async def keep_history(db: Database, days: int) -> AsyncIterator[None]:
    """While inside, remove changes that are older than so many days; 0 removes none.

    Whoever of several workers is first cuts a portion, and the others find it cut.
    """
    if not days:
        yield
        return
    async with background_tasks.running(_prune_repeatedly(db, timedelta(days=days))):
        yield


async def _prune_repeatedly(db: Database, age: timedelta) -> None:
    pace, pruned = Pace(), 0
    while True:
        before = instants.canonical(datetime.now(UTC) - age)
        cut: int | None = None
        try:
            cut = await pruning.prune_portion(db, before, pace)
        except (BootRefused, EngineError, Unavailable) as error:
            log.warning("history not pruned", extra={"reason": str(error)})
        except Exception:  # the task must survive: the next round may succeed
            log.exception("history not pruned")
        pruned += cut or 0
        if pruned and cut is None:
            log.info("history pruned", extra={"changes": pruned, "before": before})
            pruned = 0
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS if cut is None else SECONDS_BETWEEN_PORTIONS)

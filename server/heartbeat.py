"""Writes heartbeats, by which replicas know how old their copies are."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from db import heartbeat
from db.database import Database
from db.errors import EngineError, Unavailable
from server import background_tasks

log = logging.getLogger(__name__)


@asynccontextmanager
async def beating(db: Database, seconds: float) -> AsyncIterator[None]:
    """While inside, write a heartbeat every so many seconds; 0 writes none.

    Of several workers whoever is first writes, and the others find it written.
    """
    if not seconds:
        yield
        return
    async with background_tasks.running(_beat_repeatedly(db, seconds)):
        yield


async def _beat_repeatedly(db: Database, seconds: float) -> None:
    while True:
        try:
            await db.write(heartbeat.beat(seconds))
        except (EngineError, Unavailable) as error:
            log.warning("heartbeat not written", extra={"reason": str(error)})
        except Exception:  # the task must survive: the next one may succeed
            log.exception("heartbeat not written")
        await asyncio.sleep(seconds)

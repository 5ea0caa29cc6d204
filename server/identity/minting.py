"""Where a process has its ChittyIDs minted, and the task that catches up on what had to wait."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from db.database import Database
from db.errors import Unavailable
from resolvers import minting
from resolvers.github import deliveries
from resolvers.minting import Mint
from server.settings import Settings

SECONDS_BETWEEN = 10.0

log = logging.getLogger(__name__)


@asynccontextmanager
async def minter(settings: Settings) -> AsyncIterator[Mint]:
    """What mints as the settings say: the identity authority where one is set, else this process."""
    if settings.mint_url is None:
        yield minting.mint_locally
        return
    # Here, since loading an HTTP client takes a tenth of a second that most processes need not spend.
    from server.identity.authority import Authority

    authority = Authority(settings.mint_url, str(settings.chittyid_token))
    try:
        yield authority.mint
    finally:
        await authority.close()


@asynccontextmanager
async def catching_up(database: Database, mint: Mint) -> AsyncIterator[None]:
    """While inside, give waiting installations their ChittyIDs: at once, and every few seconds."""
    task = asyncio.create_task(_catch_up(database, mint))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _catch_up(database: Database, mint: Mint) -> None:
    while True:
        try:
            async for installation_id, row in deliveries.identify_pending(database, mint):
                if row is not None:
                    extra = {"installation": installation_id, "chitty_id": row.chitty_id}
                    log.info("waiting installation identified", extra=extra)
        except Unavailable as unavailable:
            log.warning("waiting installations not read", extra={"reason": str(unavailable)})
        except Exception:  # the next round may go better, and nobody else would begin one
            log.exception("waiting installations not identified")
        await asyncio.sleep(SECONDS_BETWEEN)

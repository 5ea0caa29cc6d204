"""Chooses who mints ChittyIDs, and gives them to installations that wait for one."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from db.commands import pending_installations
from db.database import Database
from db.errors import Unavailable
from resolvers import minting
from resolvers.github import deliveries
from resolvers.minting import Mint
from server import background_tasks
from server.settings import Settings

RETRY_SECONDS = 10.0

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_minter(settings: Settings) -> AsyncIterator[Mint]:
    """Mints by the identity authority if one is configured, else locally."""
    if settings.mint_url is None:
        yield minting.mint_locally
        return
    # Imported here, since most processes need no HTTP client, which takes 0.1 s to load.
    from server.identity.authority import Authority

    authority = Authority(settings.mint_url, str(settings.chittyid_token))
    try:
        yield authority.mint
    finally:
        await authority.close()


@asynccontextmanager
async def mint_for_pending(database: Database, mint: Mint) -> AsyncIterator[None]:
    """While inside, mint ChittyIDs for pending installations, at once and when they are due."""
    async with background_tasks.running(_mint_repeatedly(database, mint)):
        yield


async def _mint_repeatedly(database: Database, mint: Mint) -> None:
    is_first = True
    while True:
        try:
            if is_first:
                # What failed may work by now. What was refused waits on, unless nobody can refuse any more.
                refused_too = mint is minting.mint_locally
                await database.write(pending_installations.ask_again(refused_too=refused_too))
                is_first = False
            async for installation_id, row in deliveries.identify_pending(database, mint):
                if row is not None:
                    extra = {"installation": installation_id, "chitty_id": row.chitty_id}
                    log.info("pending installation identified", extra=extra)
        except Unavailable as error:
            log.warning("pending installations not read", extra={"reason": str(error)})
        except Exception:  # the task must survive: the next round may succeed
            log.exception("pending installations not identified")
        await asyncio.sleep(RETRY_SECONDS)

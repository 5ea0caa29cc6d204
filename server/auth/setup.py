"""The gate that the settings ask for."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from db.security import api_keys
from db.sqlite.database import Database
from server.auth.gate import Gate
from server.auth.rate_limits import Buckets
from server.auth.signing_keys import SigningKeys
from server.auth.tokens import Tokens
from server.settings import Settings

log = logging.getLogger(__name__)


@asynccontextmanager
async def gate(settings: Settings, database: Database) -> AsyncIterator[Gate | None]:
    """The gate in front of this database in protected mode; None in open mode.

    What a minute holds is shared by the workers evenly, since each counts for itself.
    """
    if settings.auth == "open":
        yield None
        return
    async with AsyncExitStack() as closing:
        tokens = None
        if settings.jwt_jwks_url:
            keys = SigningKeys(settings.jwt_jwks_url)
            closing.push_async_callback(keys.close)
            tokens = Tokens(
                keys,
                issuer=settings.jwt_issuer,
                audience=settings.jwt_audience,
                algorithms=settings.jwt_algorithm_list,
                claim=settings.jwt_claim,
            )
        elif not any(key.revoked_at is None for key in await database.read(api_keys.listed(None))):
            log.warning(
                "nobody has a credential",
                extra={"hint": "make a key with: chittygraph keys create --new-admin NAME"},
            )
        opened = Gate(
            database,
            tokens,
            failures=Buckets(settings.failed_credentials_per_minute / settings.workers),
            requests=Buckets(settings.requests_per_minute / settings.workers),
            points=Buckets(settings.points_per_minute / settings.workers),
        )
        closing.push_async_callback(opened.close)
        yield opened

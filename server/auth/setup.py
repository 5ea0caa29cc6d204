"""Opens the gate as the settings describe it."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from db.database import Database
from db.security import api_keys
from server.auth.gate import Gate
from server.auth.rate_limits import RateLimiter
from server.settings import Settings

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_gate(
    settings: Settings, database: Database, require_new: Callable[[], None] | None = None
) -> AsyncIterator[Gate | None]:
    """The gate in protected mode; None in open mode."""
    if settings.auth == "open":
        yield None
        return
    async with AsyncExitStack() as stack:
        tokens = None
        if settings.jwt_jwks_url:
            from server.auth.signing_keys import SigningKeys
            from server.auth.tokens import TokenVerifier

            keys = SigningKeys(settings.jwt_jwks_url)
            stack.push_async_callback(keys.close)
            tokens = TokenVerifier(
                keys,
                issuer=settings.jwt_issuer,
                audiences=settings.jwt_audience_list,
                algorithms=settings.jwt_algorithm_list,
                claim=settings.jwt_claim,
            )
        elif not any(
            key.revoked_at is None for key in await database.read(api_keys.list_keys(None))
        ):
            log.warning(
                "no credential exists yet",
                extra={"hint": "make an API key: `chittygraph keys create --new-admin NAME`"},
            )
        # Each worker counts for itself, so limits are divided evenly.
        gate = Gate(
            database,
            tokens,
            failures=RateLimiter(settings.failed_credentials_per_minute / settings.workers),
            requests=RateLimiter(settings.requests_per_minute / settings.workers),
            points=RateLimiter(settings.points_per_minute / settings.workers),
            require_new=require_new,
        )
        stack.push_async_callback(gate.close)
        yield gate

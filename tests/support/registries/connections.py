"""What the tests of connections share: a registry with a source, and ways to fill it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from db.model.tables import Connection
from resolvers import connections, contexts
from resolvers.operation_context import OperationContext
from tests.support.registries.mutations import ADA, empty, put, register

WORK = "CHITTY-CONTEXT-WORK"
FIRST = "11111111-1111-4111-8111-111111111111"
SECOND = "22222222-2222-4222-8222-222222222222"
REF, OTHER = {"connection_id": FIRST}, {"connection_id": SECOND}
API = "https://api.github.com/repos/ada/work"
LIVE, SUSPENDED, REMOVED = 1, 2, 3


@asynccontextmanager
async def registry(folder: Path) -> AsyncIterator[OperationContext]:
    """A registry that holds an actor and a context of hers."""
    async with empty(folder) as ctx:
        await register(ctx, ADA)
        await contexts.create(ctx, {"chitty_id": WORK, "name": "work", "owner": ADA})
        yield ctx


async def open_one(ctx: OperationContext, connection_id: str = FIRST, **more: Any) -> Connection:
    """A connection from the context to GitHub."""
    given = {"connection_id": connection_id, "source": WORK, "target_service": "github", **more}
    return await connections.open(ctx, given)


async def install(ctx: OperationContext) -> None:
    """Three installations: one live, one suspended, one uninstalled."""
    for number in (LIVE, SUSPENDED, REMOVED):
        await put(
            ctx,
            "INSERT INTO installations (installation_id, chitty_id, account_id, account_login,"
            " account_type, repository_selection, suspended_at, installed_at, updated_at,"
            " uninstalled_at) VALUES (:id, :chitty_id, 1, 'ada', 'User', 'all', :suspended,"
            " '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', :removed)",
            id=number,
            chitty_id=f"CHITTY-INSTALL-00000{number}-AAAA",
            suspended="2026-02-01T00:00:00.000Z" if number == SUSPENDED else None,
            removed="2026-02-01T00:00:00.000Z" if number == REMOVED else None,
        )

"""What the tests of mutations share: stored rows, and refusals that change none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from db.commands import statements
from db.errors import Refused
from db.model.enums import ActorType
from db.model.tables import CONNECTIONS, Actor
from db.program import Rows, Statement, Value, rows
from resolvers import actors
from resolvers.operation_context import OperationContext
from resolvers.permissions import OPERATOR
from tests.support.registries.databases import opened

OLD = "2025-01-01T00:00:00.000Z"
ADA, BOB, EVE = "CHITTY-ACTOR-ADA", "CHITTY-ACTOR-BOB", "CHITTY-ACTOR-EVE"


@asynccontextmanager
async def empty(folder: Path) -> AsyncIterator[OperationContext]:
    """A registry that holds nothing yet."""
    async with (
        opened(folder / "registry.db") as db,
        OperationContext(db=db, cursor_key=b"key", viewer=OPERATOR) as ctx,
    ):
        yield ctx


async def ask(ctx: OperationContext, sql: str) -> list[Any]:
    """The rows that a SELECT finds."""
    return await ctx.db.read(rows(Statement(sql)))


async def put(ctx: OperationContext, sql: str, **bind: Value) -> None:
    """Write as another program would, past every rule."""
    await ctx.db.write(rows(Statement(sql, bind)))


async def register(ctx: OperationContext, chitty_id: str, **more: Any) -> Actor:
    """A new human actor."""
    given = {"chitty_id": chitty_id, "actor_type": ActorType.HUMAN, **more}
    return await actors.register(ctx, given)


async def connect(
    ctx: OperationContext, source: str, source_type: str, number: int, status: str = "active"
) -> None:
    """A stored connection from this source to a service of its own."""
    values = {
        "connection_id": f"00000000-0000-4000-8000-{number:012}",
        "source_chitty_id": source,
        "source_type": source_type,
        "target_service": f"service-{number}",
        "connection_type": "api",
        "error_count": 0,
        "request_count": 0,
        "config": {},
        "status": status,
        "created_at": OLD,
        "updated_at": OLD,
    }
    await put(
        ctx, statements.insert(CONNECTIONS, "TRUE"), **statements.new_row(CONNECTIONS, values)
    )


async def connections(ctx: OperationContext) -> list[Any]:
    """Each connection's status, and when it was disconnected and updated."""
    columns = "status, disconnected_at, updated_at"
    return await ask(ctx, f"SELECT {columns} FROM connections ORDER BY connection_id")


@asynccontextmanager
async def refusal(ctx: OperationContext, *problems: tuple[str, ...]) -> AsyncIterator[None]:
    """What runs inside must be refused with these (code, field) pairs and change no row."""
    before = await _everything(ctx)
    with pytest.raises(Refused) as refused:
        yield
    found = [(problem.code.value, *problem.path) for problem in refused.value.problems]
    assert found == list(problems)
    assert await _everything(ctx) == before


async def _everything(ctx: OperationContext) -> list[Rows]:
    tables = ("actors", "contexts", "connections")
    return [await ask(ctx, f"SELECT * FROM {table} ORDER BY 1") for table in tables]

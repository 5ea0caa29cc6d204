"""Operations watched: the statements that they take, in the order they take them."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import orjson

from db.program import Statement, rows
from db.sqlite.database import SQLiteDatabase
from resolvers.permissions import OPERATOR
from resolvers.recording_context import RecordedStatement, RecordingContext
from schema.execution import generic
from schema.execution.documents import Documents
from schema.execution.executor import Executor, OperationResult
from tests.support.registries.databases import UNHURRIED, made_once, new_registry, registry_at

AT = "'2026-01-01T00:00:00.000Z'"
ACTOR = "printf('CHITTY-ACTOR-%06d-AAAA', n)"
MANY = "WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < :count)"
FILLING = [
    f"""{MANY} INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)
    SELECT {ACTOR}, 'human', {AT}, {AT} FROM many""",
    f"""{MANY} INSERT INTO installations (installation_id, chitty_id, account_id, account_login,
        account_type, repository_selection, suspended_by_chitty_id, installed_at, updated_at)
    SELECT n, printf('CHITTY-INSTALL-%06d-AAAA', n), n, 'a', 'User', 'all', {ACTOR}, {AT}, {AT} FROM many""",
    f"""{MANY} INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)
    SELECT printf('CHITTY-CONTEXT-%06d-AAAA', n), 'c' || n, {ACTOR}, {AT}, {AT} FROM many""",
    f"""{MANY} INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service,
        installation_id, created_at, updated_at)
    SELECT kind || n || '-' || m, printf('CHITTY-%s-%06d-AAAA', upper(kind), n), kind, 's' || m, n, {AT}, {AT}
    FROM many, (SELECT 1 AS m UNION ALL SELECT 2 UNION ALL SELECT 3),
        (SELECT 'actor' AS kind UNION ALL SELECT 'context')""",
]


class RecordedRegistry:
    """A registry whose operations are watched; their documents and plans are kept as a server does."""

    def __init__(self, db: SQLiteDatabase) -> None:
        self.db = db
        self.documents = Documents(introspection=True)
        self.executor = Executor(compile_operations=True)

    async def statements(self, query: str, **variables: Any) -> list[Statement]:
        """The statements that an operation takes in generic execution; it must succeed."""
        document = self.documents.prepare(query)
        async with RecordingContext(db=self.db, cursor_key=b"key", viewer=OPERATOR) as ctx:
            result = await generic.run(document, document.operation(None), ctx, variables)
        assert result.errors is None
        self.answer: Any = result.data
        return [asked.statement for asked in ctx.recorded]

    async def asked(self, query: str, **variables: Any) -> list[RecordedStatement]:
        """What an operation asks of the database on a plan; it must be covered and succeed."""
        async with RecordingContext(db=self.db, cursor_key=b"key", viewer=OPERATOR) as ctx:
            answered = await self.answered(ctx, query, variables)
        assert (answered.fallback_reason, answered.errors) == (None, [])
        self.answer = orjson.loads(orjson.dumps(answered.data))  # some of it may be ready text
        return ctx.recorded

    async def answered(
        self, ctx: RecordingContext, query: str, variables: dict[str, Any] | None = None
    ) -> OperationResult:
        """The result of an operation in this context, however it is executed."""
        document = self.documents.prepare(query)
        return await self.executor.execute(document, document.operation(None), ctx, variables or {})

    async def put(self, statement: Statement) -> None:
        """Write as another program would."""
        await self.db.write(rows(statement))


@asynccontextmanager
async def watched(path: Path, count: int = 0) -> AsyncIterator[RecordedRegistry]:
    """The registry at this path, made where there is none; a new one has so many of everything, linked."""
    _make(path, count)
    db = await SQLiteDatabase.open(path, **UNHURRIED)
    try:
        yield RecordedRegistry(db)
    finally:
        await db.close()


def _make(path: Path, count: int) -> None:
    if count:
        _fill_new(path, count)
    else:
        registry_at(path)


@made_once
def _fill_new(path: Path, count: int) -> None:
    with closing(sqlite3.connect(new_registry(path))) as connection, connection:
        for sql in FILLING:
            connection.execute(sql, {"count": count})


async def fill(registry: RecordedRegistry, count: int) -> None:
    """So many of everything, each linked to the others of its number; thrice the connections."""
    for sql in FILLING:
        await registry.put(Statement(sql, {"count": count}))

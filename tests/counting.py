"""Operations watched: the statements that they take, in the order they take them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from db.database import Database
from db.migrator import migrate
from db.program import Program, Statement, rows
from resolvers.scope import Scope
from schema import execution
from schema.execution import Documents

T = TypeVar("T")


class WatchedScope(Scope):
    """A Scope that notes every statement that is read with."""

    statements: list[Statement]

    async def read(self, program: Program[T]) -> T:
        """Run a Program in the operation's snapshot and note its statements."""
        return await super().read(self._noted(program))

    def _noted(self, program: Program[T]) -> Program[T]:
        batch = next(program)
        while True:
            self.statements += batch
            found = yield batch
            try:
                batch = program.send(found)
            except StopIteration as stop:
                result: T = stop.value
                return result


class Watched:
    """A registry whose operations are watched."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def statements(self, query: str, **variables: Any) -> list[Statement]:
        """The statements that an operation takes; it must succeed."""
        prepared = Documents(introspection=False).prepare(query)
        scope = WatchedScope(db=self.db, cursor_key=b"key")
        scope.statements = []
        async with scope:
            result = await execution.run(prepared, scope, variables, None)
            assert result.errors is None
            self.answer: Any = result.data
            return scope.statements

    async def put(self, statement: Statement) -> None:
        """Write as another program would."""
        await self.db.write(rows(statement))


@asynccontextmanager
async def watched(path: Path) -> AsyncIterator[Watched]:
    """A new registry at this path."""
    migrate(path)
    db = await Database.open(path)
    try:
        yield Watched(db)
    finally:
        await db.close()

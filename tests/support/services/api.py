"""The service as its clients meet it: a real application over a real file, asked through HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from db.program import Rows, Statement, Value, rows
from server.app import App, create_app
from server.service import Service
from server.settings import Settings
from tests.support.registries.databases import UNHURRIED, registry_at


class Api:
    """A running application and a client of it."""

    def __init__(self, app: App, client: httpx2.AsyncClient) -> None:
        self.app = app
        self.client = client

    @property
    def service(self) -> Service:
        """The running service."""
        return self.app.service

    async def post(self, query: str, /, **variables: Any) -> dict[str, Any]:
        """The whole JSON answer to an operation."""
        sent = {"query": query, "variables": variables}
        answer: dict[str, Any] = (await self.client.post("/graphql", json=sent)).json()
        return answer

    async def ask(self, query: str, /, **variables: Any) -> Any:
        """The data of an operation that must succeed."""
        answer = await self.post(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def rows(self, sql: str, **bind: Value) -> Rows:
        """What a SELECT finds in the database."""
        found: Rows = await self.service.db.read(rows(Statement(sql, bind)))
        return found

    async def put(self, sql: str, **bind: Value) -> None:
        """Write as another program would, past every rule."""
        await self.service.db.write(rows(Statement(sql, bind)))


@asynccontextmanager
async def running(database: Path, **settings: Any) -> AsyncIterator[Api]:
    """A service over this file with these settings, started and stopped as `serve` does.

    A file that is missing is made first, so that the service finds nothing to migrate.
    """
    registry_at(database)
    app = create_app(Settings(database=str(database), **UNHURRIED | settings))
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield Api(app, client)

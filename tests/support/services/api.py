"""The service as its clients meet it: a real application over a real file, asked through HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from db.program import Rows, Statement, Value, rows
from server.app import App, create_app
from server.service import Service
from server.settings import Settings
from tests.support.engines.engine import Engine, present
from tests.support.registries.databases import UNHURRIED, registry_at
from tests.support.services.asgi_client import AsgiClient


class Api:
    """A running application and a client of it."""

    def __init__(self, app: App, client: AsgiClient) -> None:
        self.app = app
        self.client = client

    @property
    def service(self) -> Service:
        """The running service."""
        return self.app.service

    async def post(self, query: str, /, **variables: Any) -> dict[str, Any]:
        """The whole JSON answer to an operation."""
        sent = {"query": query, "variables": variables}
        answer: dict[str, Any] = json.loads((await self.client.answer(sent)).body)
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
    """A service over the database of this path with these settings, started and stopped as `serve` does.

    It is on the present engine, or on the one that `on` gives. A file that is missing is made first, so that
    the service finds nothing to migrate.
    """
    registry_at(database)
    engine: Engine = settings.pop("on", present())
    url = engine.url(database)
    app = create_app(Settings(database=url, **UNHURRIED | settings))
    async with app.router.lifespan_context(app), AsgiClient(app) as client:
        yield Api(app, client)

"""A real server on a real port, in the test's own event loop: a test can reach what it consists of."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import uvicorn

from server.app import App, create_app
from server.cli import serve
from server.settings import Settings
from server.transport.admission_protocol import Refusals
from server.transport.graceful_server import GracefulServer
from server.transport.hang_up import HangUp
from tests.support.engines.engine import present
from tests.support.registries.databases import UNHURRIED, registry_at
from tests.support.running.waiting import eventually


class LocalServer:
    """The application, and what serves it."""

    def __init__(self, config: uvicorn.Config, server: uvicorn.Server, port: int) -> None:
        self.server = server
        self.app = cast(App, config.app)
        self.port = port
        self.url = f"http://127.0.0.1:{port}/graphql"
        self.connections = server.server_state.connections
        self.refusals: Refusals = cast(Any, config.http).args[0]


@asynccontextmanager
async def serving(database: Path, **settings: Any) -> AsyncIterator[LocalServer]:
    """Serve the database of this path, which is made if it is missing, as `serve` does."""
    registry_at(database)
    given = Settings(database=present().url(database), port=0, **UNHURRIED | settings)
    config = serve.server_config(given, 0)
    config.app, config.factory = create_app(given), False
    server = GracefulServer(config, HangUp())
    with serve.listen(given) as listener:
        running = asyncio.ensure_future(server.serve([listener]))
        await eventually(lambda: server.started or running.done())
        try:
            yield LocalServer(config, server, listener.getsockname()[1])
        finally:
            server.should_exit = True
            await running

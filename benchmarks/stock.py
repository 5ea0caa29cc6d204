"""A rival: Strawberry with its DataLoader over aiosqlite, written as its documentation shows.

Run as `python -m benchmarks.stock`. It reads over one connection and writes over another, behind a
lock, since a transaction cannot be shared; it takes the same SQLite library as our server.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiosqlite
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL

from benchmarks.stock_loaders import Loaders
from benchmarks.stock_schema import SCHEMA


class Endpoint(GraphQL[dict[str, Any], None]):
    """Strawberry's own view, with fresh loaders for each request."""

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> dict[str, Any]:
        """The loaders and what mutations need."""
        state = request.app.state
        return {
            "loaders": Loaders(state.reader),
            "writer": state.writer,
            "lock": state.lock,
        }


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Keep two connections open while the server runs."""
    path = os.environ["BENCH_DATABASE"]
    async with aiosqlite.connect(path) as reader, aiosqlite.connect(path) as writer:
        reader.row_factory = writer.row_factory = aiosqlite.Row
        for connection in (reader, writer):
            await connection.execute("PRAGMA foreign_keys = ON")
            await connection.execute("PRAGMA synchronous = FULL")
            await connection.execute("PRAGMA cache_size = -32000")
        app.state.reader, app.state.writer, app.state.lock = reader, writer, asyncio.Lock()
        yield


if __name__ == "__main__":
    app = Starlette(routes=[Route("/graphql", Endpoint(SCHEMA))], lifespan=lifespan)
    port = int(os.environ["BENCH_PORT"])
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_level="warning")

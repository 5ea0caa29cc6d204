"""The start of a replica, which serves as soon as it has a copy that it can read."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from db.errors import EngineError, Unavailable
from db.open_database import open_replica
from db.replica.copies import NO_COPY
from server.http import admission, errors
from server.replica.primary import Primary
from server.settings import Settings

if TYPE_CHECKING:
    from db.replica.database import ReplicaDatabase

ALIVE, READY = ("/healthz", "/health"), "/readyz"
# How long a worker waits for a copy before it answers that there is none.
PATIENCE_SECONDS = 1.0
RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


class Waiting(Protocol):
    without_service: ASGIApp | None


@asynccontextmanager
async def serving(
    settings: Settings,
    app: Waiting,
    opened: "Callable[[ReplicaDatabase], AbstractAsyncContextManager[None]]",
) -> AsyncIterator[None]:
    """Wait for a copy, and run what `opened` gives; raises BootRefused for a bad primary."""
    primary = Primary(settings.primary_url)
    try:
        await primary.refuse_replica()
    finally:
        await primary.close()
    db = await open_replica(
        settings.database_path,
        readers=settings.readers,
        read_seconds=settings.read_seconds,
        wait_seconds=settings.wait_seconds,
        max_lag=settings.max_lag,
    )
    app.without_service = NoService(db)
    stopping, started = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        while not stopping.is_set():
            try:
                await _first_of(stopping.wait(), db.arrived())
                if stopping.is_set():
                    return
                # Before the service reads it: whatever comes later is another one.
                key = None if db.position is None else db.position.cursor_key
                async with opened(db):
                    app.without_service = None
                    started.set()
                    try:
                        await _first_of(stopping.wait(), db.replaced(key))
                    finally:
                        app.without_service = NoService(db)
                    if stopping.is_set():
                        return
                log.info("registry replaced", extra={"database": str(settings.database)})
                continue
            except (EngineError, Unavailable, OSError) as error:
                log.warning("replica not started", extra={"reason": str(error)})
            except Exception:  # the next attempt may succeed
                log.exception("replica not started")
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_SECONDS):
                    await stopping.wait()

    running = asyncio.ensure_future(run())
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await started.wait()
        yield
    finally:
        stopping.set()
        await asyncio.wait([running])
        await db.close()


async def _first_of(*waits: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.ensure_future(each) for each in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in tasks:
            each.cancel()


class NoService:
    """Answers that there is no copy to read, or none that this version can read, and why."""

    def __init__(self, db: "ReplicaDatabase") -> None:
        self._db = db

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reason = self._db.reason or NO_COPY
        if scope["path"] in ALIVE:
            response = JSONResponse({"status": "ok"})
        elif scope["path"] == READY:
            response = JSONResponse({"status": "not ready", "advice": reason}, 503)
        else:
            response = JSONResponse(
                errors.body(503, reason),
                503,
                {"retry-after": "1", "x-chittygraph-lag": "unknown"},
            )
        try:
            await response(scope, receive, send)
        finally:
            if (turn := scope.get(admission.KEY)) is not None:
                turn.end()

"""/healthz and /readyz: alive, and able to answer. They tell nothing else."""

import asyncio
import sqlite3

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from db.errors import BootRefused, Unavailable
from db.migrating import ledger, migrator


async def healthz(request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """The database can be read and no migration is pending; 503 otherwise."""
    db = request.app.db
    try:
        await db.read(ledger.names())
        pending = await asyncio.to_thread(migrator.pending, db.path)
    except (BootRefused, Unavailable, OSError, sqlite3.Error):
        pending = ["unknown"]
    if pending:
        return JSONResponse({"status": "not ready"}, 503)
    return JSONResponse({"status": "ready"})

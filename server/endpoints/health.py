"""/healthz and /readyz: alive, and able to answer. They tell nothing else."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from db.errors import BootRefused, EngineError, Unavailable


async def healthz(request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """The database can be read and no migration is pending; 503 otherwise."""
    try:
        pending = await request.app.db.pending()
    except (BootRefused, EngineError, Unavailable, OSError):
        pending = ["unknown"]
    if pending:
        return JSONResponse({"status": "not ready"}, 503)
    return JSONResponse({"status": "ready"})

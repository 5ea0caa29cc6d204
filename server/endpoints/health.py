"""/healthz, /health and /readyz: whether the process is alive, and whether it can serve requests."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from db.errors import BootRefused, EngineError, EngineLimit, TooOld, Unavailable
from server.service import Service

ALIVE, READY = "/healthz", "/readyz"
ADVICE = "restart the server, or run `chittygraph check --fix`"
ADVICE_OVER_HTTP = "restart the server"
ECOSYSTEM_ALIVE = "/health"  # where ChittyOS looks


async def healthz(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """200 if the database can be read, no migration is pending and every change is recorded, else 503."""
    service: Service = request.app.service
    try:
        pending = await service.db.pending()
    except TooOld as error:
        return JSONResponse({"status": "not ready", "advice": str(error)}, 503)
    except (BootRefused, EngineError, EngineLimit, Unavailable, OSError):
        return JSONResponse({"status": "not ready"}, 503)
    if pending:
        is_file = service.settings.address.file is not None
        advice = ADVICE if is_file else ADVICE_OVER_HTTP
        return JSONResponse({"status": "not ready", "advice": advice}, 503)
    return JSONResponse({"status": "ready"})

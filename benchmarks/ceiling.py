"""The ceiling: the same uvicorn and Starlette, which send the right response from memory.

Run as `python -m benchmarks.ceiling`. Each workload has a path of its own; its answer is a file.
"""

import os
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(os.environ["BENCH_ANSWERS"])
ANSWERS = {path.stem: path.read_bytes() for path in FOLDER.glob("*.json")}


async def answer(request: Request) -> Response:
    """Read the request, and send the workload's bytes."""
    await request.body()
    return Response(ANSWERS[request.path_params["workload"]], media_type="application/json")


if __name__ == "__main__":
    app = Starlette(routes=[Route("/{workload}", answer, methods=["GET", "POST"])])
    port = int(os.environ["BENCH_PORT"])
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_level="warning")

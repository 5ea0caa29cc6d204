"""A Chromium that tests drive through playwright-core, and a server that wants a credential first."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from server import page
from server.app import create_app
from server.settings import Settings

TESTS = Path(__file__).parent
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


def require_browser() -> tuple[str, str]:
    """The commands of node and Chromium; skips the test where something is missing."""
    node = shutil.which("node")
    if node is None or not (TESTS / "node_modules" / "playwright-core").exists():
        pytest.skip("node or playwright-core is missing: install Node and run `npm ci` in tests/")
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        pytest.skip("chromium is missing: install it (on Debian: apt install chromium)")
    if not (page.STATIC / "index.html").exists():
        pytest.skip("the page is not built: run `python web/build.py`")
    return node, chromium


class Gate:
    """A gateway as an operator may put before the server: without a credential, only the page."""

    def __init__(self, app: ASGIApp, credential: str) -> None:
        self._app = app
        self._expected = f"Bearer {credential}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = (
            scope["type"] == "http"
            and scope["method"] == "POST"
            and dict(scope["headers"]).get(b"authorization") != self._expected
        )
        answer = JSONResponse({"errors": [{"message": "give a credential"}]}, 401)
        await (answer if refused else self._app)(scope, receive, send)


@contextmanager
def gated(database: Path, credential: str) -> Iterator[str]:
    """The address of /graphql of a service behind a gate, over this file."""
    app = Gate(create_app(Settings(database=str(database))), credential)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/graphql"
    finally:
        server.should_exit = True
        thread.join()

"""GitHub's own example payloads, and what the tests of webhooks send them with."""

import copy
import functools
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.datastructures import Secret

from db.program import Statement, rows
from server.app import create_app
from server.endpoints import github_webhooks
from server.service import Service
from server.settings import Settings
from tests.support.engines.engine import present
from tests.support.paths import NPM
from tests.support.registries.databases import registry_at
from tests.support.services.asgi_client import AsgiClient

MODULES = NPM / "node_modules"
SECRET = "it is a secret"
INSTALLATION_EVENTS = ("installation", "installation_repositories")


def _load(path: str) -> Any:
    file = MODULES / "@octokit" / path
    if not file.exists():
        # Some tests are parametrized with examples, which are loaded when their module is.
        pytest.skip(f"{path} is missing: run `npm ci` in tests/npm/", allow_module_level=True)
    return json.loads(file.read_bytes())


def examples() -> list[tuple[str, dict[str, Any]]]:
    """Every example of github.com, with the name of its event."""
    listed = _load("webhooks-examples/api.github.com/index.json")
    return [(each["name"], payload) for each in listed for payload in each["examples"]]


def example(event: str, action: str) -> dict[str, Any]:
    """The last, and so the newest, example of an event."""
    return copy.deepcopy(_newest()[event, action])


@functools.cache
def _newest() -> dict[tuple[str, str], dict[str, Any]]:
    return {(name, payload.get("action", "")): payload for name, payload in examples()}


def schema(name: str) -> dict[str, Any]:
    """The published schema of one event."""
    definition: dict[str, Any] = _load("webhooks-schemas/schema.json")["definitions"][name]
    return definition


def signature(body: bytes, secret: str = SECRET) -> str:
    """What GitHub puts in X-Hub-Signature-256."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers_of(body: bytes, event: str = "push", delivery: str = "1") -> dict[str, str]:
    """The headers of a signed delivery."""
    return {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": delivery,
        "x-hub-signature-256": signature(body),
    }


class GitHub:
    """Sends deliveries to the endpoint, on a database of its own."""

    def __init__(self, client: AsgiClient, service: Service) -> None:
        self.client = client
        self.service = service
        self.database = service.db

    async def send(
        self, event: str, payload: Any, *, delivery: str = "1", **headers: str
    ) -> httpx2.Response:
        """One signed delivery."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        sent = headers_of(body, event, delivery)
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in sent.items() if value != "absent"}
        return await self.client.post(github_webhooks.PATH, content=body, headers=kept)

    async def table(self, name: str, columns: str = "*") -> list[tuple[Any, ...]]:
        """The rows of a table."""
        return await self.database.read(rows(Statement(f"SELECT {columns} FROM {name}")))

    async def row(self, *columns: str) -> tuple[Any, ...]:
        """The one installation's values."""
        (row,) = await self.table("installations", ", ".join(columns))
        return row


@asynccontextmanager
async def github_at(
    path: Path, secrets: tuple[str, ...] = (SECRET,), **more: Any
) -> AsyncIterator[GitHub]:
    """The whole service with these settings, on the database in this folder."""
    registry_at(path / "registry.db")
    database = present().url(path / "registry.db")
    settings = Settings(database=database, github_webhook_secret=Secret(",".join(secrets)), **more)
    app = create_app(settings)
    async with app.router.lifespan_context(app), AsgiClient(app) as client:
        yield GitHub(client, app.service)


def changed(payload: dict[str, Any], change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """A copy of a payload with one change made to it."""
    made = copy.deepcopy(payload)
    change(made)
    return made

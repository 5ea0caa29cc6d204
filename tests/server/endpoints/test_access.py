"""In protected mode every endpoint needs a credential, but for the few that are listed here."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.datastructures import Secret
from starlette.routing import Route

from server.app import GRAPHQL
from tests.support.services.protected_service import ProtectedApi, client_at, protected_api

PUBLIC = {"/healthz", "/readyz", "/static/assets/{name}"}
# These ask for a signature, and for a client on this machine or a token.
SELF_GUARDED = {"/webhooks/github": 401, "/metrics": 403}
ELSEWHERE = "203.0.113.7"
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY")
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"accept": "application/json"},
    {"accept": "text/event-stream"},
    {"accept": "image/png"},
    {"accept-encoding": "identity;q=0"},
    {"content-type": "application/json"},
)


@pytest.fixture
async def stranger(tmp_path: Path) -> AsyncIterator[ProtectedApi]:
    """A client from elsewhere, without a credential, of a service in which everything is on."""
    async with (
        protected_api(
            tmp_path / "registry.db",
            graphiql=True,
            introspection=True,
            github_webhook_secret=Secret("secret"),
        ) as api,
        client_at(api, ELSEWHERE) as asking,
    ):
        yield asking


def refusal(answer: httpx2.Response) -> tuple[int, bool]:
    return answer.status_code, "www-authenticate" in answer.headers


async def test_every_route_that_is_not_listed_needs_a_credential(stranger: ProtectedApi):
    routes = stranger.app.routes
    paths = {route.path for route in routes if isinstance(route, Route)}

    gated = paths - PUBLIC - SELF_GUARDED.keys()

    assert len(paths) == len(routes), "a route of another kind: say here who may use it"
    assert paths > PUBLIC | SELF_GUARDED.keys()
    assert gated
    for path in gated:
        assert refusal(await stranger.client.get(path)) == (401, True), path


@pytest.mark.parametrize("path", sorted(SELF_GUARDED))
async def test_an_endpoint_that_guards_itself_refuses_a_stranger(stranger: ProtectedApi, path: str):
    method = "POST" if path == "/webhooks/github" else "GET"

    answer = await stranger.client.request(method, path, content=b"{}" * (method == "POST"))

    assert answer.status_code == SELF_GUARDED[path]


@pytest.mark.parametrize("headers", HEADERS, ids=str)
async def test_whatever_is_asked_of_graphql_needs_a_credential_first(
    stranger: ProtectedApi, headers: dict[str, str]
):
    for method in METHODS:
        for path in (GRAPHQL, f"{GRAPHQL}?query=%7B__typename%7D"):
            answer = await stranger.client.request(method, path, headers=headers)

            assert refusal(answer) == (401, True), (method, path)


async def test_a_browser_with_a_query_needs_a_credential_too(stranger: ProtectedApi):
    path = f"{GRAPHQL}?query=%7B__typename%7D"

    answer = await stranger.client.get(path, headers={"accept": BROWSER})

    assert refusal(answer) == (401, True)


async def test_the_page_and_the_methods_of_graphql_are_public(stranger: ProtectedApi):
    page = await stranger.client.get(GRAPHQL, headers={"accept": BROWSER})
    options = await stranger.client.request("OPTIONS", GRAPHQL)

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (options.status_code, options.content) == (204, b"")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('{"type": "connection_init"}', 4403),
        ('{"type": "connection_init", "payload": {"authorization": "Bearer wrong"}}', 4403),
        ('{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}}', 4401),
    ],
)
async def test_a_websocket_without_a_credential_is_closed(
    stranger: ProtectedApi, message: str, code: int
):
    sent = await conversation(stranger, [], message)

    assert [each["type"] for each in sent] == ["websocket.accept", "websocket.close"]
    assert sent[-1]["code"] == code


async def test_a_websocket_with_a_wrong_credential_is_not_opened(stranger: ProtectedApi):
    sent = await conversation(stranger, [(b"authorization", b"Bearer wrong")])

    assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 401)


async def conversation(
    api: ProtectedApi, headers: list[tuple[bytes, bytes]], *texts: str
) -> list[dict[str, Any]]:
    """What the service sends on a WebSocket on which a client sends these texts."""
    scope = {
        "type": "websocket",
        "path": GRAPHQL,
        "headers": [(b"host", b"127.0.0.1"), *headers],
        "subprotocols": ["graphql-transport-ws"],
        "client": (ELSEWHERE, 50_000),
        "extensions": {"websocket.http.response": {}},
    }
    waiting: list[dict[str, Any]] = [{"type": "websocket.connect"}]
    waiting += [{"type": "websocket.receive", "text": text} for text in texts]
    waiting.append({"type": "websocket.disconnect"})
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await api.app(scope, receive, send)
    return sent

"""In protected mode every endpoint needs a credential, but for the few that are listed here."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from starlette.datastructures import Secret
from starlette.routing import Route

from server.app import GRAPHQL
from tests.support.services.asgi_websocket import conversation
from tests.support.services.protected_service import ProtectedApi, client_at, protected_api

PUBLIC = {
    "/",
    "/favicon.ico",
    "/graph",
    "/.well-known/chitty.json",
    "/health",
    "/healthz",
    "/readyz",
    "/static/assets/{name}",
}
# These ask for a signature, and for a client on this machine or a token.
WEBHOOKS = {"/webhooks/github", "/integrations/github/webhook"}
SELF_GUARDED = {**dict.fromkeys(WEBHOOKS, 401), "/metrics": 403}
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
    method = "POST" if path in WEBHOOKS else "GET"

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


async def test_a_browser_with_a_query_gets_the_page_and_no_data(stranger: ProtectedApi):
    path = f"{GRAPHQL}?query=%7B__typename%7D"

    page = await stranger.client.get(GRAPHQL, headers={"accept": BROWSER})
    linked = await stranger.client.get(path, headers={"accept": BROWSER})
    persisted = await stranger.client.get(f"{path}&documentId=x", headers={"accept": BROWSER})

    assert (linked.status_code, linked.content) == (200, page.content)
    assert refusal(persisted) == (401, True)


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

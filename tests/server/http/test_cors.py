"""Pages of other origins (CORS): who may read, what they may send, and what is said to all others.

What browsers make of it is in tests/server/endpoints/test_other_origins.py.
"""

from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from starlette.datastructures import Secret

from server.http import cors
from tests.support.services.api import running
from tests.support.services.asgi_websocket import conversation
from tests.support.services.protected_service import protected_api

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASKED = {"query": "{ __typename }"}
APP = "https://app.example.com"
LOCAL = "http://localhost:5173"
ALLOW, EXPOSE = "access-control-allow-origin", "access-control-expose-headers"
ASKING = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
STRANGERS = [
    "https://stranger.example",
    "https://app.example.com.stranger.example",
    "https://stranger.example/https://app.example.com",
    "http://app.example.com",  # another scheme
    "https://app.example.com:8443",  # another port
    "HTTPS://APP.EXAMPLE.COM",  # browsers write lower case
    "https://app.example.com/",
    "https://sub.app.example.com",
    "http://127.0.0.1.stranger.example",
    "http://localhost.stranger.example:5173",
    "http://user@localhost:5173",
    "http://localhost:5173/page",
    "https://" + "a" * 300,
    "localhost:5173",
    "null",
    "*",
    "",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_api(tmp_path_factory: pytest.TempPathFactory):
    async with running(tmp_path_factory.mktemp("open") / "registry.db") as api:
        yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def listing(tmp_path_factory: pytest.TempPathFactory):
    """A protected service for pages of one origin."""
    path = tmp_path_factory.mktemp("listing") / "registry.db"
    async with protected_api(path, allowed_origins=APP) as api:
        yield api


def shown(response: Any) -> dict[str, str]:
    """The headers of the CORS protocol in a response."""
    return {
        name: value for name, value in response.headers.items() if name[:14] == "access-control"
    }


async def socket_status(api: Any, origin: str, host: str = "127.0.0.1:8000") -> int:
    """101 if a page of this origin may open a WebSocket, else the status of the refusal."""
    opening = [(b"origin", origin.encode()), (b"authorization", b"Bearer wrong")]
    is_protected = api.service.operations.gate is not None
    sent = await conversation(api, opening[: 1 + is_protected], host=host.encode())
    status: int = sent[0].get("status", 101)
    return status


async def preflight(api: Any, origin: str, path: str = "/graphql") -> Any:
    return await api.client.request("OPTIONS", path, headers={"origin": origin, **ASKING})


@pytest.mark.parametrize(
    "origin",
    [
        LOCAL,
        "http://127.0.0.1:3000",
        "http://[::1]:8080",
        "https://localhost",
        "http://a.localhost",
    ],
)
async def test_in_open_mode_pages_of_this_machine_may_use_the_api(open_api, origin: str):
    asked = await preflight(open_api, origin)
    answer = await open_api.client.post("/graphql", json=ASKED, headers={"origin": origin})

    assert (asked.status_code, asked.headers[ALLOW]) == (204, origin)
    assert (answer.status_code, answer.headers[ALLOW]) == (200, origin)
    assert answer.headers["vary"] == asked.headers["vary"] == "origin"


@pytest.mark.parametrize("origin", STRANGERS)
async def test_pages_of_all_others_may_not(open_api, origin: str):
    asked = await preflight(open_api, origin)
    answer = await open_api.client.post("/graphql", json=ASKED, headers={"origin": origin})

    assert shown(asked) == shown(answer) == {}
    assert asked.headers["vary"] == answer.headers["vary"] == "origin"


@pytest.mark.parametrize("origin", [*STRANGERS, LOCAL])
async def test_where_origins_are_listed_no_others_may(listing, origin: str):
    asked = await preflight(listing, origin)
    answer = await listing.client.post("/graphql", json=ASKED, headers={"origin": origin})

    assert shown(asked) == shown(answer) == {}


async def test_a_list_takes_the_place_of_this_machine_in_open_mode(tmp_path: Path):
    async with running(
        tmp_path / "registry.db", allowed_origins=f"{APP}, tauri://localhost"
    ) as api:
        allowed = [
            ALLOW in (await preflight(api, origin)).headers
            for origin in (APP, "tauri://localhost", LOCAL)
        ]

    assert allowed == [True, True, False]


async def test_in_protected_mode_no_page_may_use_the_api_unless_it_is_listed(tmp_path: Path):
    async with protected_api(tmp_path / "registry.db") as api:
        asked = [await preflight(api, origin) for origin in (LOCAL, APP)]

    assert [shown(each) for each in asked] == [{}, {}]


async def test_all_pages_may_where_that_is_set_but_for_those_without_an_origin(tmp_path: Path):
    async with protected_api(tmp_path / "registry.db", allowed_origins="*") as api:
        asked = await preflight(api, "https://any.example")
        opaque = await preflight(api, "null")
        answer = await api.client.post("/graphql", json=ASKED, headers={"origin": "null"})

    assert asked.headers[ALLOW] == "*"
    assert shown(opaque) == shown(answer) == {}


async def test_several_origins_are_none(open_api):
    headers = [("origin", LOCAL), ("origin", LOCAL)]

    answer = await open_api.client.post("/graphql", json=ASKED, headers=headers)

    assert (shown(answer), answer.headers["vary"]) == ({}, "origin")


async def test_a_preflight_names_what_may_be_sent_and_for_how_long_that_holds(open_api):
    asked = await preflight(open_api, LOCAL)

    assert asked.headers["access-control-allow-methods"] == ", ".join(cors.METHODS)
    named = set(asked.headers["access-control-allow-headers"].split(", "))
    assert named == set(cors.REQUEST_HEADERS)
    assert named >= {
        *("authorization", "content-type", "if-none-match", "prefer", "traceparent"),
        *("idempotency-key", "last-event-id"),
    }
    assert int(asked.headers["access-control-max-age"]) == cors.MAX_AGE_SECONDS >= 600
    assert asked.content == b""


async def test_a_response_names_the_headers_that_a_page_may_read(open_api):
    answer = await open_api.client.post("/graphql", json=ASKED, headers={"origin": LOCAL})

    named = answer.headers[EXPOSE].split(", ")
    assert named == list(cors.RESPONSE_HEADERS)
    assert {"etag", "x-request-id", "retry-after", "server-timing", "traceresponse"} <= set(named)


async def test_credentials_of_a_browser_are_never_asked_for(open_api, listing):
    answers = [
        await preflight(open_api, LOCAL),
        await preflight(listing, APP),
        await open_api.client.post("/graphql", json=ASKED, headers={"origin": LOCAL}),
        await listing.client.post("/graphql", json=ASKED, headers={"origin": APP}),
    ]

    assert all(ALLOW in answer.headers for answer in answers)
    assert not any("access-control-allow-credentials" in answer.headers for answer in answers)
    assert not any("set-cookie" in answer.headers for answer in answers)


async def test_without_an_origin_a_response_says_nothing_of_pages(open_api):
    answer = await open_api.client.post("/graphql", json=ASKED)
    options = await open_api.client.request("OPTIONS", "/graphql", headers=ASKING)

    assert shown(answer) == shown(options) == {}
    assert "vary" not in answer.headers
    assert options.headers["allow"] == "GET, HEAD, QUERY, POST, OPTIONS"


@pytest.mark.parametrize(
    "path", ["/graphql?query=%7B__typename%7D", "/schema.graphql", "/.well-known/chitty.json"]
)
@pytest.mark.parametrize("origin", [LOCAL, "https://stranger.example", None])
async def test_caches_keep_a_response_apart_by_origin_once(open_api, path: str, origin: str | None):
    answer = await open_api.client.get(path, headers={"origin": origin} if origin else {})

    names = [name.strip().lower() for name in answer.headers["vary"].split(",")]
    assert (answer.status_code, names.count("origin")) == (200, 1)
    assert (ALLOW in answer.headers) == (origin == LOCAL)


async def test_the_files_of_the_page_and_the_page_are_kept_apart_by_origin_too(open_api):
    page = await open_api.client.get("/graphql", headers={"accept": "text/html"})

    assert "origin" in page.headers["vary"].lower()


async def test_an_unchanged_answer_is_readable_too(open_api):
    path, page = "/graphql?query=%7B__typename%7D", {"origin": LOCAL}
    first = await open_api.client.get(path, headers=page)

    again = await open_api.client.get(path, headers=page | {"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.headers[ALLOW]) == (304, LOCAL)


REFUSED: dict[str, tuple[int, dict[str, Any]]] = {
    "no JSON": (400, {"content": b"{"}),
    "another type": (415, {"content": b"{}", "headers": {"content-type": "text/plain"}}),
    "too large": (413, {"content": b" " * 100_001}),
    "not acceptable": (406, {"json": ASKED, "headers": {"accept": "image/png"}}),
    "another method": (405, {"method": "PATCH"}),
    "nowhere": (404, {"url": "/nowhere"}),
    "another host": (421, {"json": ASKED, "headers": {"host": "stranger.example"}}),
}


@pytest.mark.parametrize(("status", "sent"), REFUSED.values(), ids=REFUSED)
async def test_a_refusal_is_readable(open_api, status: int, sent: dict[str, Any]):
    headers = {"content-type": "application/json"} | sent.get("headers", {}) | {"origin": LOCAL}

    answer = await open_api.client.request(
        **{"method": "POST", "url": "/graphql"} | sent | {"headers": headers}
    )

    assert (answer.status_code, answer.headers[ALLOW]) == (status, LOCAL)
    assert answer.headers[EXPOSE]


async def test_a_refused_credential_and_a_refused_rate_are_readable(tmp_path: Path):
    async with protected_api(
        tmp_path / "registry.db", allowed_origins=APP, failed_credentials_per_minute=1
    ) as api:
        headers = {"origin": APP, "authorization": "Bearer wrong"}
        asked = [await api.client.post("/graphql", json=ASKED, headers=headers) for _ in range(3)]

    assert {401, 429} == {answer.status_code for answer in asked}
    assert {answer.headers[ALLOW] for answer in asked} == {APP}
    assert asked[-1].headers["retry-after"]


async def test_an_event_stream_is_readable(open_api):
    headers = {"origin": LOCAL, "accept": "text/event-stream"}

    answer = await open_api.client.post("/graphql", json=ASKED, headers=headers)

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers[ALLOW] == LOCAL


async def test_a_preflight_needs_no_credential_and_grants_nothing(listing):
    asked = await preflight(listing, APP)
    answer = await listing.client.post("/graphql", json=ASKED, headers={"origin": APP})

    assert (asked.status_code, answer.status_code) == (204, 401)


@pytest.mark.parametrize("path", ["/metrics", "/webhooks/github", "/integrations/github/webhook"])
async def test_what_is_for_programs_is_closed_to_pages(tmp_path: Path, path: str):
    """A page in a browser on the server's machine would be local there."""
    settings: Any = {"allowed_origins": "*", "github_webhook_secret": Secret("secret")}
    async with protected_api(tmp_path / "registry.db", **settings) as api:
        asked = await preflight(api, APP, path)
        read = await api.client.get(path, headers={"origin": APP})
        sent = await api.client.post(path, content=b"{}", headers={"origin": APP})

    assert shown(asked) == shown(read) == shown(sent) == {}


@pytest.mark.parametrize("path", ["/healthz", "/health", "/readyz", "/schema.graphql", "/nowhere"])
async def test_everything_else_is_not(open_api, path: str):
    asked = await preflight(open_api, LOCAL, path)
    read = await open_api.client.get(path, headers={"origin": LOCAL})

    assert (asked.status_code, asked.headers[ALLOW], read.headers[ALLOW]) == (204, LOCAL, LOCAL)


WRITE = 'mutation { registerActor(input: { actorType: AI, displayName: "forged" }) { errors { code } } }'
FORGED: dict[str, dict[str, Any]] = {
    # What any page may send without a preflight: a form, a script's simple requests, an image.
    "a form": {"data": {"query": WRITE}},
    "a form of files": {"data": {"query": WRITE}, "files": {"a": b"b"}},
    "plain text": {
        "content": b'{"query": "%s"}' % WRITE.replace('"', '\\"').encode(),
        "type": "text/plain",
    },
    "no type": {"content": b'{"query": "%s"}' % WRITE.replace('"', '\\"').encode()},
    "an image": {"method": "GET", "params": {"query": WRITE}},
    "a form's parameters": {"params": {"query": WRITE}},
}


@pytest.mark.parametrize("sent", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("origin", ["https://stranger.example", "null", LOCAL])
async def test_without_a_preflight_no_page_changes_anything(
    open_api, sent: dict[str, Any], origin: str
):
    sent = dict(sent)
    type_ = sent.pop("type", None)
    headers = {"origin": origin} | ({"content-type": type_} if type_ else {})
    before = await open_api.rows("SELECT count(*) AS actors FROM actors")

    answer = await open_api.client.request(
        **{"method": "POST", "url": "/graphql"} | sent, headers=headers
    )

    assert answer.status_code in (400, 405, 415)
    assert await open_api.rows("SELECT count(*) AS actors FROM actors") == before


@pytest.mark.parametrize("origin", STRANGERS)
async def test_sockets_are_for_the_same_pages(open_api, listing, origin: str):
    statuses = await socket_status(open_api, origin), await socket_status(listing, origin)

    assert statuses == (403, 403)


async def test_a_listed_page_may_open_a_socket_and_needs_a_credential_there(listing):
    by_page = await socket_status(listing, APP), await socket_status(listing, LOCAL)

    assert by_page == (401, 403)


async def test_pages_of_the_server_itself_may_always_open_a_socket(open_api, listing):
    own = "https://registry.example.org"

    opened = await socket_status(open_api, "http://192.0.2.7:8000", "192.0.2.7:8000")
    listed = await socket_status(listing, own, "registry.example.org")
    elsewhere = await socket_status(listing, own, "registry.example.org:8443")

    assert (opened, listed, elsewhere) == (101, 401, 403)
    assert await socket_status(open_api, "null", "") == 403  # neither has a name


async def test_without_a_list_every_page_may_open_a_socket_in_protected_mode(tmp_path: Path):
    async with protected_api(tmp_path / "registry.db") as api:
        statuses = {origin: await socket_status(api, origin) for origin in (*STRANGERS, APP)}

    assert set(statuses.values()) == {401}

"""A server behind the nginx of deploy/nginx: on a host of its own, and under a prefix of another."""

import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.support.other_programs import nginx, node
from tests.support.other_programs.chromium import require_browser
from tests.support.other_programs.nginx import Nginx
from tests.support.requests.websocket_clients import acknowledged
from tests.support.running.waiting import wait_until
from tests.support.services.protected_service import bearer, protected
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, served, url_of

pytestmark = pytest.mark.thorough

ASKED = {"query": "{ viewer { capabilities } }"}
ANSWER = {"data": {"viewer": {"capabilities": ["admin"]}}}
# As people write it who know no setting for it.
REMOVED = "location /removed/ { rewrite ^/removed(/.*)$ $1 break; include chittygraph-proxy.conf; }"


@contextmanager
def listening() -> Iterator[tuple[socket.socket, int]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener, listener.getsockname()[1]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Nginx, str, str]]:
    """nginx on a host of its own, its address and a key; the server allows pages of one other origin.

    The key was used today: its first use on a day is noted after its answer, which changes all ETags.
    """
    flags = ("--trusted-proxies", "127.0.0.1", "--allowed-origins", "https://app.example.com")
    with (
        protected(tmp_path / "registry.db", *flags) as (url, key),
        listening() as (listener, port),
        nginx.started(
            tmp_path / "nginx", nginx.site(port, urlsplit(url).netloc), listener
        ) as proxy,
    ):
        httpx2.post(
            url, json=ASKED, headers={"authorization": bearer(key)}, timeout=TIMEOUT_SECONDS
        )
        wait_for_use_on(tmp_path / "registry.db")
        yield proxy, f"https://127.0.0.1:{port}", key


def wait_for_use_on(database: Path) -> None:
    """Wait until another process noted that a key was used."""
    newest = "SELECT max(last_used_on) FROM api_keys"
    with closing(sqlite3.connect(database)) as connection:
        wait_until(lambda: connection.execute(newest).fetchall() != [(None,)])


@pytest.fixture
def prefixed(tmp_path: Path) -> Iterator[str]:
    """The address of an nginx that serves /registry/ and, removing that, /removed/."""
    flags = ("--demo", "--root-path", "/registry", *QUIET)
    with (
        served(tmp_path / "registry.db", *flags) as (_, said),
        listening() as (listener, port),
    ):
        assert url_of(said, "/graphql").endswith("/registry/graphql")
        upstream = urlsplit(url_of(said, "")).netloc
        configured = nginx.prefix(port, upstream, REMOVED)
        with nginx.started(tmp_path / "nginx", configured, listener):
            yield f"http://127.0.0.1:{port}"


async def test_a_host_of_its_own_serves_requests_streams_and_sockets(own):
    proxy, root, key = own
    signed = {"authorization": bearer(key)}
    async with httpx2.AsyncClient(
        verify=proxy.trust, timeout=TIMEOUT_SECONDS, base_url=root, headers=signed
    ) as client:
        posted = await client.post("/graphql", json=ASKED)
        got = await client.get("/graphql", params=ASKED)
        again = await client.get(
            "/graphql", params=ASKED, headers={"if-none-match": got.headers["etag"]}
        )
        stream = await client.post("/graphql", json=ASKED, headers={"accept": "text/event-stream"})
        metrics = await client.get("/metrics")
        page = await client.post(
            "/graphql", json=ASKED, headers={"origin": "https://app.example.com"}
        )
    async with acknowledged(
        f"{root}/graphql", bearer(key), ssl=proxy.trust, origin=root
    ) as socket_:
        by_socket = await socket_.ask(ASKED["query"])

    assert posted.json() == got.json() == by_socket == ANSWER
    assert (again.status_code, metrics.status_code) == (304, 404)
    assert stream.text.startswith("event: next\n")
    assert page.headers["access-control-allow-origin"] == "https://app.example.com"


async def test_a_body_that_is_too_large_for_the_server_is_refused_in_its_words(own):
    proxy, root, key = own
    async with httpx2.AsyncClient(verify=proxy.trust, timeout=TIMEOUT_SECONDS) as client:
        answer = await client.post(
            f"{root}/graphql",
            content=b" " * 20_000_000,
            headers={"authorization": bearer(key), "content-type": "application/json"},
        )

    assert answer.status_code == 413
    assert answer.json()["errors"][0]["extensions"] == {"code": "TOO_LARGE"}


@pytest.mark.parametrize("prefix", ["/registry", "/removed"])
async def test_everything_is_served_under_a_prefix(prefixed: str, prefix: str):
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        answers = {
            path: await client.get(f"{prefixed}{prefix}{path}")
            for path in (
                "/graphql?query={__typename}",
                "/healthz",
                "/schema.graphql",
                "/favicon.ico",
            )
        }
        nowhere = await client.get(f"{prefixed}{prefix}/nowhere")
        document = await client.get(f"{prefixed}{prefix}/.well-known/chitty.json")
        metrics = await client.get(f"{prefixed}/registry/metrics")
    async with acknowledged(f"{prefixed}{prefix}/graphql") as socket_:
        by_socket = await socket_.ask(ASKED["query"])

    assert {answer.status_code for answer in answers.values()} == {200}
    assert "/registry/graphql" in nowhere.json()["errors"][0]["message"]
    assert document.json()["endpoints"]["graphql"] == "/registry/graphql"
    assert (metrics.status_code, by_socket) == (404, ANSWER)


@pytest.mark.parametrize(
    "path", ["/registry", "/registry/", "/registry/graphql/", "/removed/graphql/"]
)
def test_the_page_works_under_a_prefix(prefixed: str, path: str):
    chromium, prefix = require_browser(), f"/{path.split('/')[1]}/"

    printed = node.run_script("playwright-core", "prefix.mjs", chromium, prefixed + path, prefix)

    assert json.loads(printed)["connections"]["nodes"]


def test_a_page_under_a_prefix_that_the_server_does_not_know_works_too(tmp_path: Path):
    with (
        served(tmp_path / "registry.db", "--demo", *QUIET) as (_, said),
        listening() as (listener, port),
    ):
        upstream = urlsplit(url_of(said, "")).netloc
        configured = nginx.prefix(port, upstream, REMOVED)
        with nginx.started(tmp_path / "nginx", configured, listener):
            url = f"http://127.0.0.1:{port}/removed/"
            printed = node.run_script(
                "playwright-core", "prefix.mjs", require_browser(), url, "/removed/"
            )

    assert json.loads(printed)["connections"]["nodes"]

"""A service under a prefix (CHITTYGRAPH_ROOT_PATH), whether a proxy before it removes that or not.

What nginx makes of it is in tests/thorough/test_nginx.py.
"""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest
import pytest_asyncio
from websockets.exceptions import InvalidStatus

from server.app import create_app
from server.setting_fields import InvalidSetting
from server.settings import Settings
from tests.support.requests.raw_http import answers
from tests.support.requests.websocket_clients import acknowledged, opened
from tests.support.services.crowding import crowded
from tests.support.services.local_server import LocalServer, serving
from tests.support.services.server_process import TIMEOUT_SECONDS

PREFIX = "/registry/v1"
BROWSER = {"accept": "text/html"}
QUERY = "?query=%7B__typename%7D"
of_the_server = pytest.mark.asyncio(loop_scope="module")


# One server for all, to which no test writes.
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalServer]:
    path = tmp_path_factory.mktemp("prefixed") / "registry.db"
    async with serving(path, root_path=PREFIX) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(server: LocalServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        yield client


@of_the_server
@pytest.mark.parametrize("prefix", ["", PREFIX])
@pytest.mark.parametrize(
    "path",
    [
        f"/graphql{QUERY}",
        f"/graphql/{QUERY}",
        "/healthz",
        "/schema.graphql",
        "/metrics",
        "/favicon.ico",
    ],
)
async def test_every_path_is_served_with_and_without_it(client, prefix: str, path: str):
    answer = await client.get(prefix + path)

    assert answer.status_code == 200


@of_the_server
@pytest.mark.parametrize("path", ["", PREFIX, f"{PREFIX}/", f"{PREFIX}?a=b"])
async def test_the_prefix_alone_leads_to_the_page_below_it(client, path: str):
    answer = await client.get(path, headers=BROWSER)

    assert (answer.status_code, answer.headers["location"]) == (307, f"{PREFIX}/graphql")


@of_the_server
async def test_the_page_names_nothing_outside_of_the_prefix(client):
    page = await client.get(f"{PREFIX}/graphql", headers=BROWSER)
    with_slash = await client.get(f"{PREFIX}/graphql/", headers=BROWSER)

    assert page.headers["content-type"].startswith("text/html")
    assert '="/' not in page.text
    assert with_slash.url.join(with_slash.headers["location"]).path == f"{PREFIX}/graphql"


@of_the_server
@pytest.mark.parametrize("path", ["/registry", "/registry/v10/graphql", f"{PREFIX}/x", PREFIX * 2])
async def test_an_unknown_path_names_the_one_below_the_prefix(client, path: str):
    answer = await client.get(path)

    (error,) = answer.json()["errors"]
    assert answer.status_code == 404
    assert error["message"].endswith(f" {PREFIX}/graphql")


@of_the_server
async def test_endpoints_are_discovered_below_the_prefix(client):
    document = (await client.get(f"{PREFIX}/.well-known/chitty.json")).json()

    assert document["endpoints"]["graphql"] == f"{PREFIX}/graphql"
    assert all(path.startswith(f"{PREFIX}/") for path in document["endpoints"].values())


@of_the_server
@pytest.mark.parametrize("path", [f"{PREFIX}/graphql", f"{PREFIX}/graphql/", "/graphql"])
async def test_sockets_are_opened_with_and_without_it(server, path: str):
    url = server.url.replace("/graphql", path)

    async with acknowledged(url) as socket:
        answer = await socket.ask("{ __typename }")

    assert answer == {"data": {"__typename": "Query"}}


@of_the_server
async def test_no_socket_is_opened_elsewhere(server):
    for path in (f"{PREFIX}/socket", f"{PREFIX}x/graphql"):
        with pytest.raises(InvalidStatus):
            async with opened(server.url.replace("/graphql", path)):
                pass


@of_the_server
async def test_probes_below_it_wait_for_no_other_requests(server, client):
    with crowded(server.app.admission.requests):
        healthy = await client.get(f"{PREFIX}/healthz")
        refused = await client.get(f"{PREFIX}/graphql{QUERY}")

    assert (healthy.status_code, refused.status_code) == (200, 503)
    assert server.app.service.metrics.http["/graphql", 503] == 1


@of_the_server
@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{PREFIX}/graphql{QUERY}", 200),
        (f"/graphql{QUERY}", 200),
        (f"{PREFIX}{PREFIX}/graphql{QUERY}", 404),
        (
            f"{PREFIX}{PREFIX}/metrics",
            404,
        ),  # else what a proxy refuses by its path could be reached
        (f"{PREFIX}/{PREFIX}/metrics", 404),
        ("*", 404),
    ],
)
async def test_an_ignored_upgrade_removes_the_prefix_once(server, path: str, status: int):
    """What Java's client sends is parsed twice."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        f"{'OPTIONS' if path == '*' else 'GET'} {path} HTTP/1.1\r\nHost: localhost\r\n"
        "Upgrade: h2c\r\nConnection: Upgrade, close\r\n\r\n".encode()
    )
    async with asyncio.timeout(TIMEOUT_SECONDS):
        (answer,) = answers(await reader.read())
    writer.close()

    assert answer.status == status
    assert status == 404 or json.loads(answer.body) == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("registry", "write it as /registry"),
        ("/registry/", "write it as /registry"),
        ("/", "write it as /registry"),
        ("//a", "write it as /a"),
        ("/a//b", "write it as /registry"),
        ("/a/../b", "write it as /registry"),
        ("/a b", "write it as /registry"),
        ("/a?b", "write it as /registry"),
        ("https://example.com/a", "write it as /registry"),
    ],
)
def test_what_is_no_prefix_is_refused_with_what_to_write(path: str, says: str):
    with pytest.raises(InvalidSetting, match="CHITTYGRAPH_ROOT_PATH is ") as refused:
        Settings(root_path=path)

    assert says in str(refused.value)


@pytest.mark.parametrize("path", ["/graphql", "/graphql/v1", "/static", "/webhooks", "/healthz/x"])
def test_a_prefix_that_is_a_path_of_the_server_is_refused(path: str):
    with pytest.raises(InvalidSetting, match=r"choose another, as /.* is a path of this server"):
        create_app(Settings(root_path=path))

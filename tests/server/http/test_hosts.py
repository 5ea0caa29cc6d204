"""The host names by which an open service accepts requests (protection against DNS rebinding)."""

from socket import gethostname

import pytest
import pytest_asyncio

from tests.support.services.api import running
from tests.support.services.protected_service import protected_api

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASKED = {"query": "{ __typename }"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory):
    """An open service, to which no test writes."""
    async with running(tmp_path_factory.mktemp("open") / "registry.db") as api:
        yield api


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:8000", "LOCALHOST", "work.localhost:8000", gethostname(), ""),
        *("127.0.0.1:8000", "127.8.0.1", "[::1]:8000", "[::1]", "192.0.2.7:80"),
    ],
)
async def test_an_open_service_accepts_its_own_host_names(api, host: str):
    answer = await api.client.post("/graphql", json=ASKED, headers={"host": host})

    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "host",
    [
        *("stranger.example", "127.0.0.1.stranger.example:8000", "localhost.example", "here."),
        *("stranger", "wpad:8000", "[::1].stranger.example", "[::1", "localhost:80:stranger"),
    ],
)
async def test_an_open_service_refuses_other_host_names(api, host: str, method: str):
    answer = await api.client.request(
        method,
        "/graphql",
        params=ASKED if method == "GET" else {},
        json=ASKED if method == "POST" else None,
        headers={"host": host},
    )

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]) == (421, {"code": "MISDIRECTED"})
    assert host in error["message"]


BROWSER = {"accept": "text/html,*/*;q=0.8"}
PLACES = {"the page": ("/graphql", BROWSER), "the schema": ("/schema.graphql", {})}


@pytest.mark.parametrize(("path", "headers"), PLACES.values(), ids=PLACES)
async def test_the_page_and_the_schema_are_under_the_same_host_names(path, headers, tmp_path):
    async with running(tmp_path / "registry.db") as api:
        own = await api.client.get(path, headers=headers | {"host": "localhost"})
        other = await api.client.get(path, headers=headers | {"host": "stranger.example"})
    async with running(tmp_path / "registry.db", allow_open_network=True) as api:
        meant = await api.client.get(path, headers=headers | {"host": "stranger.example"})

    assert (own.status_code, other.status_code, meant.status_code) == (200, 421, 200)
    assert other.json()["errors"][0]["extensions"] == {"code": "MISDIRECTED"}


async def test_protected_and_open_network_services_accept_any_host_name(
    tmp_path,
):
    named = {"host": "registry.example.org"}
    async with running(tmp_path / "registry.db", allow_open_network=True) as api:
        meant = await api.client.post("/graphql", json=ASKED, headers=named)
    async with protected_api(tmp_path / "registry.db") as api:
        _, key = await api.newcomer()
        proved = await api.client.post(
            "/graphql", json=ASKED, headers=named | {"authorization": f"Bearer {key}"}
        )

    assert (meant.status_code, proved.status_code) == (200, 200)

"""Addresses that people and browsers try: the name alone, a slash too many, an icon, anything else."""

import struct
from pathlib import Path
from urllib.parse import urljoin

import pytest
import pytest_asyncio

from tests.support.services.api import running
from tests.support.services.asgi_websocket import conversation
from tests.support.services.protected_service import protected_api

pytestmark = pytest.mark.asyncio(loop_scope="module")

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ASKED = {"query": "{ __typename }"}
ANSWER = {"data": {"__typename": "Query"}}
PNG = b"\x89PNG\r\n\x1a\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory):
    async with running(tmp_path_factory.mktemp("landing") / "registry.db") as api:
        yield api


def leads_to(response, path: str) -> str:
    """The path that a redirect from this one leads to."""
    assert response.status_code in (302, 307)
    location: str = response.headers["location"]
    return urljoin(path, location)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_root_leads_to_the_page(api, method: str):
    answer = await api.client.request(method, "/", headers=BROWSER)

    assert leads_to(answer, "/") == "/graphql"
    # A proxy that removes a prefix does not say so: the address must be right below it, too.
    assert leads_to(answer, "/registry/") == "/registry/graphql"


async def test_the_root_answers_everybody_in_protected_mode_and_tells_nothing(tmp_path: Path):
    async with protected_api(tmp_path / "registry.db") as api:
        answer = await api.client.get("/")

    assert (leads_to(answer, "/"), answer.content) == ("/graphql", b"")


async def test_a_request_to_the_root_is_told_where_the_api_is(api):
    answer = await api.client.post("/", json=ASKED)

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]) == (405, {"code": "METHOD_NOT_ALLOWED"})
    assert "POST" in error["message"]
    assert "/graphql" in error["message"]


@pytest.mark.parametrize(
    "path", ["/graphq", "/api/graphql", "/graphql/x", "/graphql//", "/%00", "/static"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_path_is_404_and_names_the_right_one(api, path: str, method: str):
    answer = await api.client.request(method, path)

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]) == (404, {"code": "NOT_FOUND"})
    assert error["message"] == "there is nothing at this path: the API is at /graphql"


async def test_a_slash_at_the_end_is_taken_for_none(api):
    by_post = await api.client.post("/graphql/", json=ASKED)
    by_get = await api.client.get("/graphql/", params=ASKED)
    options = await api.client.request("OPTIONS", "/graphql/")

    assert (by_post.json(), by_get.json(), options.status_code) == (ANSWER, ANSWER, 204)
    assert api.service.metrics.http["/graphql", 200] >= 2


async def test_a_browser_at_it_is_led_to_the_page(api):
    answer = await api.client.get("/graphql/?a=b", headers=BROWSER)

    assert leads_to(answer, "/graphql/") == "/graphql?a=b"
    assert leads_to(answer, "/registry/graphql/") == "/registry/graphql?a=b"


async def test_a_slash_at_the_end_needs_a_credential_like_none(tmp_path: Path):
    async with protected_api(tmp_path / "registry.db") as api:
        answer = await api.client.post("/graphql/", json=ASKED)

    assert answer.status_code == 401


async def test_a_socket_may_be_opened_with_a_slash_at_the_end(api):
    init = '{"type": "connection_init"}'

    sent = await conversation(api, [], init, path="/graphql/")

    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send"]


async def test_there_is_an_icon(api):
    answer = await api.client.get("/favicon.ico")

    icon = answer.content
    reserved, kind, count = struct.unpack_from("<HHH", icon)
    images = [struct.unpack_from("<BB6xII", icon, 6 + 16 * each) for each in range(count)]
    assert (answer.status_code, reserved, kind) == (200, 0, 1)
    assert answer.headers["content-type"] == "image/vnd.microsoft.icon"
    assert "max-age" in answer.headers["cache-control"]
    assert [width for width, *_ in images] == [16, 32, 48]
    for width, height, size, start in images:
        image = icon[start : start + size]
        assert image.startswith(PNG)
        assert struct.unpack_from(">II", image, 16) == (width, height)
    assert len(icon) == images[-1][2] + images[-1][3]

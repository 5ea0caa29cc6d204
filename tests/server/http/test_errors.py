"""Every refused request gets a JSON error of one shape, whatever its path and method."""

import pytest
import pytest_asyncio
from starlette.routing import Route

from server.app import create_app
from server.http import errors
from server.settings import Settings
from tests.support.services.api import running

GRAPHQL = "/graphql"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"]
JSON = {"content-type": "application/json"}
ASK = b'{"query": "{ __typename }"}'


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory):
    path = tmp_path_factory.mktemp("errors") / "registry.db"
    async with running(path, max_body_bytes=1_000) as api:
        yield api


def paths():
    served = [route.path for route in create_app(Settings()).routes if isinstance(route, Route)]
    return [
        GRAPHQL,
        *(path for path in served if "{" not in path),
        "/nowhere",
        "/",
        "//",
        "/%2e%2e",
    ]


def assert_refused(answer, status):
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json().keys() == {"errors"}
    [error] = answer.json()["errors"]
    assert error["message"]
    assert error["extensions"]["code"] == errors.CODES[status]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", paths())
async def test_unsupported_methods_get_a_json_error(api, path, method):
    answer = await api.client.request(method, path)

    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    if answer.status_code >= 400 and method != "HEAD":
        assert_refused(answer, answer.status_code)
    if answer.status_code == 405:
        assert method not in answer.headers["allow"].split(", ")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 405),
        ("GET", "/graphql//", 404),
        ("GET", "/%00", 404),
        ("PUT", "/graphql", 405),
        ("DELETE", "/healthz", 405),
    ],
)
async def test_unknown_paths_get_a_json_error(api, method, path, status):
    answer = await api.client.request(method, path)

    assert_refused(answer, status)
    assert ("allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"method": "POST", "content": b"[]", "headers": JSON}, 400),
        ({"method": "POST", "content": ASK, "headers": JSON | {"accept": "text/css"}}, 406),
        ({"method": "POST", "content": b" " * 1_001, "headers": JSON}, 413),
        ({"method": "GET", "params": {"query": "x" * 1_001}}, 414),
        ({"method": "POST", "content": ASK}, 415),
        ({"method": "POST", "content": ASK, "headers": JSON | {"content-encoding": "br"}}, 415),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
async def test_a_bad_graphql_request_gets_a_json_error(api, request_, status):
    answer = await api.client.request(url=GRAPHQL, **request_)

    assert_refused(answer, status)


async def test_a_refused_delivery_gets_a_json_error(api):
    answer = await api.client.post("/webhooks/github", content=b"{}")

    assert_refused(answer, 503)

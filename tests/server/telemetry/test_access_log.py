"""The log line of each request: its operation, document, cost and duration."""

import hashlib
import json
from pathlib import Path
from urllib.request import urlopen

import pytest
import pytest_asyncio

from tests.support.requests.websocket_clients import acknowledged
from tests.support.services.api import running
from tests.support.services.local_server import serving
from tests.support.services.log_capture import captured_logs
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

NAMED = "query Names { actors { nodes { displayName } } }"
CREATE = """mutation Register($name: String) {
    registerActor(input: { actorType: HUMAN, displayName: $name }) { actor { chittyId } }
}"""
PRIVATE = "a-name-that-stays-private"


@pytest.fixture
async def api(tmp_path: Path):
    """A service over a new registry."""
    async with running(tmp_path / "registry.db") as api:
        yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory):
    """A service to which tests write nothing."""
    async with running(tmp_path_factory.mktemp("shared") / "registry.db") as api:
        yield api


async def line_of(api, query: str, **variables):
    with captured_logs() as logs:
        await api.post(query, **variables)
    (line,) = logs.lines("request answered")
    return line


async def test_a_query_is_logged_with_its_name_document_cost_statements_rows_and_time(api):
    await api.ask(CREATE, name="Ada")

    line = await line_of(api, NAMED)

    assert (line["operation"], line["outcome"], line["execution"]) == ("Names", "ok", "compiled")
    assert line["document"] == hashlib.sha256(NAMED.encode()).hexdigest()
    assert (line["statements"], line["rows"], line["cost"]) == (1, 1, 20)
    assert line["status"] == 200
    assert 0 < line["ms"] < 60_000


async def test_a_mutation_is_logged_without_its_input(api):
    with captured_logs() as logs:
        await api.ask(CREATE, name=PRIVATE)

    (line,) = logs.lines("request answered")
    assert (line["operation"], line["outcome"]) == ("Register", "ok")
    assert line["statements"] >= 1
    assert PRIVATE not in logs.text


async def test_introspection_is_logged_as_generic_execution(api):
    line = await line_of(api, "{ __schema { queryType { name } } }")

    assert (line["execution"], line["statements"]) == ("generic", 0)
    assert "operation" not in line


async def test_a_refused_document_is_logged_with_its_error_code(api):
    line = await line_of(api, "{ nothing }")

    assert (line["outcome"], line["code"]) == ("refused", "INVALID_DOCUMENT")


async def test_a_response_with_errors_is_logged_as_such(api):
    line = await line_of(api, "{ actors(first: -1) { totalCount } }")

    assert line["outcome"] == "errors"


async def test_a_name_that_looks_like_a_token_is_not_logged(api):
    token = "ghp_" + "a1B2" * 9

    line = await line_of(api, f"query {token} {{ __typename }}")

    assert token not in json.dumps(line)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/graphql?query=%7B__typename%7D"),
        ("GET", "/graphql"),
        ("OPTIONS", "/graphql"),
        ("PUT", "/graphql"),
        ("GET", "/healthz"),
        ("GET", "/nowhere"),
    ],
)
async def test_every_response_has_the_request_id_of_the_log(shared, method, path):
    with captured_logs() as log:
        first = await shared.client.request(method, path)
        second = await shared.client.request(method, path)

    lines = log.lines("request answered")
    ids = [answer.headers["x-request-id"] for answer in (first, second)]
    assert [line["request_id"] for line in lines] == ids
    assert len(set(ids)) == 2
    assert [line["status"] for line in lines] == [first.status_code, second.status_code]


async def test_the_log_has_the_operations_name_and_nothing_else_that_was_sent(api):
    query = "query Names($given: String!) { contextByName(name: $given) { alias: name } }"

    with captured_logs() as log:
        await api.ask(query, given="a private name")
        await api.client.get("/nowhere?token=private")

    assert log.lines("request answered")[0]["operation"] == "Names"
    for private in ("private", "contextByName", "alias"):
        assert private not in log.text


def test_a_server_writes_the_line_to_stderr_as_json(tmp_path: Path):
    with served(tmp_path / "registry.db", "--log-format", "json") as (process, output):
        urlopen(url_of(output, "/schema.graphql"), timeout=TIMEOUT_SECONDS).close()
        process.terminate()
        _, errors = process.communicate(timeout=TIMEOUT_SECONDS)

    lines = [json.loads(line) for line in errors.splitlines()]
    (line,) = (line for line in lines if line["event"] == "request answered")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/schema.graphql", 200)
    assert line["client"] == "127.0.0.1"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("path", "status", "level"),
    [
        ("/healthz", 200, "debug"),
        ("/health", 200, "debug"),
        ("/readyz", 200, "debug"),
        ("/metrics", 200, "debug"),
        ("/healthz/no", 404, "info"),
        ("/static/assets/missing.js", 404, "info"),
        ("/schema.graphql", 200, "info"),
        ("/graphql?query=%7B__typename%7D", 200, "info"),
    ],
)
async def test_what_nobody_asks_about_is_logged_at_debug_when_it_succeeds(
    shared, path, status, level
):
    with captured_logs() as log:
        answer = await shared.client.get(path)

    (line,) = log.lines("request answered")
    assert (answer.status_code, line["level"]) == (status, level)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/nowhere", "NOT_FOUND"),
        ("PUT", "/graphql", "METHOD_NOT_ALLOWED"),
        ("POST", "/graphql", "UNSUPPORTED_MEDIA_TYPE"),
        ("POST", "/webhooks/github", "UNAVAILABLE"),
    ],
)
async def test_every_refusal_is_logged_with_its_code(shared, method, path, code):
    with captured_logs() as log:
        answer = await shared.client.request(method, path)

    (line,) = log.lines("request answered")
    assert answer.json()["errors"][0]["extensions"]["code"] == code
    assert (line["status"], line["code"]) == (answer.status_code, code)


@pytest.mark.parametrize("path", ["/graphql?query=%7B__typename%7D", "/nowhere"])
async def test_every_line_has_the_address_of_the_client_behind_a_trusted_proxy(tmp_path, path):
    async with running(tmp_path / "registry.db", trusted_proxies="127.0.0.1") as api:
        with captured_logs() as log:
            await api.client.get(path)
            await api.client.get(path, headers={"x-forwarded-for": "192.0.2.7"})

    clients = [line["client"] for line in log.lines("request answered")]
    assert clients == ["127.0.0.1", "192.0.2.7"]


async def test_operations_on_a_websocket_have_the_clients_address_and_their_codes(tmp_path):
    with captured_logs() as log:
        async with serving(tmp_path / "registry.db") as server, acknowledged(server.url) as socket:
            await socket.ask("query Names { __typename }")
            await socket.refused("{ nothing }")

    answered, refused = log.lines("operation answered")
    (closed,) = log.lines("request answered")
    assert (answered["client"], answered["operation"]) == ("127.0.0.1", "Names")
    assert (refused["client"], refused["code"]) == ("127.0.0.1", "INVALID_DOCUMENT")
    assert (closed["client"], closed["status"]) == ("127.0.0.1", 101)

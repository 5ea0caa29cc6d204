"""The log line of each request: its operation, document, cost and duration."""

import hashlib
import json
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.services.api import running
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
async def test_every_response_has_the_request_id_of_the_log(api, method, path):
    with captured_logs() as log:
        first = await api.client.request(method, path)
        second = await api.client.request(method, path)

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
        urlopen(url_of(output, "/healthz"), timeout=TIMEOUT_SECONDS).close()
        process.terminate()
        _, errors = process.communicate(timeout=TIMEOUT_SECONDS)

    lines = [json.loads(line) for line in errors.splitlines()]
    (line,) = (line for line in lines if line["event"] == "request answered")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/healthz", 200)

"""GraphQL over HTTP: methods, media types and statuses, as clients and browsers meet them."""

import httpx2
import pytest
import pytest_asyncio

from tests.support.services.api import running
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

RESPONSE_JSON = "application/graphql-response+json"
ASK = "{ __typename }"
REGISTER = "mutation Add { registerActor(input: { actorType: HUMAN }) { errors { code } } }"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory):
    """A service for tests that change nothing."""
    async with running(tmp_path_factory.mktemp("http") / "registry.db") as api:
        yield api


async def actors(api):
    [(count,)] = await api.rows("SELECT count(*) FROM actors")
    return count


def only_error(answer):
    [error] = answer.json()["errors"]
    return error


async def test_a_query_is_answered_by_post(api):
    answer = await api.client.post("/graphql", json={"query": ASK})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.json() == {"data": {"__typename": "Query"}}


async def test_a_query_is_answered_by_get_with_variables_and_a_name(api):
    params = {
        "query": "query A { __typename } query B($no: Boolean!) { a: __typename @skip(if: $no) }",
        "variables": '{"no": true}',
        "operationName": "B",
        "extensions": "",
    }

    answer = await api.client.get("/graphql", params=params)

    assert answer.json() == {"data": {}}


async def test_a_mutation_must_be_sent_with_post(api):
    got = await api.client.get("/graphql", params={"query": REGISTER})
    head = await api.client.head("/graphql", params={"query": REGISTER})

    assert [got.status_code, head.status_code] == [405, 405]
    assert [got.headers["allow"], head.headers["allow"]] == ["POST", "POST"]
    assert only_error(got)["extensions"]["code"] == "METHOD_NOT_ALLOWED"
    assert await actors(api) == 0


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        ("APPLICATION/JSON; charset=utf-8", "application/json"),
        (RESPONSE_JSON, RESPONSE_JSON),
        (f"{RESPONSE_JSON}, application/json", RESPONSE_JSON),
        (f"application/json, {RESPONSE_JSON}", "application/json"),
        (f"application/json;q=0.5, {RESPONSE_JSON};q=0.9", RESPONSE_JSON),
        (f"*/*, {RESPONSE_JSON}", RESPONSE_JSON),
        (f"{RESPONSE_JSON};q=0, */*", "application/json"),
        ("application/json;q=0, */*;q=0.1", RESPONSE_JSON),
        (f"text/plain, {RESPONSE_JSON};q=0.001", RESPONSE_JSON),
        (BROWSER, "application/json"),
    ],
)
async def test_the_media_type_is_the_one_that_the_client_prefers(api, accept, given):
    headers = {} if accept is None else {"accept": accept}

    answer = await api.client.post("/graphql", json={"query": ASK}, headers=headers)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{given}; charset=utf-8"


async def test_accept_may_come_in_several_headers(api):
    headers = [("accept", "text/plain"), ("accept", RESPONSE_JSON)]

    answer = await api.client.post("/graphql", json={"query": ASK}, headers=headers)

    assert answer.headers["content-type"].startswith(RESPONSE_JSON)


@pytest.mark.parametrize(
    "accept",
    ["text/plain", "image/*", "application/json;q=0", "*/*;q=0", "*/*;q=many", "text/html"],
)
async def test_a_client_that_accepts_no_media_type_of_ours_gets_406(api, accept):
    sent = {"query": REGISTER}

    answer = await api.client.post("/graphql", json=sent, headers={"accept": accept})

    assert (answer.status_code, only_error(answer)["extensions"]["code"]) == (406, "NOT_ACCEPTABLE")
    assert await actors(api) == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "{"}, "SYNTAX"),
        ({"query": "{ nothing }"}, "INVALID_DOCUMENT"),
        ({"query": "query($a: Int!) { actors(first: $a) { totalCount } }"}, "BAD_VARIABLES"),
        ({"query": ASK, "operationName": "Other"}, "UNKNOWN_OPERATION"),
        ({"query": "query A { __typename } query B { __typename }"}, "AMBIGUOUS_OPERATION"),
        ({"query": "subscription { __typename }"}, "INVALID_DOCUMENT"),
        ({"query": "{" + "viewer { actor {" * 2000 + "id" + "}}" * 2000 + "}"}, "TOO_LARGE"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_request_error_is_400_or_200_by_media_type_and_has_no_data(api, body, code):
    strict = await api.client.post("/graphql", json=body, headers={"accept": RESPONSE_JSON})
    lenient = await api.client.post("/graphql", json=body)

    assert (strict.status_code, lenient.status_code) == (400, 200)
    assert strict.json().keys() == lenient.json().keys() == {"errors"}
    assert strict.json()["errors"][0]["extensions"]["code"] == code


@pytest.mark.parametrize("accept", ["application/json", RESPONSE_JSON])
async def test_a_field_that_fails_is_200_with_the_rest_of_the_data(api, accept):
    sent = {"query": "{ __typename actors(first: 0) { totalCount } }"}

    answer = await api.client.post("/graphql", json=sent, headers={"accept": accept})

    assert answer.status_code == 200
    assert answer.json()["data"] == {"__typename": "Query", "actors": None}
    assert only_error(answer)["path"] == ["actors"]


@pytest.mark.parametrize("accept", ["application/json", RESPONSE_JSON])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'[{"query": "{ __typename }"}]',
        b"{}",
        b'{"query": null}',
        b'{"query": ""}',
        b'{"query": {}}',
        b'{"query": "{ __typename }", "variables": []}',
        b'{"query": "{ __typename }", "variables": 0}',
        b'{"query": "{ __typename }", "variables": ""}',
        b'{"query": "{ __typename }", "extensions": false}',
        b'{"query": "{ __typename }", "operationName": 1}',
        b'{"query": "{ __typename }",}',
    ],
)
async def test_a_body_that_is_no_request_is_400_in_either_media_type(api, body, accept):
    headers = {"content-type": "application/json", "accept": accept}

    answer = await api.client.post("/graphql", content=body, headers=headers)

    assert answer.status_code == 400
    assert only_error(answer)["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (b"NaN", "expected a JSON value: line 1 column 42"),
        (b"1e400", "number is infinity"),
        (b"9" * 309, "number is infinity"),
        (b'"\\ud800"', "surrogate"),
        (b'"\xff"', "not valid UTF-8"),
        (b"1,}", "trailing comma"),
        (b"[" * 70 + b"]" * 70, "more than 64 levels"),
    ],
    ids=["NaN", "too large", "too long", "half a letter", "no UTF-8", "a comma", "too deep"],
)
async def test_an_error_in_json_is_described(api, value, wrong):
    body = b'{"query":"{__typename}","variables":{"a":' + value + b"}}"
    answer = await api.client.post(
        "/graphql", content=body, headers={"content-type": "application/json"}
    )

    message = only_error(answer)["message"]
    assert message.startswith(
        "the body must be well-formed JSON in UTF-8, nested 64 deep at most: "
    )
    assert wrong in message


@pytest.mark.parametrize(
    "params",
    [
        "",
        "query=",
        "query=%7B__typename%7D&variables=%7B",
        "query=%7B__typename%7D&variables=0",
        "query=%7B__typename%7D&extensions=false",
        "query=%FF%FE",
        "query=%7BcontextByName(name:%22%FF%22)%7Bid%7D%7D",
        "query=\u00ff",
    ],
)
async def test_malformed_parameters_are_400(api, params):
    answer = await api.client.get(f"/graphql?{params}", headers={"accept": RESPONSE_JSON})

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/json; charset=UTF-8"}, 200),
        ({"content-type": 'application/json;charset="utf-8"'}, 200),
        ({"content-type": "application/json; charset=iso-8859-1"}, 415),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/graphql"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "multipart/form-data; boundary=x"}, 415),
        ({}, 415),
        ({"content-type": "application/json", "content-encoding": "gzip"}, 415),
        ({"content-type": "application/json", "content-encoding": "identity"}, 200),
        ({"content-type": "application/json", "transfer-encoding": "gzip, chunked"}, 415),
        ({"content-type": "application/json; charset=utf-16; charset=utf-8"}, 415),
        ([("content-type", "text/plain"), ("content-type", "application/json")], 415),
        (
            [
                ("content-type", "application/json"),
                ("content-encoding", "gzip"),
                ("content-encoding", "identity"),
            ],
            415,
        ),
    ],
)
async def test_only_plain_json_in_utf_8_is_accepted(api, headers, status):
    answer = await api.client.post("/graphql", content=b'{"query":"{__typename}"}', headers=headers)

    assert answer.status_code == status
    assert answer.json()


async def test_a_body_is_refused_by_its_declared_and_by_its_real_size(tmp_path):
    async def chunks():
        for _ in range(5):
            yield b"x" * 1_000

    headers = {"content-type": "application/json"}
    async with running(tmp_path / "registry.db", max_body_bytes=4_000) as api:
        declared = await api.client.post("/graphql", content=b"x" * 4_001, headers=headers)
        real = await api.client.post("/graphql", content=chunks(), headers=headers)
        by_get = await api.client.get("/graphql?query=" + "x" * 4_001)

    assert [declared.status_code, real.status_code, by_get.status_code] == [413, 413, 414]
    assert only_error(real)["message"] == "the body has more than 4000 bytes"


async def test_an_ambiguous_operation_runs_nothing_and_a_chosen_one_runs_alone(tmp_path):
    sent = {"query": REGISTER + REGISTER.replace("Add", "AddAnother")}

    async with running(tmp_path / "registry.db") as api:
        ambiguous = await api.client.post("/graphql", json=sent)
        unknown = await api.client.post("/graphql", json=sent | {"operationName": "add"})
        after_refusals = await actors(api)
        chosen = await api.client.post("/graphql", json=sent | {"operationName": "Add"})
        after_all = await actors(api)

    assert only_error(ambiguous)["extensions"]["code"] == "AMBIGUOUS_OPERATION"
    assert only_error(unknown)["extensions"]["code"] == "UNKNOWN_OPERATION"
    assert after_refusals == 0
    assert chosen.json()["data"]["registerActor"] == {"errors": []}
    assert after_all == 1


async def test_options_lists_the_methods_and_head_answers_like_get(api):
    options = await api.client.options("/graphql")
    head = await api.client.head("/graphql", params={"query": ASK})

    assert (options.status_code, options.headers["allow"]) == (
        204,
        "GET, HEAD, QUERY, POST, OPTIONS",
    )
    assert head.status_code == 200
    assert head.headers["content-type"] == "application/json; charset=utf-8"


async def test_over_a_real_socket_a_head_has_no_body_and_the_connection_lives_on(tmp_path):
    with served(tmp_path / "registry.db") as (_, said):
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            url = url_of(said, "/graphql")
            head = await client.head(url, params={"query": ASK})
            refused = await client.put(url, content=b"x" * 1_000)
            asked = await client.post(url, json={"query": ASK})

    assert (head.status_code, head.content) == (200, b"")
    assert refused.status_code == 405
    assert refused.headers["content-type"] == "application/json; charset=utf-8"
    assert asked.json() == {"data": {"__typename": "Query"}}

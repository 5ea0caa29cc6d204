"""CHITTYGRAPH_HTTP_STATUS=draft: the statuses of the draft of GraphQL over HTTP.

Its default, 2025, is what all other tests of HTTP meet.
"""

import httpx2
import pytest
import pytest_asyncio

from tests.support.services.api import running
from tests.support.services.local_server import serving
from tests.support.services.protected_service import protected_api
from tests.support.services.server_process import TIMEOUT_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = "application/json"
RESPONSE_JSON = "application/graphql-response+json"
ACCEPTED = [None, JSON, RESPONSE_JSON]
ASK = "{ __typename }"
PARTIAL = "{ __typename actors(first: 0) { totalCount } }"
REGISTER = "mutation { registerActor(input: { actorType: HUMAN }) { errors { code } } }"
VARIABLE = "query($a: Int!) { actors(first: $a) { totalCount } }"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory):
    """A service for tests that change nothing."""
    path = tmp_path_factory.mktemp("statuses") / "registry.db"
    async with running(path, http_status="draft") as api:
        yield api


def accepting(media_type):
    return {} if media_type is None else {"accept": media_type}


@pytest.mark.parametrize("accept", ACCEPTED)
async def test_complete_data_is_200_in_the_media_type_that_the_client_asks_for(api, accept):
    answer = await api.client.post("/graphql", json={"query": ASK}, headers=accepting(accept))

    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{accept or JSON}; charset=utf-8"


@pytest.mark.parametrize("accept", ACCEPTED)
@pytest.mark.parametrize("method", ["POST", "QUERY"])
async def test_partial_data_is_294_in_the_media_type_that_the_client_asks_for(api, accept, method):
    sent = {"query": PARTIAL}

    answer = await api.client.request(method, "/graphql", json=sent, headers=accepting(accept))

    assert answer.status_code == 294
    assert answer.headers["content-type"] == f"{accept or JSON}; charset=utf-8"
    assert answer.json()["data"] == {"__typename": "Query", "actors": None}
    assert "etag" not in answer.headers


@pytest.mark.parametrize("accept", ACCEPTED)
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"query": "{"}, 400, "SYNTAX"),
        ({"query": "{ nothing }"}, 422, "INVALID_DOCUMENT"),
        ({"query": VARIABLE}, 422, "BAD_VARIABLES"),
        ({"query": VARIABLE, "variables": {"a": "many"}}, 422, "BAD_VARIABLES"),
        ({"query": ASK, "operationName": "Other"}, 422, "UNKNOWN_OPERATION"),
        ({"query": f"query A {ASK} query B {ASK}"}, 422, "AMBIGUOUS_OPERATION"),
        ({"query": "{" + "viewer { actor {" * 2000 + "id" + "}}" * 2000 + "}"}, 422, "TOO_LARGE"),
        ({"documentId": "none"}, 422, "DOCUMENT_NOT_FOUND"),
        ({"qeury": ASK}, 422, "BAD_REQUEST"),
        ({"query": 1}, 422, "BAD_REQUEST"),
        ({"query": ASK, "variables": [7]}, 422, "BAD_REQUEST"),
        ({"query": ASK, "extensions": "none"}, 422, "BAD_REQUEST"),
        ([{"query": ASK}], 422, "BAD_REQUEST"),
    ],
    ids=lambda value: "" if isinstance(value, dict | list) else str(value),
)
async def test_a_refusal_has_its_status_whatever_the_client_asks_for(
    api, body, status, code, accept
):
    answer = await api.client.post("/graphql", json=body, headers=accepting(accept))

    assert answer.status_code == status
    assert answer.headers["content-type"] == f"{RESPONSE_JSON}; charset=utf-8"
    assert answer.json().keys() == {"errors"}
    assert answer.json()["errors"][0]["extensions"]["code"] == code


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"method": "POST", "content": b"NONSENSE", "headers": {"content-type": JSON}}, 400),
        ({"method": "POST", "content": b"{}", "headers": {"content-type": "text/plain"}}, 415),
        ({"method": "POST", "json": {"query": ASK}, "headers": {"accept": "text/css"}}, 406),
        ({"method": "GET", "params": {"query": REGISTER}}, 405),
        ({"method": "GET", "params": {"query": ""}}, 422),
        ({"method": "PUT"}, 405),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
async def test_a_request_that_is_refused_has_the_status_of_http(api, request_, status):
    answer = await api.client.request(url="/graphql", **request_)

    assert answer.status_code == status
    assert answer.headers["content-type"] == f"{RESPONSE_JSON}; charset=utf-8"


async def test_a_browser_would_hide_an_event_stream_with_another_status(api):
    headers = {"accept": "text/event-stream"}

    refused = await api.client.post("/graphql", json={"query": "{ nothing }"}, headers=headers)
    partial = await api.client.post("/graphql", json={"query": PARTIAL}, headers=headers)

    assert [refused.status_code, partial.status_code] == [200, 200]
    assert {answer.headers["content-type"] for answer in (refused, partial)} == {
        "text/event-stream; charset=utf-8"
    }


async def test_whoever_has_no_credential_or_no_trusted_document_is_not_permitted(tmp_path):
    documents = tmp_path / "documents.json"
    documents.write_text('{"ask": "{ __typename }"}')
    async with protected_api(
        tmp_path / "registry.db", http_status="draft", documents=str(documents), documents_only=True
    ) as api:
        _, key = await api.newcomer("Ada")
        headers = {"authorization": f"Bearer {key}"}
        nobody = await api.client.post("/graphql", json={"documentId": "ask"})
        trusted = await api.client.post("/graphql", json={"documentId": "ask"}, headers=headers)
        other = await api.client.post("/graphql", json={"query": PARTIAL}, headers=headers)

    assert [nobody.status_code, trusted.status_code, other.status_code] == [401, 200, 403]
    assert nobody.headers["content-type"] == f"{RESPONSE_JSON}; charset=utf-8"


async def test_over_a_real_socket_a_client_reads_each_of_them(tmp_path):
    async with (
        serving(tmp_path / "registry.db", http_status="draft") as server,
        httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client,
    ):
        answers = [
            await client.post(server.url, json={"query": document})
            for document in (PARTIAL, "{ nothing }", "{", ASK)
        ]

    assert [answer.status_code for answer in answers] == [294, 422, 400, 200]
    assert answers[0].is_success
    assert [len(answer.json().get("errors", ())) for answer in answers] == [1, 1, 1, 0]

"""Answers as event streams: GraphQL over Server-Sent Events, an operation on each connection."""

import json
from typing import Any

import httpx2
import pytest

from tests.support.services.api import Api, running
from tests.support.services.protected_service import bearer, protected_api, refusal

QUERY = "{ viewer { capabilities } }"
STREAM = {"accept": "text/event-stream"}


@pytest.fixture
async def api(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        yield api


def events(answer: httpx2.Response) -> list[tuple[str, str]]:
    """The events of a stream, as a browser's EventSource tells them: names and data."""
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    *told, after = answer.text.split("\n\n")
    assert after == ""
    found = []
    for event in told:
        name, data = event.split("\n")
        found.append((name.removeprefix("event: "), data.removeprefix("data:").removeprefix(" ")))
    return found


def answered(answer: httpx2.Response) -> Any:
    """The answer in a stream that ends after it."""
    (name, data), end = events(answer)
    assert (answer.status_code, name, end) == (200, "next", ("complete", ""))
    return json.loads(data)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_answer_is_one_event_and_then_the_end(api: Api, method: str):
    place = "params" if method == "GET" else "json"
    asked: dict[str, Any] = {place: {"query": QUERY}}

    answer = await api.client.request(method, "/graphql", headers=STREAM, **asked)

    assert answered(answer) == await api.post(QUERY)


async def test_line_breaks_in_values_end_no_event(api: Api):
    register = 'mutation { registerActor(input: { actorType: AI, displayName: "a" }) { actor { chittyId } } }'
    registered = await api.ask(register)
    await api.put(
        "UPDATE actors SET display_name = :name WHERE chitty_id = :id",
        name="one\ntwo\r\n\nthree\u2028",
        id=registered["registerActor"]["actor"]["chittyId"],
    )

    answer = await api.client.post(
        "/graphql", headers=STREAM, json={"query": "{ actors { nodes { displayName } } }"}
    )

    assert answered(answer)["data"]["actors"]["nodes"][0]["displayName"] == (
        "one\ntwo\r\n\nthree\u2028"
    )


async def test_a_refused_operation_is_reported_in_the_stream(api: Api):
    answer = await api.client.post("/graphql", headers=STREAM, json={"query": "{ nothing }"})

    told = answered(answer)
    assert told.keys() == {"errors"}
    assert told["errors"][0]["extensions"]["code"] == "INVALID_DOCUMENT"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"method": "POST", "content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"method": "POST", "content": b"{}", "headers": {"content-type": "text/plain"}}, 415),
        ({"method": "GET", "params": {"query": "mutation { __typename }"}}, 405),
    ],
    ids=["malformed", "media type", "mutation by GET"],
)
async def test_a_malformed_request_is_refused_in_json(api: Api, asked, status: int):
    headers = {**STREAM, **asked.get("headers", {})}

    answer = await api.client.request(**{"url": "/graphql", **asked, "headers": headers})

    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.status_code == status


async def test_a_stream_needs_a_credential_like_every_other_request(tmp_path):
    async with protected_api(tmp_path / "registry.db") as api:
        _, key = await api.newcomer("Ada", "audit:read")
        stranger = await api.show(query=QUERY, headers=list(STREAM.items()))
        known = await api.show(bearer(key), query=QUERY, headers=list(STREAM.items()))

    assert refusal(stranger)[:2] == (401, "UNAUTHENTICATED")
    assert stranger.headers["www-authenticate"] == 'Bearer realm="chittygraph"'
    assert answered(known) == {"data": {"viewer": {"capabilities": ["audit:read"]}}}


async def test_a_stream_has_no_etag(api: Api):
    answer = await api.client.get("/graphql", params={"query": QUERY}, headers=STREAM)

    assert "etag" not in answer.headers


@pytest.mark.parametrize(
    ("accept", "is_stream"),
    [
        ("*/*", False),
        ("text/*, application/json;q=0.5", False),
        ("application/json, text/event-stream;q=0.9", False),
        ("text/event-stream, application/json;q=0.9", True),
        ("TEXT/EVENT-STREAM", True),
    ],
)
async def test_only_a_client_that_prefers_a_stream_gets_one(api: Api, accept: str, is_stream: bool):
    answer = await api.client.post("/graphql", headers={"accept": accept}, json={"query": QUERY})

    assert answer.headers["content-type"].startswith("text/event-stream") is is_stream

"""Responses over a kilobyte are compressed in the coding that the client prefers."""

import json

import pytest
import pytest_asyncio

from server.http.compression import THREAD_BYTES
from tests.support.requests.raw_http import DECODED
from tests.support.services.api import running

pytestmark = pytest.mark.asyncio(loop_scope="module")
SMALL = "{ __typename }"
LARGE = "{ __schema { types { name } } }"
MISTAKES = "{{ {} }}".format(" ".join(f"field{n}" for n in range(20)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory):
    async with running(tmp_path_factory.mktemp("compression") / "registry.db") as api:
        yield api


async def raw(api, query, accept, method="POST"):
    """An answer with its body as it was sent."""
    given = {"json": {"query": query}} if method == "POST" else {"params": {"query": query}}
    headers = {} if accept is None else {"accept-encoding": accept}
    request = api.client.build_request(method, "/graphql", **given, headers=headers)
    if accept is None:
        del request.headers["accept-encoding"]
    answer = await api.client.send(request, stream=True)
    return answer, b"".join([part async for part in answer.aiter_raw()])


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("gzip", "gzip"),
        ("br", "br"),
        ("zstd", "zstd"),
        ("GZIP", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate", "gzip"),
        ("gzip;q=1.0, br;q=0.5, zstd;q=0.1", "gzip"),
        ("gzip ; q=0.5 , br ; q=0.6", "br"),
        ("gzip;q=0", None),
        ("gzip;q=0, br", "br"),
        ("gzip;q=0.5, identity", None),
        ("gzip;q=0.5, identity;q=0.4", "gzip"),
        ("gzip;q=0.001", "gzip"),
        ("*", "zstd"),
        ("*;q=0.1, gzip", "gzip"),
        ("zstd;q=0, *", "br"),
        ("deflate", None),
        ("compress, snappy;q=1", None),
        ("gzip;q=many", None),
        ("gzip;q=1.5", None),
        ("identity;q=0, gzip", "gzip"),
        ("*;q=0, gzip", "gzip"),
        ("*;q=0, identity;q=0.1", None),
    ],
)
async def test_a_client_gets_the_coding_that_it_prefers(api, accept, coding):
    plain, _ = await raw(api, LARGE, None)
    wanted = (await api.client.post("/graphql", json={"query": LARGE})).json()

    answer, body = await raw(api, LARGE, accept)

    assert (plain.status_code, answer.status_code) == (200, 200)
    assert answer.headers.get("content-encoding") == coding
    assert int(answer.headers["content-length"]) == len(body)
    assert json.loads(DECODED[coding](body)) == wanted


async def test_small_responses_are_not_compressed(api):
    answer, body = await raw(api, SMALL, "gzip, br, zstd")

    assert "content-encoding" not in answer.headers
    assert body == b'{"data":{"__typename":"Query"}}'


async def test_small_responses_are_compressed_if_the_client_accepts_nothing_else(api):
    answer, body = await raw(api, SMALL, "gzip, identity;q=0")

    assert answer.headers["content-encoding"] == "gzip"
    assert DECODED["gzip"](body) == b'{"data":{"__typename":"Query"}}'


@pytest.mark.parametrize(
    "accept", ["identity;q=0", "*;q=0", "deflate, identity;q=0", "*;q=0, snappy"]
)
async def test_an_unsupported_coding_gets_406_and_nothing_is_executed(api, accept):
    register = "mutation { registerActor(input: { actorType: HUMAN }) { errors { code } } }"

    answer, body = await raw(api, register, accept)

    assert answer.status_code == 406
    assert json.loads(body)["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"
    assert await api.rows("SELECT count(*) FROM actors") == [(0,)]


async def test_a_large_response_is_complete(api):
    await api.put(
        "INSERT INTO actors (chitty_id, actor_type, display_name, created_at, updated_at)"
        " SELECT printf('CHITTY-ACTOR-%06d-AAAA', key), 'human', value,"
        " '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z' FROM json_each(:names)",
        names=json.dumps([f"{n}" * 500 for n in range(100)]),
    )
    query = "{ actors(first: 100) { nodes { displayName } } }"
    _, plain = await raw(api, query, None)

    sent = {coding: await raw(api, query, coding) for coding in ("gzip", "br", "zstd")}

    assert len(plain) > THREAD_BYTES
    for coding, (answer, body) in sent.items():
        assert answer.headers["content-encoding"] == coding
        assert DECODED[coding](body) == plain
        assert len(body) < len(plain) / 2


async def test_each_coding_has_its_own_etag_which_revalidates(api):
    codings = ("identity", "gzip", "br", "zstd")
    tags = [(await raw(api, LARGE, coding, "GET"))[0].headers["etag"] for coding in codings]
    headers = {"accept-encoding": "gzip", "if-none-match": tags[1]}

    known = await api.client.get("/graphql", params={"query": LARGE}, headers=headers)
    # What the client holds is in a coding that it does not read any more.
    headers = {"accept-encoding": "identity", "if-none-match": tags[1]}
    unread = await api.client.get("/graphql", params={"query": LARGE}, headers=headers)

    assert len(set(tags)) == 4
    assert (known.status_code, known.headers["etag"]) == (304, tags[1])
    assert (unread.status_code, unread.headers["etag"]) == (200, tags[0])


async def test_head_has_the_headers_of_the_compressed_response(api):
    got, body = await raw(api, LARGE, "gzip", "GET")
    asked, _ = await raw(api, LARGE, "gzip", "HEAD")

    for name in ("content-encoding", "content-length", "etag", "vary"):
        assert asked.headers[name] == got.headers[name]
    assert int(got.headers["content-length"]) == len(body)


async def test_errors_the_schema_and_metrics_are_compressed_too(api):
    refused, _ = await raw(api, MISTAKES, "zstd")
    others = [
        await api.client.get(path, headers={"accept-encoding": "gzip"})
        for path in ("/schema.graphql", "/metrics")
    ]

    assert refused.headers["content-encoding"] == "zstd"
    assert [answer.headers["content-encoding"] for answer in others] == ["gzip", "gzip"]
    assert ["type Query" in others[0].text, "chittygraph_" in others[1].text] == [True, True]

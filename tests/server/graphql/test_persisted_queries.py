"""Apollo's automatic persisted queries: a hash first, the query with it when the server does not know it."""

import hashlib
import json

import pytest
import pytest_asyncio

from server.graphql import persisted_documents
from tests.support.services.api import running

ASK = "{ __typename }"
NOT_FOUND = {
    "errors": [
        {"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}
    ]
}


@pytest.fixture
async def api(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory):
    """A service with which nothing is registered."""
    async with running(tmp_path_factory.mktemp("shared") / "registry.db") as api:
        yield api


def persisted(query):
    return {
        "persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(query.encode()).hexdigest()}
    }


async def sent(api, **body):
    return json.loads((await api.client.answer(body)).body)


async def got(api, **params):
    params = {
        name: each if isinstance(each, str) else json.dumps(each) for name, each in params.items()
    }
    return await api.client.get("/graphql", params=params)


async def test_a_client_sends_the_query_once_and_its_hash_from_then_on(api):
    unknown = await sent(api, extensions=persisted(ASK))
    registered = await sent(api, query=ASK, extensions=persisted(ASK))
    known = await sent(api, extensions=persisted(ASK))

    assert unknown == NOT_FOUND
    assert registered == known == {"data": {"__typename": "Query"}}


async def test_get_works_the_same_way(api):
    unknown = await got(api, extensions=persisted(ASK))
    await got(api, query=ASK, extensions=persisted(ASK))
    known = await got(api, extensions=persisted(ASK))

    assert unknown.json() == NOT_FOUND
    assert unknown.headers["cache-control"] == "private, no-cache"
    assert "etag" not in unknown.headers
    assert known.json() == {"data": {"__typename": "Query"}}
    assert known.headers["etag"]


async def test_a_registered_document_can_be_named_by_its_id_too(api):
    await sent(api, query=ASK, extensions=persisted(ASK))

    sha256 = persisted(ASK)["persistedQuery"]["sha256Hash"]

    assert await sent(api, documentId=f"sha256:{sha256}") == {"data": {"__typename": "Query"}}


async def test_variables_and_the_name_of_an_operation_go_with_the_hash(api):
    two = "query A { a: __typename } query B($no: Boolean!) { b: __typename @skip(if: $no) }"
    await sent(api, query=two, operationName="A", extensions=persisted(two))

    known = await sent(api, operationName="B", variables={"no": False}, extensions=persisted(two))

    assert known == {"data": {"b": "Query"}}


async def test_a_hash_of_another_query_is_refused_and_nothing_is_executed_or_registered(api):
    register = "mutation { registerActor(input: { actorType: HUMAN }) { errors { code } } }"

    refused = await sent(api, query=register, extensions=persisted(ASK))

    (error,) = refused["errors"]
    assert error["extensions"]["code"] == "PERSISTED_QUERY_MISMATCH"
    assert await api.rows("SELECT count(*) FROM actors") == [(0,)]
    assert await sent(api, extensions=persisted(ASK)) == NOT_FOUND


@pytest.mark.parametrize("query", ["{", "{ nothing }", "{ " + "a " * 2000 + "}"])
async def test_only_valid_documents_are_registered(api, query):
    refused = await sent(api, query=query, extensions=persisted(query))

    assert refused["errors"]
    assert await sent(api, extensions=persisted(query)) == NOT_FOUND


async def test_the_least_recently_used_registration_is_evicted_first(api):
    queries = [f"{{ a{n}: __typename }}" for n in range(persisted_documents.MAX_REGISTERED)]
    for query in queries:
        await sent(api, query=query, extensions=persisted(query))

    await sent(api, extensions=persisted(queries[0]))
    await sent(api, query=ASK, extensions=persisted(ASK))

    assert "data" in await sent(api, extensions=persisted(queries[0]))
    assert await sent(api, extensions=persisted(queries[1])) == NOT_FOUND
    assert "data" in await sent(api, extensions=persisted(queries[2]))


async def test_a_few_large_registrations_evict_the_others_too(api):
    large = [f"{ASK}#{letter * 98_000}" for letter in "abcdefghijk"]
    for query in large:
        await sent(api, query=query, extensions=persisted(query))

    assert sum(map(len, large)) > persisted_documents.MAX_CHARACTERS
    assert await sent(api, extensions=persisted(large[0])) == NOT_FOUND
    assert "data" in await sent(api, extensions=persisted(large[-1]))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "given",
    [
        5,
        [],
        {},
        {"version": 1},
        {"sha256Hash": "0" * 64},
        {"version": 2, "sha256Hash": "0" * 64},
        {"version": "1", "sha256Hash": "0" * 64},
        {"version": 1, "sha256Hash": "0" * 63},
        {"version": 1, "sha256Hash": "G" * 64},
        {"version": 1, "sha256Hash": "0" * 64 + "\n"},
        {"version": 1, "sha256Hash": 5},
    ],
    ids=str,
)
async def test_an_extension_of_another_shape_is_malformed(shared, given):
    for body in ({}, {"query": ASK}):
        sent_so = {**body, "extensions": {"persistedQuery": given}}
        answer = await shared.client.post("/graphql", json=sent_so)

        assert answer.status_code == 400
        assert "persistedQuery must hold version 1" in answer.json()["errors"][0]["message"]


async def test_a_null_extension_counts_as_none(api):
    answer = await sent(api, query=ASK, extensions={"persistedQuery": None})

    assert answer == {"data": {"__typename": "Query"}}

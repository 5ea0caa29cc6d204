"""Bad requests are answered at once, in JSON, as the caller's mistake; nothing changes.

What an answer says is other tests' business; here it must be no 5xx, no internal error and not slow,
and the registry stays as it was.
"""

import time

import pytest
import pytest_asyncio

from server.demo import registry
from tests.support.requests.bad_inputs import (
    BODIES,
    DOCUMENTS,
    TWICE,
    WRONG,
    cycle,
    field_bomb,
    spread_bomb,
)
from tests.support.services.api import running

SECONDS = 2

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory):
    async with running(tmp_path_factory.mktemp("bad") / "registry.db", readers=1) as api:
        await registry.fill(api.service.db)
        yield api


async def version(api):
    """What SQLite counts up, for the one connection that reads, when another commits a change."""
    return await api.rows("PRAGMA data_version")


async def assert_harmless(api, method="POST", url="/graphql", **request):
    before, started = await version(api), time.process_time()

    answer = await api.client.request(method, url, **request)

    assert time.process_time() - started < SECONDS
    assert answer.status_code < 500, answer.text
    assert "internal error" not in answer.text
    assert set(answer.json()) <= {"data", "errors"}
    assert await version(api) == before
    good = await api.ask("{ actors(first: 1) { nodes { id } } }")
    assert len(good["actors"]["nodes"]) == 1
    return answer


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_bad_body_harms_nothing(api, body):
    headers = {"content-type": "application/json"}

    answer = await assert_harmless(api, content=body, headers=headers)

    assert answer.status_code in (400, 413) or b"query" in body


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
async def test_a_bad_document_is_refused_and_harms_nothing(api, document):
    answer = await assert_harmless(api, json={"query": document})

    assert answer.json()["errors"]


@pytest.mark.parametrize("body", TWICE.values(), ids=TWICE)
async def test_a_key_that_comes_twice_is_refused_by_its_name(api, body):
    headers = {"content-type": "application/json"}

    answer = await assert_harmless(api, content=body, headers=headers)

    [error] = answer.json()["errors"]
    assert answer.status_code == 400
    assert error["message"].endswith("comes twice in one object: send it once")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            "query={__typename}&variables={}&variables={}",
            "the parameter 'variables' comes 2 times: send it once",
        ),
        (
            "query={__typename}&quer%79={__typename}",
            "the parameter 'query' comes 2 times: send it once",
        ),
        (
            "query={__typename}&x=1&x=1&x=1",
            "the parameter 'x' comes 3 times: send it once",
        ),
        (
            'query={__typename}&variables={"a":1,"a":2}',
            "variables: 'a' comes twice in one object: send it once",
        ),
    ],
    ids=["variables", "in two spellings", "an unknown one", "a key within"],
)
async def test_a_parameter_that_comes_twice_is_refused_by_its_name(api, parameters, message):
    answer = await assert_harmless(api, "GET", f"/graphql?{parameters}")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"] == message


@pytest.mark.parametrize(("document", "variables"), WRONG.values(), ids=WRONG)
async def test_a_wrong_value_harms_nothing(api, document, variables):
    await assert_harmless(api, json={"query": document, "variables": variables})


@pytest.mark.parametrize(
    "name", ["x" * 90_000, "\0", "__proto__", "' OR 1=1 --", "\u202e", " ", "Ask\n"]
)
async def test_a_wrong_operation_name_is_refused_and_harms_nothing(api, name):
    sent = {"query": "query Ask { __typename }", "operationName": name}

    answer = await assert_harmless(api, json=sent)

    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNKNOWN_OPERATION"
    assert len(error["message"]) < 1_000


@pytest.mark.parametrize(
    "parameters",
    [
        "query=%",
        "query=%zz",
        "query=%u0041",
        "query=%7B__typename%7D%",
        "query=%C0%80",
        "query=%ED%A0%80",
        "query=%00",
        "query[]=x",
        "query=%7B__typename%7D&variables=%ff",
        "query=%7B__typename%7D&variables=%7B%22a%22%3A1e999%7D",
        "&&&===;;;",
        "query=&query=%7B__typename%7D",
        "query=%7B__typename%7D&" + "a=b&" * 5_000,
        "query=" + "x" * 60_000,
    ],
)
async def test_bad_parameters_harm_nothing(api, parameters):
    await assert_harmless(api, "GET", f"/graphql?{parameters}")


@pytest.mark.parametrize("document", [spread_bomb(20), field_bomb(20), cycle(60)])
async def test_a_bomb_is_refused_for_its_size_before_it_is_validated(api, document):
    answer = await assert_harmless(api, json={"query": document})

    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "TOO_LARGE"


async def test_what_these_tests_take_for_no_change_does_notice_one(api):
    before = await version(api)

    await api.ask("mutation { registerActor(input: { actorType: AI }) { errors { code } } }")

    assert await version(api) != before

"""A fault of ours: the caller learns a request id, the operator the traceback, nobody the query."""

import pytest

from server.demo import registry
from tests.support.services.api import running
from tests.support.services.log_capture import captured_logs

# Put together here, so that no scanner takes it for a real one.
TOKEN = "ghp" + "_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
READS = """
    query Reads($name: String!) {
      first: contextByName(name: $name) { name }
      hidden_alias: contexts(filter: { name: { contains: "a literal" } }) { nodes { name } totalCount }
      viewer { capabilities }
    }
"""
WRITES = """
    mutation Writes($input: CreateContextInput!) {
      hidden_alias: createContext(input: $input) { context { name } errors { code } }
    }
"""


@pytest.fixture
async def broken(tmp_path):
    """A server whose table of contexts was dropped behind its back."""
    async with running(tmp_path / "registry.db") as api:
        await api.put("PRAGMA foreign_keys = OFF")
        await api.put("DROP TABLE contexts")
        yield api


async def asked(api, query, variables):
    answer = await api.client.post("/graphql", json={"query": query, "variables": variables})
    return answer.json(), answer.headers["x-request-id"], answer.status_code


async def test_a_fault_in_a_query_fails_its_fields_alone_and_reports_the_request_id(broken):
    answer, request_id, status = await asked(broken, READS, {"name": TOKEN})

    assert status == 200
    assert answer["data"] == {
        "first": None,
        "hidden_alias": None,
        "viewer": {"capabilities": ["admin"]},
    }
    assert [error["message"] for error in answer["errors"]] == ["internal error"] * 2
    assert [error["extensions"] for error in answer["errors"]] == [
        {"code": "INTERNAL", "requestId": request_id}
    ] * 2


async def test_a_fault_in_a_mutation_is_masked_too(broken):
    variables = {"input": {"name": TOKEN, "owner": "CHITTY-ACTOR-ADA"}}

    answer, request_id, status = await asked(broken, WRITES, variables)

    [error] = answer["errors"]
    assert (status, answer["data"]) == (200, None)
    assert (error["message"], error["path"]) == ("internal error", ["hidden_alias"])
    assert error["extensions"] == {"code": "INTERNAL", "requestId": request_id}


@pytest.mark.files_only("the traceback that it looks for is that of SQLite's code")
async def test_the_log_has_the_traceback_and_nothing_that_the_caller_sent(broken):
    with captured_logs() as log:
        _, request_id, _ = await asked(broken, READS, {"name": TOKEN})
        await asked(broken, WRITES, {"input": {"name": TOKEN, "owner": "CHITTY-ACTOR-ADA"}})

    faults = log.lines("resolver failed")
    assert [fault["field"] for fault in faults] == ["contextByName", "nodes", "createContext"]
    assert faults[0]["request_id"] == request_id
    assert all("db/program.py" in fault["error"] for fault in faults)
    assert "no such table" in faults[0]["error"]
    for sent in (TOKEN, TOKEN[4:], "hidden_alias", "a literal", "ADA", "totalCount", "$name"):
        assert sent not in log.text


async def test_a_fault_outside_of_any_field_is_a_500_in_json_with_the_request_id(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        del api.service.operations.documents  # as a mistake of ours might
        with captured_logs() as log:
            answer = await api.client.post("/graphql", json={"query": "{ secretive }"})

    request_id = answer.headers["x-request-id"]
    assert answer.status_code == 500
    assert answer.json()["errors"] == [
        {"message": "internal error", "extensions": {"code": "INTERNAL", "requestId": request_id}}
    ]
    [fault] = log.lines("request failed")
    assert (fault["request_id"], "AttributeError" in fault["error"]) == (request_id, True)
    assert log.lines("request answered")[0]["status"] == 500
    assert "secretive" not in log.text


async def test_after_a_fault_the_server_goes_on(broken):
    await broken.post(READS, name="work")

    assert await broken.ask("{ actors { totalCount } }") == {"actors": {"totalCount": 0}}


@pytest.mark.parametrize("compiled", [True, False])
async def test_of_very_many_failed_fields_a_hundred_are_reported_and_how_many_more_there_are(
    tmp_path, compiled
):
    page = (
        'connections(first: 100) { nodes { installation { contexts(after: "x") { totalCount } } } }'
    )
    query = "{" + " ".join(f"a{n}: {page}" for n in range(10)) + "}"

    async with running(tmp_path / "registry.db", compiled=compiled) as api:
        await registry.fill(api.service.db)
        answer = await api.post(query)

    nulls = sum(
        node["installation"] is None for page in answer["data"].values() for node in page["nodes"]
    )
    [*listed, last] = answer["errors"]
    assert len(listed) == 99
    assert {error["extensions"]["code"] for error in listed} == {"BAD_CURSOR"}
    assert last["extensions"] == {"code": "MORE_ERRORS"}
    assert last["message"].startswith("there are ")
    assert 99 + int(last["message"].split()[2]) <= nulls

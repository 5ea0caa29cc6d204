"""The clients that people use for sockets and event streams, from npm, against a real server."""

import json

import pytest

from tests.support.other_programs import node
from tests.support.services.protected_service import bearer, protected

ANSWER = {"data": {"viewer": {"capabilities": ["admin"]}}}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory):
    """What each client was told by one protected server."""
    folder = tmp_path_factory.mktemp("clients")
    documents = folder / "documents.json"
    documents.write_text(json.dumps({"capabilities": "{ viewer { capabilities } }"}))
    with protected(folder / "registry.db", "--documents", str(documents)) as (url, key):
        return json.loads(node.run_script("graphql-ws", "clients.mjs", url, bearer(key)))


@pytest.mark.parametrize("client", ["graphql-ws", "graphql-sse"])
def test_a_client_gets_its_answer_and_then_the_end(told, client: str):
    assert told[client]["answered"] == {"found": [ANSWER], "errors": None}


@pytest.mark.parametrize("client", ["graphql-ws", "graphql-sse"])
def test_a_client_names_its_document_beside_an_empty_query(told, client: str):
    assert told[client]["named"] == {"found": [ANSWER], "errors": None}


def test_a_refusal_on_a_websocket_is_an_error_of_the_operation(told):
    refused = told["graphql-ws"]["refused"]

    assert refused["found"] == []
    assert [error["extensions"]["code"] for error in refused["errors"]] == ["INVALID_DOCUMENT"]


def test_a_refusal_in_an_event_stream_is_an_answer_with_errors_and_no_data(told):
    ((answer,), errors) = told["graphql-sse"]["refused"].values()

    assert errors is None
    assert answer.keys() == {"errors"}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INVALID_DOCUMENT"]

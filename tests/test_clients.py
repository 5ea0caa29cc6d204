"""The clients that people use for sockets and event streams, from npm, against a real server."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.copying import command
from tests.guarding import bearer
from tests.serving import served, url_of

TESTS = Path(__file__).parent
ANSWER = {"data": {"viewer": {"capabilities": ["admin"]}}}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory):
    """What each client was told by one protected server."""
    node = shutil.which("node")
    if node is None or not (TESTS / "node_modules" / "graphql-ws").exists():
        pytest.skip("node or graphql-ws is missing: install Node and run `npm ci` in tests/")
    database = tmp_path_factory.mktemp("clients") / "registry.db"
    command("migrate", "--database", database)
    made = command("keys", "create", "--new-admin", "Root", "--database", database)
    with served(database, "--auth", "protected", "--log-level", "error") as (_, said):
        script, url = str(TESTS / "clients.mjs"), url_of(said, "/graphql")
        ran = subprocess.run(
            [node, script, url, bearer(made.stdout.strip())],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize("client", ["graphql-ws", "graphql-sse"])
def test_a_client_gets_its_answer_and_then_the_end(told, client: str):
    assert told[client]["answered"] == {"found": [ANSWER], "errors": None}


def test_a_refusal_on_a_websocket_is_an_error_of_the_operation(told):
    refused = told["graphql-ws"]["refused"]

    assert refused["found"] == []
    assert [error["extensions"]["code"] for error in refused["errors"]] == ["INVALID_DOCUMENT"]


def test_a_refusal_in_an_event_stream_is_an_answer_with_errors_and_no_data(told):
    ((answer,), errors) = told["graphql-sse"]["refused"].values()

    assert errors is None
    assert answer.keys() == {"errors"}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INVALID_DOCUMENT"]

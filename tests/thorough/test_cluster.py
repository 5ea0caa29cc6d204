"""What deploy/cluster and docs/rqlite.md tell to do, with real nodes, servers and nginx on this machine."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.services.cluster import Cluster, balanced, started_cluster
from tests.support.services.commands import command_process
from tests.support.services.protected_service import bearer
from tests.support.services.server_process import TIMEOUT_SECONDS

pytestmark = pytest.mark.thorough

CREATE = """
mutation ($input: CreateContextInput!) {
  createContext(input: $input) { context { name } errors { code message } }
}
"""
VIEWER = "{ viewer { actor { chittyId } } }"
COUNT = "{ contexts { totalCount } }"
ROWS = "/db/query?level=none&q=SELECT%20count(*)%20FROM%20contexts"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with started_cluster(tmp_path) as found:
        yield found


def server_user(cluster: Cluster) -> str:
    return cluster.database.partition("//")[2].partition("@")[0]


def rows_on(cluster: Cluster, name: str) -> int | None:
    """How many contexts a node itself holds; None while it lacks the table."""
    (result,) = cluster.ask(name, ROWS, server_user(cluster)).json()["results"]
    found: int | None = result["values"][0][0] if "values" in result else None
    return found


def test_health_checks_need_no_password_and_everything_else_needs_one(cluster: Cluster):
    for name in cluster.nodes:
        assert cluster.is_healthy(name)
        for path in ("/db/query?q=SELECT%201", "/status", "/nodes", "/db/backup"):
            assert cluster.ask(name, path).status_code == 401
        keys = cluster.ask(
            name, "/db/query?level=none&q=PRAGMA%20foreign_keys", server_user(cluster)
        )
        assert keys.json()["results"][0]["values"] == [[1]]


def test_the_registry_outlives_a_server_and_a_node_that_is_replaced(
    cluster: Cluster, tmp_path: Path
):
    with balanced(cluster, tmp_path) as (url, servers):
        words = cluster.services["first-key"]["command"]
        made = command_process(*words, "--database", cluster.database)
        headers = {"authorization": bearer(made.stdout.strip())}

        def ask(query: str, **variables: object) -> Any:
            answer = httpx2.post(
                f"{url}/graphql",
                json={"query": query, "variables": variables},
                headers=headers,
                timeout=TIMEOUT_SECONDS,
                trust_env=False,
            )
            assert answer.status_code == 200, answer.text
            return answer.json()["data"]

        owner = ask(VIEWER)["viewer"]["actor"]["chittyId"]

        def create(name: str) -> None:
            answer = ask(CREATE, input={"owner": owner, "name": name})
            assert answer["createContext"]["errors"] == []

        for number in range(6):
            create(f"first-{number}")
            assert ask(COUNT)["contexts"]["totalCount"] == number + 1

        servers[0].send_signal(signal.SIGTERM)
        servers[0].wait(TIMEOUT_SECONDS)
        for number in range(6):
            create(f"second-{number}")

        lost, other = cluster.nodes[1], cluster.nodes[0]
        cluster.stop(lost)
        cluster.lose(lost)
        cluster.shell(other, f".remove {lost}")
        assert lost not in cluster.shell(other, ".nodes")
        create("while-two-are-left")
        cluster.start(lost)
        create("afterwards")

        # It is healthy before it has copied everything.
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while rows_on(cluster, lost) != 14:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert ask(COUNT)["contexts"]["totalCount"] == 14

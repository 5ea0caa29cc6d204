"""What deploy/cluster and docs/rqlite.md tell to do, with real nodes, servers and nginx on this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.services.cluster import Cluster, started_cluster

pytestmark = pytest.mark.thorough


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with started_cluster(tmp_path) as found:
        yield found


def server_user(cluster: Cluster) -> str:
    return cluster.database.partition("//")[2].partition("@")[0]


def test_health_checks_need_no_password_and_everything_else_needs_one(cluster: Cluster):
    for name in cluster.nodes:
        assert cluster.is_healthy(name)
        for path in ("/db/query?q=SELECT%201", "/status", "/nodes", "/db/backup"):
            assert cluster.ask(name, path).status_code == 401
        keys = cluster.ask(
            name, "/db/query?level=none&q=PRAGMA%20foreign_keys", server_user(cluster)
        )
        assert keys.json()["results"][0]["values"] == [[1]]

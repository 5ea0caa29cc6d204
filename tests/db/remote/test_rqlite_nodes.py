"""What the tests of rqlite stand on: nodes that start, join, die, hang and come back."""

from pathlib import Path

import httpx2
import pytest

from tests.support.other_programs import rqlite

pytestmark = pytest.mark.waits


def test_one_node_enforces_foreign_keys_and_wants_its_password(tmp_path: Path):
    with rqlite.cluster(tmp_path, account=rqlite.Account()) as cluster:
        (node,) = cluster.nodes

        (pragma,) = node.query("PRAGMA foreign_keys")

        assert pragma == [1]
        assert httpx2.get(f"{node.url}/db/query?q=SELECT+1").status_code == 401
        assert "a pass:word" not in cluster.url


def test_three_nodes_elect_a_new_leader_and_take_the_old_one_back(tmp_path: Path):
    with rqlite.cluster(tmp_path, 3) as cluster:
        first = cluster.leader()
        assert "error" not in first.execute("CREATE TABLE numbers (number INTEGER)")[0]

        first.kill()
        second = cluster.leader()
        second.execute("INSERT INTO numbers VALUES (1)")
        first.start()
        cluster.wait_until_ready()
        cluster.wait_until_equal()

        assert second is not first
        assert [node.query("SELECT number FROM numbers") for node in cluster.nodes] == [[[1]]] * 3


def test_a_node_that_hangs_answers_again_once_it_is_resumed(tmp_path: Path):
    with rqlite.cluster(tmp_path) as cluster:
        (node,) = cluster.nodes
        node.pause()
        with pytest.raises(httpx2.ReadTimeout):
            httpx2.get(f"{node.url}/readyz", timeout=0.2)

        node.resume()

        node.wait_until_ready()

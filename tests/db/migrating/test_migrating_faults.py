"""Servers that migrate a cluster of rqlite at once while its nodes die leave it migrated, each step once."""

import asyncio
from pathlib import Path

import pytest

from db import database_url, open_database, patience
from db.errors import BootRefused
from db.migrating import ledger, over_http
from tests.support.other_programs import rqlite
from tests.support.other_programs.rqlite import Cluster
from tests.support.services.engines import transport_to
from tests.support.services.server_process import TIMEOUT_SECONDS

NAMES = [migration.name for migration in ledger.load(ledger.MIGRATIONS)]
SERVERS = 3


def wait_until_begun(cluster: Cluster, count: int) -> None:
    """Wait until a node has so many of the migrations."""
    rqlite.wait_until(lambda: max(recorded(cluster)) >= count, lambda: str(recorded(cluster)))


def recorded(cluster: Cluster) -> list[int]:
    """How many migrations each node that runs knows."""
    counts = []
    for node in cluster.running:
        (tables,) = node.query(
            "SELECT count(*) FROM sqlite_master WHERE name = 'chittygraph_migrations'"
        )
        counts.append(
            node.query("SELECT count(*) FROM chittygraph_migrations")[0][0] if tables[0] else 0
        )
    return counts


@pytest.mark.thorough
@pytest.mark.parametrize("after", [0, 3, 12])
async def test_a_leader_that_dies_meanwhile_is_replaced(
    tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(patience, "BUSY_SECONDS", TIMEOUT_SECONDS)  # on a busy machine
    with rqlite.cluster(tmp_path, 3) as cluster:
        leader = cluster.leader()
        migrating = [
            asyncio.create_task(open_database.migrate(cluster.url)) for _ in range(SERVERS)
        ]
        await asyncio.to_thread(wait_until_begun, cluster, after)
        leader.kill()
        done = await asyncio.gather(*migrating)
        leader.start()
        await asyncio.to_thread(leader.wait_until_ready)
        async with transport_to(cluster.url) as transport:
            state = await over_http.look(transport, database_url.parse(cluster.url))
        cluster.wait_until_equal()
        files = [node.query(ledger.APPLIED) for node in cluster.nodes]

    applied = [name for each in done for name in each.applied]
    assert sorted(applied) == sorted(set(applied))
    assert (state.pending, state.differences, state.found.slow) == ((), [], [])
    assert [name for name, _ in files[0]] == NAMES
    assert files[0] == files[1] == files[2]


@pytest.mark.thorough
async def test_a_cluster_without_a_leader_is_waited_for_and_then_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(patience, "BUSY_SECONDS", 6.0)  # one try takes five
    with rqlite.cluster(tmp_path, 3) as cluster:
        lost = cluster.followers()
        for node in lost:
            node.kill()
        with pytest.raises(BootRefused, match="could not be used within 6 seconds: rqlite cannot"):
            await open_database.migrate(cluster.url)
        monkeypatch.setattr(patience, "BUSY_SECONDS", TIMEOUT_SECONDS)
        migrating = asyncio.create_task(open_database.migrate(cluster.url))
        await asyncio.sleep(0)
        for node in lost:
            node.start()
        done = await migrating

    assert done.applied == NAMES
    assert "start waits for the database" in {record.message for record in caplog.records}

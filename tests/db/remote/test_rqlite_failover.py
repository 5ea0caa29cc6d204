"""Batches to three real nodes of rqlite, of which some are gone, hang or come back."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from db import database_url
from db.consistency import NOW, At, Level
from db.errors import EngineError, OutcomeUnknown, Unavailable
from db.open_database import open_transport
from db.program import Rows
from db.remote.rqlite.transport import PATIENCE
from db.remote.transport import Bound, Transport
from tests.support.other_programs import rqlite
from tests.support.other_programs.rqlite import Account, Cluster, Node

SECONDS = 60.0
pytestmark = pytest.mark.waits
COUNT = "SELECT count(*) FROM numbers"
# Takes a node longer to apply again than it is left alone after it has failed.
SLOW = """
    INSERT INTO numbers
    WITH RECURSIVE counted (number) AS (
        SELECT 1 UNION ALL SELECT number + 1 FROM counted WHERE number < 20000000
    )
    SELECT max(number) FROM counted
"""


@pytest.fixture(scope="module")
def three_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with rqlite.cluster(tmp_path_factory.mktemp("rqlite"), 3, account=Account()) as cluster:
        yield cluster


@pytest.fixture
def cluster(three_nodes: Cluster) -> Cluster:
    """Three nodes, which all run, with an empty table on each."""
    for node in three_nodes.nodes:
        if node.is_paused:
            node.resume()
        if node.process is None:
            node.start()
    three_nodes.wait_until_ready()
    rqlite.wait_until(lambda: _is_emptied(three_nodes), lambda: three_nodes.nodes[0].log)
    three_nodes.wait_until_equal()
    return three_nodes


def _is_emptied(cluster: Cluster) -> bool:
    try:
        results = cluster.leader().execute(
            "DROP TABLE IF EXISTS numbers", "CREATE TABLE numbers (number INTEGER PRIMARY KEY)"
        )
    except AssertionError:  # another node leads by now
        return False
    return not any("error" in result for result in results)


@asynccontextmanager
async def opened(cluster: Cluster, *nodes: Node) -> AsyncIterator[Transport]:
    """What a server has whose URL names these nodes, in this order."""
    transport = open_transport(database_url.parse(Cluster(list(nodes) or cluster.nodes).url))
    try:
        yield transport
    finally:
        await transport.close()


async def insert(transport: Transport, number: int, seconds: float = SECONDS) -> None:
    statement = Bound("INSERT INTO numbers VALUES (:number)", {"number": number})
    await transport.send([statement], write=True, at=NOW, seconds=seconds)


async def insert_surely(transport: Transport, number: int) -> None:
    """Insert it once, however often that is tried, as a server does."""
    while True:
        try:
            await insert(transport, number)
        except OutcomeUnknown:
            continue
        except EngineError as error:
            if "UNIQUE constraint" not in str(error):
                raise
        return


async def read(transport: Transport, sql: str, at: At = NOW, seconds: float = SECONDS) -> Rows:
    (rows,) = await transport.send([Bound(sql, {})], write=False, at=at, seconds=seconds)
    return rows


async def test_a_server_that_knows_one_follower_only_writes_at_the_leader(cluster: Cluster):
    async with opened(cluster, cluster.followers()[0]) as transport:
        await insert(transport, 1)

        assert await read(transport, COUNT) == [(1,)]
        assert await read(transport, COUNT, At(Level.STRONG)) == [(1,)]


async def test_reads_at_none_are_those_of_the_first_node(cluster: Cluster):
    leader, follower = cluster.leader(), cluster.followers()[0]
    async with opened(cluster, follower, leader) as transport:
        await insert(transport, 1)
        cluster.wait_until_equal()
        leader.pause()

        began = time.monotonic()
        found = await read(transport, COUNT, At(Level.NONE))
        took = time.monotonic() - began

        assert found == [(1,)]
        assert took < 2 * PATIENCE  # nobody has asked the leader, which hangs


async def test_writes_go_on_at_the_next_leader_when_one_is_killed(cluster: Cluster):
    async with opened(cluster) as transport:
        await insert(transport, 1)
        first = cluster.leader()
        first.kill()

        await insert_surely(transport, 2)

        assert cluster.leader() is not first
        assert await read(transport, COUNT) == [(2,)]


async def test_a_killed_follower_is_not_noticed(cluster: Cluster):
    follower, other = cluster.followers()
    async with opened(cluster, follower, other, cluster.leader()) as transport:
        await insert(transport, 1)
        follower.kill()

        began = time.monotonic()
        for number in range(2, 12):
            await insert_surely(transport, number)
            assert await read(transport, "SELECT 1", At(Level.NONE)) == [(1,)]
        assert await read(transport, COUNT) == [(11,)]
        assert time.monotonic() - began < 10 * PATIENCE


async def test_without_a_quorum_writes_are_refused_and_reads_at_none_go_on(cluster: Cluster):
    leader = cluster.leader()
    async with opened(cluster) as transport:
        await insert(transport, 1)
        cluster.wait_until_equal()
        for node in cluster.followers():
            node.kill()
        with suppress(Unavailable):  # or unknown: the last write before the leader gives up
            await insert(transport, 100, seconds=2.0)

        with pytest.raises(Unavailable, match="rqlite") as refused:
            await insert(transport, 2, seconds=2.0)
        with pytest.raises(Unavailable, match="rqlite"):
            await read(transport, COUNT, seconds=1.0)
        at_none = await read(transport, COUNT, At(Level.NONE), seconds=2.0)

        assert type(refused.value) is Unavailable
        assert at_none == [(1,)]
        with pytest.raises(Unavailable, match="rqlite"):
            await read(transport, COUNT, At(Level.NONE, freshness=0.001), seconds=2.0)
        for node in cluster.nodes:
            if node is not leader:
                node.start()
        await insert_surely(transport, 3)
        assert (3,) in await read(transport, "SELECT number FROM numbers")


async def test_a_leader_that_hangs_holds_up_no_request_for_long(cluster: Cluster):
    async with opened(cluster) as transport:
        await insert(transport, 1)
        cluster.wait_until_equal()
        cluster.leader().pause()

        began = time.monotonic()
        with pytest.raises(OutcomeUnknown, match="the node hangs"):
            await insert(transport, 2)
        assert time.monotonic() - began < 10 * PATIENCE

        await insert(transport, 3)
        numbers = await read(transport, "SELECT number FROM numbers")
        assert {(1,), (3,)} <= set(numbers)


async def test_reads_at_none_leave_a_node_that_hangs(cluster: Cluster):
    first, second = cluster.followers()
    async with opened(cluster, first, second) as transport:
        await insert(transport, 1)
        cluster.wait_until_equal()
        first.pause()

        began = time.monotonic()
        assert await read(transport, COUNT, At(Level.NONE)) == [(1,)]
        later = time.monotonic()
        for _ in range(10):
            assert await read(transport, COUNT, At(Level.NONE)) == [(1,)]
        ended = time.monotonic()

        assert later - began < 10 * PATIENCE
        assert ended - later < 2 * PATIENCE
        first.resume()
        second.kill()
        assert await read(transport, COUNT, At(Level.NONE)) == [(1,)]


@pytest.mark.parametrize("level", [Level.NONE, Level.WEAK])
async def test_a_node_that_replays_its_log_gives_no_wrong_answer(cluster: Cluster, level: Level):
    first, second = cluster.followers()
    async with opened(cluster, first, second, cluster.leader()) as transport:
        await insert(transport, 1)
        for node in cluster.nodes:
            node.kill()
        first.start()
        with pytest.raises(Unavailable):
            await read(transport, COUNT, At(level), seconds=2.0)
        second.start()

        assert await read(transport, COUNT, At(level)) == [(1,)]


@pytest.mark.thorough
async def test_a_node_is_read_again_once_it_has_applied_what_the_others_have(tmp_path: Path):
    with rqlite.cluster(tmp_path, 3) as cluster:
        first = cluster.followers()[0]
        others = [node for node in cluster.nodes if node is not first]
        async with opened(cluster, first, *others) as transport:
            for sql in ("CREATE TABLE numbers (number INTEGER PRIMARY KEY)", SLOW):
                (result,) = cluster.leader().execute(sql)
                assert "error" not in result
            first.kill()
            assert await read(transport, COUNT, At(Level.NONE)) == [(1,)]

            first.start()
            found = set()
            while not await asyncio.to_thread(holds_a_number, first):
                ((count,),) = await read(transport, COUNT, At(Level.NONE))
                found.add(count)

    assert found == {1}


def holds_a_number(node: Node) -> bool:
    try:
        return node.query(COUNT) == [[1]]
    except (httpx2.TransportError, AssertionError, ValueError):  # it starts, or has no table yet
        return False


async def test_a_write_waits_for_a_leader_that_replays_its_log(cluster: Cluster):
    async with opened(cluster) as transport:
        cluster.leader().execute(*(f"INSERT INTO numbers VALUES ({n})" for n in range(100, 200)))
        for node in cluster.nodes:
            node.kill()
        for node in cluster.nodes:
            node.start()

        await insert_surely(transport, 1)

        assert await read(transport, COUNT) == [(101,)]


async def test_a_copy_that_is_too_old_is_not_read(cluster: Cluster):
    follower = cluster.followers()[0]
    async with opened(cluster, follower, cluster.leader()) as transport:
        await insert(transport, 1)
        assert await read(transport, COUNT, At(Level.NONE, freshness=0.000_001)) == [(1,)]


async def test_a_hundred_requests_at_once_find_the_leader_together(cluster: Cluster):
    async with opened(cluster) as transport:
        await asyncio.gather(*(insert(transport, number) for number in range(100)))

        assert await read(transport, COUNT) == [(100,)]


@pytest.mark.parametrize("level", Level)
async def test_text_that_is_none_fails_alike_on_every_node(cluster: Cluster, level: Level):
    """Through a follower, rqlite answers with the words of a write whose outcome is unknown."""
    for node in cluster.nodes:
        async with opened(cluster, node) as transport:
            found = await read(transport, "SELECT CAST(x'ff41' AS TEXT)", At(level))

            assert found == [("\ufffdA",)]


async def test_no_error_shows_the_password_nor_to_clients_where_nodes_are(cluster: Cluster):
    async with opened(cluster, cluster.followers()[0]) as transport:
        texts = []
        for sql in ("SELECT", "SELECT 1e300 * 1e300"):
            with pytest.raises(EngineError) as error:
                await read(transport, sql)
            texts.append(str(error.getrepr(chain=True, style="short")))
        for node in cluster.nodes:
            node.kill()
        for level in Level:
            with pytest.raises(Unavailable) as unavailable:
                await read(transport, "SELECT 1", At(level), seconds=0.5)
            texts.append(str(unavailable.getrepr(chain=True, style="short")))
            assert "of its address: no connection" in str(unavailable.value)
            assert not any(
                node.url.partition("://")[2] in str(unavailable.value) for node in cluster.nodes
            )

        assert not any("a pass" in text or "a%20pass" in text for text in texts)

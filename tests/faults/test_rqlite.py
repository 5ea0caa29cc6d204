"""Nodes of rqlite die, hang and come back, while clients of two servers over them write and read."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path

from tests.support.faults.declaration import Fault, Rounds, count, seconds
from tests.support.faults.operation_histories import check_registers, check_set
from tests.support.faults.trial import Trial
from tests.support.other_programs import rqlite
from tests.support.other_programs.rqlite import Cluster, Node
from tests.support.other_programs.rqlite_links import Links, links
from tests.support.requests.cluster_clients import REGISTERS, SET, Crowd, History, crowd
from tests.support.services.server_process import QUIET, served, url_of

WRITERS = 8
SERVERS = 2
BETWEEN = 40  # acknowledged writes between two faults
HOLDS = (
    "no acknowledged write is lost and none is applied twice, an order of updates and strong reads explains"
    " them, reads at `none` are answered throughout, and the files of all nodes are equal row by row"
)
FIGURES = {"lost": count(0), "applied twice": count(0), "contradictions": count(0)}

LEADER_KILLED = Fault(
    name="leader-killed",
    done=f"`kill -9` of the leader of three nodes of rqlite under {WRITERS} clients of {SERVERS} servers",
    holds=HOLDS,
    rounds=Rounds(default=0, thorough=3, by_hand=20, called="kills"),
    figures={**FIGURES, "all write again": seconds(10), "reads at none stop for": seconds(5)},
)
FOLLOWER_KILLED = Fault(
    name="follower-killed",
    done=f"`kill -9` of a follower of rqlite under {WRITERS} clients of {SERVERS} servers",
    holds=HOLDS,
    rounds=Rounds(default=0, thorough=1, by_hand=20, called="kills"),
    figures={**FIGURES, "all write again": seconds(3), "reads at none stop for": seconds(5)},
)


QUORUM_LOST = Fault(
    name="quorum-lost",
    done="`kill -9` of two of three nodes of rqlite, which come back later",
    holds=f"writes are refused meanwhile, and accepted again by themselves; {HOLDS}",
    rounds=Rounds(default=0, thorough=1, by_hand=10, called="times"),
    figures={**FIGURES, "refusal": seconds(5), "reads at none stop for": seconds(5)},
)
CUT_OFF = Fault(
    name="cut-off-leader",
    done="the links between the leader of three nodes of rqlite and one or both others are cut, and mended,"
    " while servers reach all of them",
    holds=f"two leaders are never seen; {HOLDS}",
    rounds=Rounds(default=0, thorough=2, by_hand=20, called="cuts"),
    figures={**FIGURES, "all write again": seconds(10), "reads at none stop for": seconds(5)},
)
HANGING = Fault(
    name="hanging-leader",
    done="SIGSTOP of the leader of three nodes of rqlite, then of all nodes",
    holds=f"each request is answered in time, with 503 if it must be; {HOLDS}",
    rounds=Rounds(default=0, thorough=1, by_hand=20, called="times"),
    figures={
        **FIGURES,
        "all write again": seconds(10),
        "answer": seconds(6),
        "reads at none stop for": seconds(5),
    },
)


@contextmanager
def servers(cluster: Cluster) -> Iterator[list[str]]:
    """The addresses of two servers, each of which has another node of rqlite as its nearest."""
    with ExitStack() as stack:
        found = []
        for number in range(SERVERS):
            nodes = [*cluster.nodes[number:], *cluster.nodes[:number]]
            database = Cluster(nodes).url
            _, said = stack.enter_context(served(database, *QUIET))
            found.append(url_of(said, "/graphql"))
        yield found


@asynccontextmanager
async def running(folder: Path, links: Links | None = None) -> AsyncIterator[tuple[Cluster, Crowd]]:
    """A cluster with the timeouts that rqlite has, two servers over it, and clients of both at work."""
    advertise = None if links is None else links.advertised
    timeouts = rqlite.AS_RELEASED
    with (
        rqlite.cluster(folder, 3, timeouts=timeouts, advertise=advertise) as cluster,
        servers(cluster) as urls,
    ):
        async with crowd(urls, WRITERS) as clients:
            await clients.until_acknowledged(BETWEEN)
            yield cluster, clients


def judge(trial: Trial, history: History, cluster: Cluster) -> None:
    """Look at what the clients did, and at what the nodes hold in the end."""
    cluster.wait_until_ready()
    names = cluster.leader().query("SELECT display_name FROM actors", level="strong")
    added = [write for write in history.writes if write.key == SET]
    found = check_set(added, [name for (name,) in names if not _is_of_register(name, history)])
    problems = check_registers(
        [write for write in history.writes if write.key in REGISTERS], history.reads
    )
    trial.measured("lost", len(found.lost))
    trial.measured("applied twice", len(found.repeated))
    trial.measured("contradictions", len(problems))
    assert not found.unwanted
    assert len(history.reads) > len(REGISTERS)
    trial.measured("reads at none stop for", history.longest_gap_at_none())
    cluster.wait_until_equal()
    first, *others = map(rows_of, cluster.nodes)
    assert first
    for other in others:
        assert other == first


def _is_of_register(name: str, history: History) -> bool:
    return any(write.value == name and write.key in REGISTERS for write in history.writes)


def rows_of(node: Node) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the node's file, with its number, by table."""
    with closing(sqlite3.connect(f"file:{node.file}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        tables = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        return {
            name: sorted(
                connection.execute(f'SELECT {_number(sql)} * FROM "{name}"').fetchall(), key=repr
            )
            for name, sql in tables
        }


def _number(sql: str | None) -> str:
    return "" if sql and "WITHOUT ROWID" in sql.upper() else "rowid,"


@LEADER_KILLED
async def test_a_leader_that_is_killed_takes_no_acknowledged_write_with_it(
    trial: Trial, tmp_path: Path
):
    async with running(tmp_path) as (cluster, clients):
        for _ in trial.each_round():
            leader = await asyncio.to_thread(cluster.leader)
            leader.kill()
            trial.measured("all write again", await clients.until_all_write(time.monotonic()))
            leader.start()
            await asyncio.to_thread(leader.wait_until_ready)
            await clients.until_acknowledged(BETWEEN)
        judge(trial, await clients.stop(), cluster)


@FOLLOWER_KILLED
async def test_a_follower_that_is_killed_is_not_noticed(trial: Trial, tmp_path: Path):
    async with running(tmp_path) as (cluster, clients):
        for _ in trial.each_round():
            follower = (await asyncio.to_thread(cluster.followers))[0]
            follower.kill()
            trial.measured("all write again", await clients.until_all_write(time.monotonic()))
            await clients.until_acknowledged(BETWEEN)
            follower.start()
            await asyncio.to_thread(follower.wait_until_ready)
        judge(trial, await clients.stop(), cluster)


@QUORUM_LOST
async def test_without_a_quorum_writes_are_refused_until_it_is_back(trial: Trial, tmp_path: Path):
    async with running(tmp_path) as (cluster, clients):
        for _ in trial.each_round():
            killed = await asyncio.to_thread(cluster.followers)
            for node in killed:
                node.kill()
            began = time.monotonic()
            await clients.until_all_refused(began)
            for node in killed:
                node.start()
            await clients.until_all_write(time.monotonic())
            trial.measured("refusal", clients.history.longest_refusal(began))
            await clients.until_acknowledged(BETWEEN)
        judge(trial, await clients.stop(), cluster)


@CUT_OFF
async def test_clients_never_see_two_leaders(trial: Trial, tmp_path: Path):
    with links() as between:
        async with running(tmp_path, between) as (cluster, clients):
            for round_ in trial.each_round():
                leader = await asyncio.to_thread(cluster.leader)
                if round_ % 2:
                    followers = await asyncio.to_thread(cluster.followers)
                    between.cut((leader, followers[0]))
                else:
                    between.cut_off(leader)
                trial.measured("all write again", await clients.until_all_write(time.monotonic()))
                await clients.until_acknowledged(BETWEEN)
                between.mend()
                await clients.until_all_write(time.monotonic())
            judge(trial, await clients.stop(), cluster)


@HANGING
async def test_a_node_that_hangs_holds_no_request_up_for_long(trial: Trial, tmp_path: Path):
    async with running(tmp_path) as (cluster, clients):
        for _ in trial.each_round():
            leader = await asyncio.to_thread(cluster.leader)
            leader.pause()
            trial.measured("all write again", await clients.until_all_write(time.monotonic()))
            leader.resume()
            await asyncio.to_thread(leader.wait_until_ready)
            await clients.until_acknowledged(BETWEEN)
        trial.measured("answer", clients.history.longest_answer)
        judge(trial, await clients.stop(), cluster)
        for node in cluster.nodes:
            node.pause()
        for client in clients.writers:
            trial.measured("answer", await client.refused_after())

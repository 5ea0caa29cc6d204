"""What is promised of reads after writes holds on a real cluster of rqlite."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from server.app import create_app
from server.graphql.consistency import Marks
from server.settings import Settings
from tests.support.other_programs import rqlite
from tests.support.other_programs.rqlite import Cluster, Node
from tests.support.registries.databases import UNHURRIED
from tests.support.services.api import Api
from tests.support.services.asgi_client import AsgiClient

pytestmark = pytest.mark.thorough

NONE, MARK = {"x-chittygraph-consistency": "none"}, "x-chittygraph-mark"
COUNT = "{ actors { totalCount nodes { chittyId } } }"
REGISTER = """
    mutation { registerActor(input: { actorType: HUMAN }) { errors { code } actor { chittyId } } }
"""
TIMES = 200


@asynccontextmanager
async def serving(node: Node, **settings: Any) -> AsyncIterator[Api]:
    """A service that knows one node of a cluster."""
    url = Cluster([node]).url
    app = create_app(Settings(database=url, **UNHURRIED | settings))
    async with app.router.lifespan_context(app), AsgiClient(app) as client:
        yield Api(app, client)


@asynccontextmanager
async def served_cluster(folder: Path, **settings: Any) -> AsyncIterator[tuple[Cluster, Api, Api]]:
    """A cluster, a service at its leader and one at a follower."""
    with rqlite.cluster(folder, 3) as cluster:
        follower = cluster.followers()[0]
        async with (
            serving(cluster.leader(), **settings) as one,
            serving(follower, **settings) as other,
        ):
            yield cluster, one, other


async def register(api: Api, headers: dict[str, str] | None = None) -> tuple[str, str]:
    """A new actor, and the mark of that."""
    made = await api.client.post("/graphql", json={"query": REGISTER}, headers=headers)
    payload = made.json()["data"]["registerActor"]
    assert payload["errors"] == [], payload
    return payload["actor"]["chittyId"], made.headers[MARK]


async def count(api: Api, headers: dict[str, str]) -> int:
    """How many actors a service shows."""
    answer = await api.client.post("/graphql", json={"query": COUNT}, headers=headers)
    assert "errors" not in answer.json(), answer.text
    return int(answer.json()["data"]["actors"]["totalCount"])


async def test_what_was_written_at_one_server_is_read_at_another_with_the_mark(tmp_path: Path):
    async with served_cluster(tmp_path) as (_, writing, reading):
        for written in range(1, TIMES + 1):
            _, mark = await register(writing)
            assert await count(reading, NONE | {MARK: mark}) == written


async def test_what_was_written_through_a_server_is_read_through_it_without_the_mark(
    tmp_path: Path,
):
    async with served_cluster(tmp_path) as (_, _, through):
        for written in range(1, TIMES + 1):
            await register(through)
            assert await count(through, NONE) == written


async def test_without_a_quorum_reads_at_none_go_on_until_they_have_to_see_more(tmp_path: Path):
    async with served_cluster(tmp_path, read_seconds=2.0) as (cluster, writing, reading):
        await register(writing)
        cluster.wait_until_equal()
        survivor = cluster.followers()[0]
        for node in cluster.nodes:
            if node is not survivor:
                node.kill()

        answers = [await count(reading, NONE) for _ in range(3)]
        reading.service.operations.marks = Marks()
        refused = await reading.post(COUNT)

    assert answers == [1, 1, 1]
    (error,) = refused["errors"]
    assert error["extensions"]["code"] in {"UNAVAILABLE", "TIMEOUT"}


async def test_an_operation_sees_one_state_while_others_write(tmp_path: Path):
    """The number of a list and its rows are read by different batches of generic execution."""
    async with served_cluster(tmp_path, compiled=False) as (_, writing, reading):
        done = asyncio.Event()

        async def write() -> None:
            for _ in range(40):
                await register(writing)
            done.set()

        task = asyncio.create_task(write())
        torn = tagged = 0
        while not done.is_set():
            params = {"query": "{ actors(first: 100) { totalCount nodes { chittyId } } }"}
            answer = await reading.client.get("/graphql", params=params, headers=NONE)
            found = answer.json()["data"]["actors"]
            if "etag" in answer.headers:
                tagged += 1
                torn += found["totalCount"] != len(found["nodes"])
        await task

    assert tagged
    assert torn == 0

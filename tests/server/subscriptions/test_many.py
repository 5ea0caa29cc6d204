"""A thousand listeners and a burst of changes: nobody misses one, and memory stays bounded."""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.registries.databases import ADD, elsewhere, new_registry
from tests.support.requests.websocket_clients import Socket, acknowledged
from tests.support.services.memory import memory
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, UNHURRIED, served, url_of

pytestmark = pytest.mark.waits

CHANGES = "subscription { changes { entityId entity { ... on Actor { displayName } } after } }"
SOCKETS, EACH, BURST = 100, 10, 200
MOST_MB = 400


async def heard(socket: Socket, each: int, burst: int) -> dict[str, list[str]]:
    """What each subscription of a socket is told of, in order."""
    found: dict[str, list[str]] = {str(number): [] for number in range(each)}
    for _ in range(each * burst):
        message = await socket.hear()
        assert message["type"] == "next", message
        found[message["id"]].append(message["payload"]["data"]["changes"]["entityId"])
    return found


async def told_to_all(folder: Path, sockets: int, burst: int) -> tuple[float, float]:
    """Let so many sockets with EACH subscriptions hear of a burst: the seconds it took and the MB."""
    path = new_registry(folder / "registry.db")
    flags = (*QUIET, *UNHURRIED, "--peer-sockets", "0")
    with served(path, *flags) as (process, said):
        url = url_of(said, "/graphql")
        async with AsyncExitStack() as stack:
            opened = [await stack.enter_async_context(acknowledged(url)) for _ in range(sockets)]
            for socket in opened:
                for number in range(EACH):
                    await socket.subscribe(CHANGES, str(number))
                await socket.say("ping")  # answered once the server has subscribed all
                assert await socket.hear() == {"type": "pong"}
            since = time.perf_counter()
            listening = [asyncio.ensure_future(heard(each, EACH, burst)) for each in opened]
            with elsewhere(path) as other:
                for number in range(burst):
                    other.execute(ADD, {"name": f"CHITTY-ACTOR-X{number:05}-AAAA"})
                    await asyncio.sleep(0)
            everything = await asyncio.wait_for(asyncio.gather(*listening), TIMEOUT_SECONDS)
            seconds = time.perf_counter() - since
            megabytes = memory(process.pid)
    first = everything[0]["0"]
    assert len(set(first)) == burst
    assert all(each == first for found in everything for each in found.values())
    return seconds, megabytes


async def test_a_hundred_listeners_are_told_of_each_change_of_a_burst(tmp_path: Path):
    _, megabytes = await told_to_all(tmp_path, 10, 100)

    assert megabytes < MOST_MB


@pytest.mark.thorough
async def test_a_thousand_listeners_are_told_of_each_change_of_a_burst(tmp_path: Path):
    seconds, megabytes = await told_to_all(tmp_path, SOCKETS, BURST)

    print(json.dumps({"seconds": round(seconds, 1), "megabytes": round(megabytes)}))  # noqa: T201
    assert megabytes < MOST_MB

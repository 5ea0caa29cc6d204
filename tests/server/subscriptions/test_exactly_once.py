"""Every change reaches a listener once and in order, whatever happens to its server, and whoever writes."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tests.support.registries.databases import ADD, NOW, elsewhere, new_registry
from tests.support.requests.event_streams import Stream, listening
from tests.support.requests.websocket_clients import acknowledged
from tests.support.services.commands import command_process
from tests.support.services.server_process import (
    QUIET,
    TIMEOUT_SECONDS,
    UNHURRIED,
    end_all,
    served,
    url_of,
    workers_of,
)

pytestmark = pytest.mark.waits

CHANGES = "subscription($after: String) { changes(after: $after) { cursor entityId cause } }"
REGISTER = """
    mutation($name: String) { registerActor(input: { actorType: AI, displayName: $name }) { actor { id } } }
"""
RECORDED = "SELECT kind, key, cause FROM changes WHERE sequence > ? ORDER BY sequence"
LAST = "done"


async def registered(url: str, *names: str) -> None:
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        for name in names:
            answer = await client.post(url, json={"query": REGISTER, "variables": {"name": name}})
            assert answer.status_code == 200, answer.text


class Log:
    """What a listener has heard: the ids of what changed."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.cursor: str | None = None

    def take(self, response: object) -> None:
        change = response["data"]["changes"]  # type: ignore[index]
        self.heard.append(change["entityId"])
        self.cursor = change["cursor"]


@asynccontextmanager
async def resumed(url: str, log: Log) -> AsyncIterator[Stream]:
    headers = {} if log.cursor is None else {"last-event-id": log.cursor}
    async with listening(url, CHANGES, headers) as stream:
        yield stream


def recorded(path: Path, after: int = 0) -> list[tuple[str, str, str]]:
    with elsewhere(path) as connection:
        found: list[tuple[str, str, str]] = connection.execute(RECORDED, (after,)).fetchall()
    return found


async def ids(url: str) -> list[str]:
    """The ids of what changed, in order, as a query tells them."""
    found: list[str] = []
    after = None
    query = "query($a: String) { changes(first: 100, after: $a) { nodes { entityId cursor } } }"
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        while True:
            answer = await client.post(url, json={"query": query, "variables": {"a": after}})
            nodes = answer.json()["data"]["changes"]["nodes"]
            if not nodes:
                return found
            found += [each["entityId"] for each in nodes]
            after = nodes[-1]["cursor"]


async def test_a_listener_that_comes_back_again_and_again_hears_each_change_once(tmp_path: Path):
    chance = random.Random(17)
    path, log = tmp_path / "registry.db", Log()
    with served(path, *QUIET, *UNHURRIED) as (_, said):
        url = url_of(said, "/graphql")
        async with listening(url, CHANGES) as stream:
            log.cursor = stream.last_id

        writing = asyncio.ensure_future(registered(url, *map(str, range(300))))
        while len(log.heard) < 300:
            async with resumed(url, log) as stream:
                for _ in range(min(chance.randrange(1, 30), 300 - len(log.heard))):
                    log.take(await asyncio.wait_for(stream.next(), TIMEOUT_SECONDS))
        await writing
        expected = await ids(url)

    assert log.heard == expected


async def test_two_workers_and_other_programs_are_one_log(tmp_path: Path):
    path = new_registry(tmp_path / "registry.db")
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        "".join(
            json.dumps(
                {"type": "actors", "chitty_id": f"CHITTY-ACTOR-I{n:05}-AAAA", "actor_type": "ai"}
            )
            + "\n"
            for n in range(20)
        )
    )
    flags = ("--workers", "2", *QUIET, *UNHURRIED)
    with served(path, *flags) as (process, said):
        workers_of(process, 2)
        url = url_of(said, "/graphql")
        logs = [Log() for _ in range(6)]
        total = 20 + 20 + 20

        async def listen(log: Log) -> None:
            async with acknowledged(url) as socket:
                await socket.subscribe(CHANGES, "1", variables={"after": start})
                while len(log.heard) < total:
                    message = await socket.hear()
                    assert message["type"] == "next", message
                    log.take(message["payload"])

        async with listening(url, CHANGES) as stream:
            start = stream.last_id
        listeners = [asyncio.ensure_future(listen(log)) for log in logs]
        for number in range(20):
            await registered(url, f"actor {number}")
            with elsewhere(path) as other:
                other.execute(ADD, {"name": f"CHITTY-ACTOR-X{number:05}-AAAA"})
        imported = await asyncio.to_thread(command_process, "import", rows, "--database", path)
        assert imported.returncode == 0, imported.stderr
        await asyncio.wait_for(asyncio.gather(*listeners), TIMEOUT_SECONDS)
        expected = await ids(url)

    assert {cause for _, _, cause in recorded(path)} == {"registerActor", "external", "import"}
    assert [log.heard for log in logs] == [expected] * 6


async def test_a_killed_server_goes_on_where_it_was(tmp_path: Path):
    path, log = new_registry(tmp_path / "registry.db"), Log()
    for round_ in range(3):
        with served(path, *QUIET, *UNHURRIED) as (process, said):
            url = url_of(said, "/graphql")
            async with resumed(url, log) as stream:
                log.cursor = log.cursor or stream.last_id
                for number in range(5):
                    await registered(url, f"actor {round_} {number}")
                    if number < 3:
                        log.take(await stream.next())
                end_all(process.pid)
    with served(path, *QUIET, *UNHURRIED) as (_, said):
        url = url_of(said, "/graphql")
        async with resumed(url, log) as stream:
            while len(log.heard) < 15:
                log.take(await stream.next())
        expected = await ids(url)

    assert log.heard == expected


async def test_what_was_written_while_nobody_served_is_told_afterwards(tmp_path: Path):
    path, log = new_registry(tmp_path / "registry.db"), Log()
    with served(path, *QUIET) as (_, said):
        async with listening(url_of(said, "/graphql"), CHANGES) as stream:
            log.cursor = stream.last_id
    with elsewhere(path) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in range(250):
            other.execute(ADD, {"name": f"CHITTY-ACTOR-X{number:05}-AAAA"})
        other.execute(
            "UPDATE actors SET display_name = 'x', updated_at = ?", (NOW.replace("2026", "2027"),)
        )
        other.execute("COMMIT")

    with served(path, *QUIET) as (_, said):
        url = url_of(said, "/graphql")
        async with resumed(url, log) as stream:
            while len(log.heard) < 500:
                log.take(await stream.next())
        expected = await ids(url)

    assert log.heard == expected

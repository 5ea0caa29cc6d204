"""Idempotency keys where servers are killed, share a database, or their clock is set."""

import asyncio
import itertools
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.other_programs.faketime import FakeClock
from tests.support.registries.databases import elsewhere, new_registry
from tests.support.requests.idempotent_requests import REGISTER
from tests.support.services.own_address import own_host
from tests.support.services.server_process import (
    QUIET,
    TIMEOUT_SECONDS,
    UNHURRIED,
    served,
    url_of,
    workers_of,
)

pytestmark = pytest.mark.waits

CLIENTS = 6
# Both fields write, and each time that they do, something more is there.
TWO = """mutation Two($name: String!, $connection: ID!) {
    first: registerActor(input: { actorType: AI, displayName: $name }) {
        actor { chittyId createdAt } errors { code }
    }
    second: recordConnectionUse(inputs: [{ connectionId: $connection }]) {
        connections { requestCount updatedAt } errors { code }
    }
}"""
OPEN = """mutation {
    registerActor(input: { actorType: AI, chittyId: "CHITTY-ACTOR-ADA" }) { errors { code } }
    openConnection(input: { source: "CHITTY-ACTOR-ADA", targetService: "a" }) {
        connection { connectionId }
    }
}"""


@dataclass
class Deliveries:
    """Clients that send each request until it is answered, whatever happens to the server."""

    connection: str
    url: str = ""
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False

    async def client(self, number: int) -> None:
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            for turn in itertools.count():
                if self.is_over:
                    return
                await self.deliver(client, f"{number}-{turn}")

    async def deliver(self, client: httpx2.AsyncClient, key: str) -> None:
        answer = None
        while answer is None:
            try:
                answer = await self.sent(client, key)
            except httpx2.TransportError:
                await asyncio.sleep(0.01)  # the next server is not there yet
        assert self.answers.setdefault(key, answer) == answer
        self.answered.set()

    async def sent(self, client: httpx2.AsyncClient, key: str) -> dict[str, Any]:
        variables = {"name": key, "connection": self.connection}
        response = await client.post(
            self.url,
            json={"query": TWO, "variables": variables},
            headers={"idempotency-key": f'"{key}"'},
        )
        found: dict[str, Any] = response.json()
        assert "errors" not in found, found
        assert [payload["errors"] for payload in found["data"].values()] == [[], []]
        return found

    async def has_grown(self, count: int) -> None:
        """Wait for so many more answers."""
        wanted = len(self.answers) + count
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while len(self.answers) < wanted:
                self.answered.clear()
                await self.answered.wait()


@asynccontextmanager
async def delivering(path: Path) -> AsyncIterator[Deliveries]:
    with served(path, *QUIET) as (_, said):
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            made = await client.post(url_of(said, "/graphql"), json={"query": OPEN})
    opened = made.json()["data"]["openConnection"]["connection"]
    yield Deliveries(opened["connectionId"])


@pytest.mark.parametrize("kills", [2, pytest.param(12, marks=pytest.mark.thorough)])
async def test_every_field_counts_once_however_often_the_server_is_killed(
    tmp_path: Path, kills: int
):
    path, chance = tmp_path / "registry.db", random.Random(11)
    # Whoever still asks where a killed server was must not find another program there.
    flags = (*QUIET, *UNHURRIED, "--host", own_host())
    async with delivering(path) as deliveries:
        clients: list[asyncio.Future[None]] = []
        for _ in range(kills):
            with served(path, *flags) as (process, said):
                deliveries.url = url_of(said, "/graphql")
                clients = clients or [
                    asyncio.ensure_future(deliveries.client(number)) for number in range(CLIENTS)
                ]
                await deliveries.has_grown(chance.randrange(5, 20))
                process.send_signal(signal.SIGKILL)
                await asyncio.to_thread(process.wait)
        with served(path, *flags) as (_, said):
            deliveries.url = url_of(said, "/graphql")
            await deliveries.has_grown(CLIENTS)
            deliveries.is_over = True
            await asyncio.gather(*clients)
            async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
                for key in list(deliveries.answers):
                    await deliveries.deliver(client, key)  # which compares

    keys = list(deliveries.answers)
    assert _names(path) == Counter(keys)
    assert _uses(path, deliveries.connection) == len(keys)
    counts = [
        answer["data"]["second"]["connections"][0]["requestCount"]
        for answer in deliveries.answers.values()
    ]
    assert sorted(map(int, counts)) == list(range(1, len(keys) + 1))


async def test_a_request_killed_between_its_fields_resumes_with_the_second(tmp_path: Path):
    path = tmp_path / "registry.db"
    async with delivering(path) as deliveries:
        with served(path, *QUIET) as (_, said), elsewhere(path) as other:
            deliveries.url = url_of(said, "/graphql")
            # As it stands between the two: the second field's write is undone, and its answer with it.
            other.execute(
                "CREATE TRIGGER killed BEFORE UPDATE ON connections"
                " BEGIN SELECT RAISE(ROLLBACK, 'killed'); END"
            )
            other.commit()
            async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
                with pytest.raises(AssertionError, match="INTERNAL"):
                    await deliveries.sent(client, "key")
                half = _names(path), _uses(path, deliveries.connection)
                other.execute("DROP TRIGGER killed")
                other.commit()
                done = await deliveries.sent(client, "key")
                again = await deliveries.sent(client, "key")

    assert half == ({"key": 1}, 0)
    assert (_names(path), _uses(path, deliveries.connection)) == ({"key": 1}, 1)
    assert again == done


async def test_workers_share_the_keys(tmp_path: Path):
    path = tmp_path / "registry.db"
    async with delivering(path) as deliveries:
        with served(path, *QUIET, *UNHURRIED, "--workers", "2") as (process, said):
            workers_of(process, 2)
            deliveries.url = url_of(said, "/graphql")

            async def once(key: str) -> None:
                # A connection of its own, which either worker may have.
                async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
                    await deliveries.deliver(client, key)

            keys = [f"key-{number}" for number in range(5)]
            await asyncio.gather(*(once(key) for key in keys * 8))

    assert _names(path) == Counter(keys)
    assert _uses(path, deliveries.connection) == len(keys)


async def test_a_key_is_free_again_after_a_day(tmp_path: Path):
    path, clock = new_registry(tmp_path / "registry.db"), FakeClock(tmp_path / "clock")
    with served(path, *QUIET, environment=clock.environment) as (_, said):
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:

            async def sent() -> tuple[int, str]:
                response = await client.post(
                    url_of(said, "/graphql"),
                    json={"query": REGISTER, "variables": {"name": "Ada"}},
                    headers={"idempotency-key": "one"},
                )
                return response.status_code, response.text

            done = await sent()
            clock.set(timedelta(hours=23, minutes=50))
            again = await sent()
            clock.set(timedelta(hours=24, minutes=10))
            anew = await sent()
            clock.set(timedelta(hours=1))  # back
            after = await sent()

    assert again == done
    assert anew != done
    assert after == anew


def _names(path: Path) -> Counter[str]:
    """How often each name was registered."""
    with elsewhere(path) as connection:
        found = connection.execute(
            "SELECT display_name, count(*) FROM actors WHERE display_name IS NOT NULL GROUP BY 1"
        )
        return Counter(dict(found))


def _uses(path: Path, connection_id: str) -> int:
    with elsewhere(path) as connection:
        ((count,),) = connection.execute(
            "SELECT request_count FROM connections WHERE connection_id = ?", (connection_id,)
        )
        return int(count)

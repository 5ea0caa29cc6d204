"""GraphQL over Server-Sent Events in single connection mode, from real servers."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from server.endpoints.carried_operations import MAX_OPERATIONS
from server.endpoints.reserved_streams import MOST_OF_VIEWER
from tests.support.registries.databases import elsewhere
from tests.support.requests.event_streams import ACCEPT, Stream
from tests.support.running.waiting import eventually
from tests.support.services.local_server import LocalServer, serving
from tests.support.services.protected_service import bearer, protected
from tests.support.services.server_process import (
    QUIET,
    TIMEOUT_SECONDS,
    UNHURRIED,
    served,
    url_of,
    workers_of,
)

pytestmark = pytest.mark.waits

CHANGES = "subscription { changes { cause } }"
REGISTER = """
    mutation($name: String) {
      registerActor(input: { actorType: AI, displayName: $name }) { actor { displayName } }
    }
"""
TOKEN = "x-graphql-event-stream-token"
LARGE = 5_000_000  # bytes


@dataclass
class Client:
    """A client of one stream, each of whose requests is a connection of its own."""

    url: str
    token: str
    stream: Stream
    headers: dict[str, str]

    async def ask(self, query: str, id_: str, length: int = 0, **variables: Any) -> httpx2.Response:
        """Send an operation, which is answered in the stream, in a body of at least this length."""
        sent = {"query": query, "variables": variables, "extensions": {"operationId": id_}}
        headers = self.headers | {TOKEN: self.token, "content-type": "application/json"}
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            body = json.dumps(sent).ljust(length)
            return await client.post(self.url, content=body, headers=headers)

    async def stop(self, id_: str) -> httpx2.Response:
        """End an operation."""
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            return await client.delete(
                self.url, params={"operationId": id_}, headers=self.headers | {TOKEN: self.token}
            )

    async def hear(self) -> tuple[str, str, Any]:
        """The next event: its name, its operation and the response in it."""
        event = await self.stream.hear()
        assert event is not None
        data = event.json
        return event.name, data["id"], data.get("payload")


async def reserved(url: str, headers: dict[str, str] | None = None) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        return await client.put(url, headers=headers or {})


@asynccontextmanager
async def streaming(url: str, headers: dict[str, str] | None = None) -> AsyncIterator[Client]:
    """An open stream, by its token alone as an EventSource opens it."""
    answer = await reserved(url, headers)
    assert answer.status_code == 201, answer.text
    token = answer.text
    async with (
        httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client,
        client.stream("GET", url, params={"token": token}, headers=ACCEPT) as response,
    ):
        assert response.status_code == 200
        yield Client(url, token, Stream(response), headers or {})


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LocalServer]:
    async with serving(tmp_path / "registry.db") as server:
        yield server


@pytest.fixture
async def client(server: LocalServer) -> AsyncIterator[Client]:
    async with streaming(f"{server.url}/stream") as client:
        yield client


async def test_operations_are_accepted_and_answered_in_the_stream(client: Client):
    asked = await client.ask("{ viewer { capabilities } }", "a")
    told = [await client.hear(), await client.hear()]

    assert (asked.status_code, asked.content) == (202, b"")
    assert told == [
        ("next", "a", {"data": {"viewer": {"capabilities": ["admin"]}}}),
        ("complete", "a", None),
    ]


async def test_subscriptions_and_operations_share_the_stream(client: Client):
    for id_ in ("one", "two"):
        assert (await client.ask(CHANGES, id_)).status_code == 202
    await client.ask(REGISTER, "write", name="Ada")
    told = [await client.hear() for _ in range(4)]
    stopped = await client.stop("one")
    await client.ask(REGISTER, "again", name="Bert")
    later = [await client.hear() for _ in range(3)]

    change = {"data": {"changes": {"cause": "registerActor"}}}
    written = {"data": {"registerActor": {"actor": {"displayName": "Ada"}}}}
    for name, id_, result in told:
        if (name, id_) == ("next", "write"):
            result.pop("extensions", None)  # an engine over HTTP marks what was written
    assert sorted(told, key=str) == sorted(
        [
            ("next", "one", change),
            ("next", "two", change),
            ("next", "write", written),
            ("complete", "write", None),
        ],
        key=str,
    )
    assert stopped.status_code == 200
    assert sorted((name, id_) for name, id_, _ in later) == [
        ("complete", "again"),
        ("next", "again"),
        ("next", "two"),
    ]


async def test_what_cannot_be_executed_is_refused_at_once(client: Client):
    refused = await client.ask("{ nothing }", "a")

    assert refused.json()["errors"][0]["extensions"]["code"] == "INVALID_DOCUMENT"


async def test_an_operation_needs_an_id_of_its_own(client: Client):
    await client.ask(CHANGES, "a")
    again = await client.ask(CHANGES, "a")
    without = await client.ask(CHANGES, "")

    assert (again.status_code, without.status_code) == (409, 400)
    assert "operationId" in without.json()["errors"][0]["message"]


async def test_a_stream_has_a_limited_number_of_subscriptions(client: Client):
    for number in range(MAX_OPERATIONS):
        assert (await client.ask(CHANGES, f"s{number}")).status_code == 202
    refused = await client.ask(CHANGES, "one more")

    assert refused.status_code == 429


async def test_a_viewer_has_a_limited_number_of_streams(server: LocalServer):
    url = f"{server.url}/stream"
    answers = [await reserved(url) for _ in range(MOST_OF_VIEWER + 1)]

    assert [each.status_code for each in answers] == [201] * MOST_OF_VIEWER + [429]
    assert len({each.text for each in answers}) == MOST_OF_VIEWER + 1


async def test_a_reservation_is_for_one_stream_at_a_time(client: Client):
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as other:
        again = await other.get(client.url, params={"token": client.token}, headers=ACCEPT)
        unknown = await other.get(client.url, params={"token": "1-nobody"}, headers=ACCEPT)
        without = await other.get(client.url, headers=ACCEPT)

    assert [each.status_code for each in (again, unknown, without)] == [409, 404, 404]
    assert "no stream has this token" in unknown.text
    assert "the token of a stream is missing" in without.text


async def test_a_stream_that_its_client_leaves_takes_its_subscriptions_along(server: LocalServer):
    metrics = server.app.service.metrics
    async with streaming(f"{server.url}/stream") as client:
        await client.ask(CHANGES, "a")
        assert metrics.subscriptions == 1

    await eventually(lambda: metrics.subscriptions == 0)
    assert (await client.ask(CHANGES, "b")).status_code == 404


async def test_a_stream_that_ends_while_a_request_arrives_gets_no_subscription(server: LocalServer):
    metrics, ended = server.app.service.metrics, asyncio.Event()
    sent = json.dumps({"query": CHANGES, "extensions": {"operationId": "late"}}).encode()

    async def slowly() -> AsyncIterator[bytes]:
        yield sent[:5]
        await ended.wait()
        yield sent[5:]

    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as other:
        async with streaming(f"{server.url}/stream") as client:
            headers = {TOKEN: client.token, "content-type": "application/json"}
            late = asyncio.ensure_future(other.post(client.url, content=slowly(), headers=headers))
            await client.ask(CHANGES, "early")
            await eventually(lambda: server.app.service.graphql_bodies.budget.held > 0)
        await eventually(lambda: metrics.subscriptions == 0)
        ended.set()
        answer = await late

    assert answer.status_code == 404
    assert metrics.subscriptions == 0


async def test_a_stopping_server_ends_the_stream(tmp_path: Path):
    async with (
        serving(tmp_path / "registry.db") as server,
        streaming(f"{server.url}/stream") as client,
    ):
        await client.ask(CHANGES, "a")
        server.server.should_exit = True
        assert await asyncio.wait_for(client.stream.hear(), TIMEOUT_SECONDS) is None
        assert client.stream.retry == "1000"


TWICE = """
    mutation {
      first: registerActor(input: { actorType: AI, displayName: "first" }) { actor { displayName } }
      second: registerActor(input: { actorType: AI, displayName: "second" }) { actor { displayName } }
    }
"""


@pytest.mark.files_only("another program holds the database for as long as it likes")
async def test_a_stopping_server_answers_the_mutation_that_is_under_way(tmp_path: Path):
    path = tmp_path / "registry.db"
    async with serving(path) as server, streaming(f"{server.url}/stream") as client:
        with elsewhere(path) as connection:
            connection.execute("BEGIN IMMEDIATE")  # mutations wait
            await client.ask(TWICE, "a")
            server.server.should_exit = True
            await asyncio.wait_for(
                server.app.service.subscriptions.stopping.wait(), TIMEOUT_SECONDS
            )
            connection.execute("COMMIT")
        told = [await client.hear(), await client.hear()]
        end = await asyncio.wait_for(client.stream.hear(), TIMEOUT_SECONDS)

    assert told == [
        (
            "next",
            "a",
            {
                "data": {
                    "first": {"actor": {"displayName": "first"}},
                    "second": {"actor": {"displayName": "second"}},
                }
            },
        ),
        ("complete", "a", None),
    ]
    assert end is None


@pytest.mark.files_only("another program holds the database for as long as it likes")
async def test_a_stopping_server_ends_the_mutation_of_a_stream_that_is_gone(tmp_path: Path):
    path = tmp_path / "registry.db"
    with served(path, *UNHURRIED, *QUIET) as (process, said), elsewhere(path) as connection:
        url = url_of(said, "/graphql/stream")
        connection.execute("BEGIN IMMEDIATE")  # mutations wait
        async with streaming(url) as client:
            await client.ask(TWICE, "a")
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as other:
            while (await client.stop("a")).status_code != 404:  # the server knows that it is gone
                pass
            process.send_signal(signal.SIGTERM)
            while await reaches(other, url):
                pass
        connection.execute("COMMIT")
        code = await asyncio.to_thread(process.wait)
        names = connection.execute("SELECT display_name FROM actors ORDER BY 1").fetchall()

    assert code == 0
    assert names == [("first",), ("second",)]


async def reaches(client: httpx2.AsyncClient, url: str) -> bool:
    """Whether a server still takes connections."""
    try:
        await client.delete(url)
    except httpx2.TransportError:
        return False
    return True


async def test_another_method_is_refused_with_those_there_are(server: LocalServer):
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        patch = await client.patch(f"{server.url}/stream")
        options = await client.options(f"{server.url}/stream")

    assert (patch.status_code, options.status_code) == (405, 204)
    assert patch.headers["allow"] == options.headers["allow"] == "GET, PUT, POST, DELETE, OPTIONS"


@pytest.mark.parametrize("worker", ["1", "2"])
async def test_no_body_is_read_of_a_client_without_a_credential(tmp_path: Path, worker: str):
    head = (
        f"POST /graphql/stream HTTP/1.1\r\nhost: localhost\r\n{TOKEN}: {worker}-unknown\r\n"
        "content-type: application/json\r\ncontent-length: 100\r\n\r\n"
    )
    with protected(tmp_path / "registry.db") as (url, _):
        place = urlsplit(url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(head.encode())
        status = await asyncio.wait_for(reader.readline(), TIMEOUT_SECONDS)
        writer.close()

    assert status.startswith(b"HTTP/1.1 401")


async def test_only_the_viewer_that_reserved_a_stream_uses_it(tmp_path: Path):
    with protected(tmp_path / "registry.db") as (url, key):
        stream, shown = f"{url}/stream", {"authorization": bearer(key)}
        assert (await reserved(stream)).status_code == 401
        async with streaming(stream, shown) as client:
            client.headers = {}
            stranger = await client.ask(CHANGES, "a"), await client.stop("a")
            client.headers = shown
            own = await client.ask(CHANGES, "a")

    assert [each.status_code for each in stranger] == [401, 401]
    assert own.status_code == 202


async def test_any_worker_takes_what_is_for_the_stream_of_another(tmp_path: Path):
    flags = ("--workers", "2", "--max-body-bytes", str(2 * LARGE), *QUIET, *UNHURRIED)
    with served(tmp_path / "registry.db", *flags) as (process, said):
        workers_of(process, 2)
        url = url_of(said, "/graphql/stream")
        for _ in range(6):  # connections are given to any of the workers
            async with streaming(url) as client:
                ids = [f"q{number}" for number in range(8)]
                for id_ in ids:
                    assert (await client.ask("{ __typename }", id_)).status_code == 202
                told = [await client.hear() for _ in range(2 * len(ids))]
                assert sorted(id_ for _, id_, _ in told) == sorted(2 * ids)
                assert (await client.ask(CHANGES, "live")).status_code == 202
                assert (await client.ask("{ nothing }", "bad")).status_code in (200, 400)
                await client.ask(REGISTER, "write", name="Ada")
                heard = {(await client.hear())[1] for _ in range(3)}
                assert heard == {"live", "write"}
                assert (await client.stop("live")).status_code == 200
                assert (await client.ask("{ __typename }", "large", LARGE)).status_code == 202
    assert json.loads(said)["event"] == "serving"

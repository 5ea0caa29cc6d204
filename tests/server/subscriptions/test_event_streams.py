"""Live changes as event streams, from real servers over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.registries.databases import ADD, elsewhere
from tests.support.requests.event_streams import ACCEPT, listening
from tests.support.services.local_server import LocalServer, serving
from tests.support.services.server_process import TIMEOUT_SECONDS

pytestmark = pytest.mark.waits

CHANGES = """
    subscription Live($after: String, $filter: ChangeFilter) {
      changes(after: $after, filter: $filter) {
        cursor operation cause kind entityId entity { ... on Actor { displayName } } after
      }
    }
"""
REGISTER = """
    mutation($name: String) { registerActor(input: { actorType: AI, displayName: $name }) { actor { id } } }
"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LocalServer]:
    async with serving(tmp_path / "registry.db") as server:
        yield server


async def post(server: LocalServer, query: str, /, **variables: Any) -> Any:
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        answer = await client.post(server.url, json={"query": query, "variables": variables})
    told = answer.json()
    assert "errors" not in told, told
    return told["data"]


async def register(server: LocalServer, *names: str) -> None:
    for name in names:
        await post(server, REGISTER, name=name)


async def names(stream: Any, count: int) -> list[str]:
    return [(await stream.next())["data"]["changes"]["entity"]["displayName"] for _ in range(count)]


async def test_each_change_is_an_event_with_what_was_selected(server: LocalServer):
    async with listening(server.url, CHANGES) as stream:
        await register(server, "Ada")
        event = await stream.hear()

    assert event is not None
    change = event.json["data"]["changes"]
    assert event.name == "next"
    assert event.id == change["cursor"]
    assert (change["operation"], change["cause"], change["kind"]) == (
        "CREATED",
        "registerActor",
        "ACTOR",
    )
    assert change["entity"] == {"displayName": "Ada"}
    assert change["after"]["displayName"] == "Ada"


async def test_a_stream_goes_on_after_the_last_event_id(server: LocalServer):
    async with listening(server.url, CHANGES) as stream:
        await register(server, "Ada", "Bert")
        assert await names(stream, 1) == ["Ada"]
        last = stream.last_id
    await register(server, "Carl")

    async with listening(server.url, CHANGES, {"last-event-id": last}) as stream:
        assert await names(stream, 2) == ["Bert", "Carl"]
        await register(server, "Dora")
        assert await names(stream, 1) == ["Dora"]


async def test_a_client_that_heard_of_nothing_misses_nothing_either(server: LocalServer):
    async with listening(server.url, CHANGES) as stream:
        place = stream.last_id
    await register(server, "Ada")

    async with listening(server.url, CHANGES, {"last-event-id": place}) as stream:
        assert await names(stream, 1) == ["Ada"]


async def test_places_in_the_log_differ_each_time(server: LocalServer):
    async with listening(server.url, CHANGES) as one, listening(server.url, CHANGES) as other:
        assert one.last_id != other.last_id


async def test_the_cursor_of_a_query_is_where_a_stream_begins(server: LocalServer):
    await register(server, "Ada", "Bert")
    page = await post(server, "{ changes(first: 1) { edges { cursor } } }")
    (edge,) = page["changes"]["edges"]

    async with listening(server.url, CHANGES, after=edge["cursor"]) as stream:
        assert await names(stream, 1) == ["Bert"]


async def test_a_filter_leaves_out_what_it_does_not_match(server: LocalServer):
    async with listening(server.url, CHANGES, filter={"operations": ["UPDATED"]}) as stream:
        await register(server, "Ada")
        actors = await post(server, "{ actors { nodes { chittyId } } }")
        (actor,) = actors["actors"]["nodes"]
        await post(
            server,
            'mutation($id: ChittyID!) { updateActor(input: { chittyId: $id, email: "a@b.example" })'
            " { errors { code } } }",
            id=actor["chittyId"],
        )
        change = (await stream.next())["data"]["changes"]

    assert (change["operation"], change["cause"]) == ("UPDATED", "updateActor")


async def test_changes_of_another_program_are_told(server: LocalServer, tmp_path: Path):
    async with listening(server.url, CHANGES) as stream:
        with elsewhere(tmp_path / "registry.db") as other:
            other.execute(ADD, {"name": "ADA"})
        change = (await stream.next())["data"]["changes"]

    assert (change["cause"], change["operation"]) == ("external", "CREATED")


async def test_a_browser_subscribes_by_get(server: LocalServer):
    async with (
        httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client,
        client.stream(
            "GET",
            server.url,
            params={"query": "subscription { changes { cause } }"},
            headers=ACCEPT | {"accept-encoding": "gzip, br, zstd"},
        ) as response,
    ):
        lines = response.aiter_lines()
        begun = [await anext(lines) for _ in range(3)]
        await register(server, "Ada")
        told = [await anext(lines) for _ in range(4)]

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert "content-encoding" not in response.headers
    assert response.headers["cache-control"] == "no-store"
    assert begun[0] == "retry: 1000"
    assert told[1:3] == ["event: next", 'data: {"data":{"changes":{"cause":"registerActor"}}}']


@pytest.mark.parametrize(
    ("cursor", "told"),
    [
        ("nothing", "the cursor is damaged, or is none of changes in this registry"),
        ("A" * 32, "the cursor is damaged, or is none of changes in this registry"),
        ("A" * 48, "the cursor is damaged, or is none of changes in this registry"),
    ],
    ids=["no cursor", "a forged cursor", "a forged place"],
)
async def test_a_damaged_cursor_is_refused(server: LocalServer, cursor: str, told: str):
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        answer = await client.post(
            server.url, json={"query": CHANGES, "variables": {"after": cursor}}, headers=ACCEPT
        )

    assert answer.text.startswith("event: next\ndata: ")
    assert '"code":"BAD_CURSOR"' in answer.text
    assert told in answer.text
    assert answer.text.endswith("event: complete\ndata:\n\n")


async def test_without_a_stream_a_subscription_is_refused(server: LocalServer):
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        answer = await client.post(server.url, json={"query": CHANGES})

    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": "STREAM_REQUIRED"}
    assert "Accept: text/event-stream" in error["message"]


@pytest.mark.parametrize(
    "query",
    [
        "subscription { changes @skip(if: false) { id } }",
        "subscription { ... @include(if: true) { changes { id } } }",
        "subscription { ...F @skip(if: false) } fragment F on Subscription { changes { id } }",
        "subscription { changes { id } more: changes { id } }",
        "subscription { changes { id } __typename }",
    ],
)
async def test_a_subscription_has_one_field_that_is_always_there(server: LocalServer, query: str):
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        answer = await client.post(server.url, json={"query": query}, headers=ACCEPT)

    assert '"code":"INVALID_DOCUMENT"' in answer.text


async def test_a_stopping_server_ends_streams_so_that_browsers_come_back(tmp_path: Path):
    async with (
        serving(tmp_path / "registry.db") as server,
        listening(server.url, CHANGES) as stream,
    ):
        server.server.should_exit = True
        ended = await asyncio.wait_for(stream.hear(), TIMEOUT_SECONDS)

    assert ended is None
    assert stream.retry == "1000"

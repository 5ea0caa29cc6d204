"""Cursors that fit nowhere are refused with what to do, wherever a client can send one."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from db.history import pruning
from db.queries import log_positions, sealed_sequences
from db.queries.sealed_sequences import Purpose
from schema.fields import global_ids
from tests.support.registries.databases import adding
from tests.support.requests.event_streams import ACCEPT
from tests.support.requests.websocket_clients import acknowledged
from tests.support.services.local_server import LocalServer, serving
from tests.support.services.server_process import TIMEOUT_SECONDS

NAMES = ("ADA", "BERT", "CARL")
FUTURE = "2100-01-01T00:00:00.000Z"
SUBSCRIBE = "subscription($after: String) { changes(after: $after) { cursor } }"
PAGE = "query($after: String) { changes(after: $after) { nodes { id } } }"
HISTORY = """
    query($after: String) { actor(chittyId: "ADA") { history(after: $after) { nodes { id } } } }
"""
ACTORS = "{ actors { edges { cursor node { id } } } }"
OTHER_KEY = bytes(32)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LocalServer]:
    async with serving(tmp_path / "registry.db") as server:
        await server.app.service.db.write(adding(*NAMES))
        yield server


async def post(server: LocalServer, query: str, headers: Any = None, **variables: Any) -> str:
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        sent = {"query": query, "variables": variables}
        answer = await client.post(server.url, json=sent, headers=headers or {})
    assert answer.status_code < 500, answer.text
    return answer.text


def in_event(text: str) -> Any:
    assert text.startswith("event: next\ndata: ")
    assert text.endswith("event: complete\ndata:\n\n")
    return json.loads(text.split("data: ")[1].split("\n")[0])["errors"]


async def of_page(server: LocalServer, cursor: str) -> Any:
    return json.loads(await post(server, PAGE, after=cursor))["errors"]


async def of_history(server: LocalServer, cursor: str) -> Any:
    return json.loads(await post(server, HISTORY, after=cursor))["errors"]


async def of_stream(server: LocalServer, cursor: str) -> Any:
    return in_event(await post(server, SUBSCRIBE, ACCEPT, after=cursor))


async def of_last_event_id(server: LocalServer, cursor: str) -> Any:
    headers = {**ACCEPT, "last-event-id": cursor.encode()}
    return in_event(await post(server, SUBSCRIBE, headers))


async def of_socket(server: LocalServer, cursor: str) -> Any:
    async with acknowledged(server.url) as socket:
        return [await socket.refused(SUBSCRIBE, variables={"after": cursor})]


QUERIES = {"changes": of_page, "history": of_history}
STREAMS = {
    "after of an event stream": of_stream,
    "Last-Event-ID": of_last_event_id,
    "after on a socket": of_socket,
}
PLACES = QUERIES | STREAMS


def key_of(server: LocalServer) -> bytes:
    return server.app.service.operations.cursor_key


async def of_list(server: LocalServer, field: str) -> str:
    """The cursor or the id of an actor."""
    edge = json.loads(await post(server, ACTORS))["data"]["actors"]["edges"][0]
    found: str = edge["cursor"] if field == "cursor" else edge["node"]["id"]
    return found


def sealed(number: int, purpose: Purpose) -> Any:
    async def cursor(server: LocalServer) -> str:
        return sealed_sequences.seal(key_of(server), number, purpose)

    return cursor


async def foreign(server: LocalServer) -> str:
    return sealed_sequences.seal(OTHER_KEY, 1, Purpose.CURSOR)


async def foreign_place(server: LocalServer) -> str:
    return log_positions.seal(OTHER_KEY, 1)


async def future_place(server: LocalServer) -> str:
    return log_positions.seal(key_of(server), 1_000)


async def damaged(server: LocalServer) -> str:
    cursor = sealed_sequences.seal(key_of(server), 1, Purpose.CURSOR)
    return ("B" if cursor[0] == "A" else "A") + cursor[1:]


async def damaged_place(server: LocalServer) -> str:
    place = log_positions.seal(key_of(server), 1)
    return place[:-1] + ("B" if place[-1] == "A" else "A")


async def cut(server: LocalServer) -> str:
    return sealed_sequences.seal(key_of(server), 1, Purpose.CURSOR)[:-4]


async def an_id(server: LocalServer) -> str:
    return global_ids.of_change(key_of(server), 1)


async def of_an_actor(server: LocalServer) -> str:
    return await of_list(server, "cursor")


async def id_of_an_actor(server: LocalServer) -> str:
    return await of_list(server, "id")


def text(sent: str) -> Any:
    async def cursor(server: LocalServer) -> str:
        return sent

    return cursor


CURSORS = {
    "another registry's": foreign,
    "a place of another registry": foreign_place,
    "damaged": damaged,
    "a damaged place": damaged_place,
    "cut off": cut,
    "of no change yet": sealed(4, Purpose.CURSOR),
    "a place after no change yet": future_place,
    "of the largest number": sealed(2**64 - 1, Purpose.CURSOR),
    "the id of a change": an_id,
    "within the id of a change": sealed(1, Purpose.ID),
    "a message's id": sealed(1, Purpose.WEBHOOK),
    "of a list of actors": of_an_actor,
    "the id of an actor": id_of_an_actor,
    "a sequence number": text("1"),
    "of other characters": text("ñ" * 32),
    "very long": text("A" * 4_000),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
async def test_a_cursor_that_does_not_fit_is_refused(server: LocalServer, place: Any):
    told: dict[str, tuple[str, bool]] = {}
    for name, cursor in CURSORS.items():
        (error,) = await place(server, await cursor(server))
        told[name] = error["extensions"]["code"], "the cursor is" in error["message"]

    assert told == dict.fromkeys(CURSORS, ("BAD_CURSOR", True))


@pytest.mark.parametrize("place", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("make", [sealed_sequences.seal, log_positions.seal])
async def test_a_stream_after_what_is_pruned_is_told_where_to_go_on(
    server: LocalServer, place: Any, make: Any
):
    purpose = [Purpose.CURSOR] if make is sealed_sequences.seal else []
    cursor = make(key_of(server), 1, *purpose)
    await pruning.prune(server.app.service.db, FUTURE)

    (error,) = await place(server, cursor)

    assert error["extensions"]["code"] == "CHANGES_MISSED"
    assert "no longer retained" in error["message"]
    async with acknowledged(server.url) as socket:
        await socket.subscribe(SUBSCRIBE, variables={"after": error["extensions"]["cursor"]})
        told = (await asyncio.wait_for(socket.hear(), TIMEOUT_SECONDS))["payload"]["data"]
    last = sealed_sequences.seal(key_of(server), len(NAMES), Purpose.CURSOR)
    assert told == {"changes": {"cursor": last}}


@pytest.mark.parametrize("place", QUERIES.values(), ids=QUERIES)
async def test_a_page_after_what_is_pruned_is_refused(server: LocalServer, place: Any):
    cursor = sealed_sequences.seal(key_of(server), 1, Purpose.CURSOR)
    await pruning.prune(server.app.service.db, FUTURE)

    (error,) = await place(server, cursor)

    assert error["extensions"]["code"] == "BAD_CURSOR"
    assert "changes after the cursor have been pruned" in error["message"]


@pytest.mark.parametrize("place", [of_page, of_history, of_stream, of_socket])
async def test_an_empty_cursor_is_none_that_was_given(server: LocalServer, place: Any):
    (error,) = await place(server, "")

    assert error["extensions"]["code"] == "BAD_CURSOR"

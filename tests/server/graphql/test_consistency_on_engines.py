"""What is promised holds on a real node of rqlite, and on D1 as its local runtime has it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from server.app import create_app
from server.settings import Settings
from tests.support.registries.databases import UNHURRIED
from tests.support.services.api import Api
from tests.support.services.asgi_client import AsgiClient

LEVELS = ["none", "none; freshness=2.5", "weak", "strong"]
CONSISTENCY, MARK = "x-chittygraph-consistency", "x-chittygraph-mark"
COUNT = "{ actors { totalCount } }"
REGISTER = """
    mutation { registerActor(input: { actorType: HUMAN }) { errors { code } actor { chittyId } } }
"""
LISTED = (
    "query ($filter: ContextFilter) { contexts(filter: $filter) { totalCount nodes { name } } }"
)


@asynccontextmanager
async def serving(url: str) -> AsyncIterator[Api]:
    """A service over an engine."""
    app = create_app(Settings(database=url, **UNHURRIED))
    async with app.router.lifespan_context(app), AsgiClient(app) as client:
        yield Api(app, client)


async def test_writes_are_read_at_every_level_by_whoever_has_the_mark(engine_url: str):
    async with serving(engine_url) as writing, serving(engine_url) as reading:
        for written in range(1, 9):
            made = await writing.client.post("/graphql", json={"query": REGISTER})
            for level in LEVELS:
                headers = {CONSISTENCY: level, MARK: made.headers[MARK]}
                found = await reading.client.post(
                    "/graphql", json={"query": COUNT}, headers=headers
                )
                assert found.json() == {"data": {"actors": {"totalCount": written}}}


async def tagged(api: Api) -> tuple[httpx2.Response, httpx2.Response]:
    """A response with a tag, and what is answered to who has it.

    A service that has just started may write what it keeps, which changes the tag: then again.
    """
    for _ in range(50):
        first = await api.client.get("/graphql", params={"query": COUNT})
        same = {"if-none-match": first.headers.get("etag", "none")}
        again = await api.client.get("/graphql", params={"query": COUNT}, headers=same)
        if again.status_code == 304:
            break
    return first, again


async def test_tags_are_exact_and_a_key_is_answered_once(engine_url: str):
    keyed = {"idempotency-key": '"one"'}
    async with serving(engine_url) as api, serving(engine_url) as other:
        first, again = await tagged(api)
        same = {"if-none-match": first.headers["etag"]}
        answers = [
            (await each.client.post("/graphql", json={"query": REGISTER}, headers=keyed)).json()
            for each in (api, other, api)
        ]
        changed = await api.client.get("/graphql", params={"query": COUNT}, headers=same)

    assert (first.status_code, again.status_code, changed.status_code) == (200, 304, 200)
    assert answers[0] == answers[1] == answers[2]
    assert changed.json() == {"data": {"actors": {"totalCount": 1}}}


def either(parts: int) -> dict[str, Any]:
    """A filter of so many parts."""
    return {"or": [{"name": {"eq": f"context {n}"}} for n in range(parts)]}


def nested(levels: int) -> dict[str, Any]:
    """A filter that follows relations so deep."""
    found: dict[str, Any] = {"status": {"eq": "ACTIVE"}}
    for _ in range(levels):
        found = {"owner": {"contexts": {"some": found}}}
    return found


async def test_a_filter_is_run_or_refused_in_the_name_of_the_engine(engine_url: str):
    async with serving(engine_url) as api:
        assert await api.ask(LISTED, filter=either(95)) == {
            "contexts": {"totalCount": 0, "nodes": []}
        }
        for levels in range(1, 9):
            answer = await api.post(LISTED, filter=nested(levels))
            for error in answer.get("errors", []):
                assert error["extensions"]["code"] in {"ENGINE_LIMIT", "FILTER_TOO_LARGE"}, error


async def test_a_number_that_an_engine_cannot_hold_is_refused_in_the_payload(engine_url: str):
    suspend = """mutation ($id: BigInt!) {
        suspendInstallation(input: { installationId: $id }) { errors { code message } }
    }"""
    async with serving(engine_url) as api:
        payload = (await api.ask(suspend, id=str(2**53 + 1)))["suspendInstallation"]

    (error,) = payload["errors"]
    assert error["code"] == ("INVALID" if engine_url.startswith("d1") else "NOT_FOUND")
    assert ("D1" in error["message"]) is engine_url.startswith("d1")

"""A clock that is set back while clients listen and history is pruned changes no order and loses nothing."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.other_programs.faketime import FakeClock
from tests.support.registries.databases import new_registry
from tests.support.requests.event_streams import listening
from tests.support.services.commands import command
from tests.support.services.server_process import (
    QUIET,
    TIMEOUT_SECONDS,
    UNHURRIED,
    served,
    url_of,
)

pytestmark = pytest.mark.waits

DAY = timedelta(days=1)
JUMPS = (timedelta(), -DAY, -DAY / 2)
EACH = 4  # writes
CHANGES = """
    subscription($after: String) {
        changes(after: $after) { cursor at entity { ... on Actor { displayName } } }
    }
"""
PAGE = "{ changes(first: 100) { nodes { at entity { ... on Actor { displayName } } } } }"
REGISTER = """
    mutation($name: String) {
        registerActor(input: { actorType: AI, displayName: $name }) { errors { code } }
    }
"""


async def ask(client: httpx2.AsyncClient, query: str, **variables: Any) -> Any:
    answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
    assert "errors" not in answer, answer
    return answer["data"]


def name_of(change: Any) -> str:
    name: str = change["entity"]["displayName"]
    return name


async def test_changes_keep_their_order_and_none_is_lost(tmp_path: Path):
    path, clock = new_registry(tmp_path / "registry.db"), FakeClock(tmp_path / "clock")
    expected = [f"actor {number}" for number in range(EACH * len(JUMPS))]
    # The server itself prunes, too, and everything that it writes is recent.
    flags = ("--history-days", "3", *QUIET, *UNHURRIED)
    with served(path, *flags, environment=clock.environment) as (_, said):
        url = url_of(said, "")
        async with (
            httpx2.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS) as client,
            listening(f"{url}/graphql", CHANGES) as stream,
        ):
            begin = stream.last_id
            for number, name in enumerate(expected):
                clock.set(JUMPS[number // EACH])
                await ask(client, REGISTER, name=name)
            heard = [(await stream.next())["data"]["changes"] for _ in expected]
            # Half of them are from before this moment, but the first is not.
            before = (datetime.now(UTC) - DAY / 4).isoformat()
            pruned = await asyncio.to_thread(
                command, "audit", "prune", "--before", before, "--database", path
            )
            listed = (await ask(client, PAGE))["changes"]["nodes"]
        async with listening(f"{url}/graphql", CHANGES, {"last-event-id": begin}) as stream:
            again = [(await stream.next())["data"]["changes"] for _ in expected]
        async with listening(f"{url}/graphql", CHANGES, after=heard[EACH]["cursor"]) as stream:
            rest = [(await stream.next())["data"]["changes"] for _ in expected[EACH + 1 :]]

    assert pruned.returncode == 0, pruned.stderr
    assert [name_of(each) for each in heard] == expected
    assert [each["at"] for each in heard] == [each["at"] for each in listed]
    assert heard[EACH]["at"] < heard[0]["at"]
    assert again == heard
    assert rest == heard[EACH + 1 :]
    assert command("audit", "verify", "--database", path).returncode == 0

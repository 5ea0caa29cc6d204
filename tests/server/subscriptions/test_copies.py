"""A listener misses no change where reads may meet an older copy of the database than is known of."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from db.consistency import Level
from db.errors import EngineLimit
from tests.support.running.waiting import eventually
from tests.support.services.asgi_websocket import conversation
from tests.support.services.server_process import TIMEOUT_SECONDS
from tests.support.services.sqlite_transport import RemoteApi, running_remote

LISTEN = "subscription { changes { cause entityId } }"
REGISTER = "mutation { registerActor(input: { actorType: HUMAN }) { actor { id chittyId } } }"

SEEN = "mutation ($id: ChittyID!) { recordActorSeen(input: { chittyId: $id }) { errors { code } } }"


@pytest.fixture(params=[True, False], ids=["compiled", "generic"])
async def api(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[RemoteApi]:
    """A service over an engine of two copies."""
    async with running_remote(tmp_path / "registry.db", compiled=request.param) as api:
        yield api


async def told(api: RemoteApi, until: str) -> list[dict[str, Any]]:
    """The messages that a listener on a socket gets, up to one that holds this text."""
    texts = [
        {"type": "connection_init"},
        {"type": "subscribe", "id": "1", "payload": {"query": LISTEN}},
    ]
    sent = await conversation(api, [], *[json.dumps(text) for text in texts], until=until)
    return [json.loads(each["text"]) for each in sent if "text" in each]


async def heard(api: RemoteApi, until: str) -> list[dict[str, object]]:
    """The events among them."""
    messages = await told(api, until)
    return [each["payload"]["data"]["changes"] for each in messages if each["type"] == "next"]


def reads(api: RemoteApi) -> int:
    """How often the log of changes has been looked at, of late."""
    return sum("change.sequence" in text for _, text in api.transport.texts)


async def test_a_change_that_the_read_copy_lacks_is_told_once_it_is_there(api: RemoteApi):
    listening = asyncio.create_task(heard(api, "recordActorSeen"))
    await eventually(lambda: api.service.metrics.subscriptions == 1)

    # As just after an election: the server asks a node that still takes itself for the leader.
    api.transport.old_levels = {Level.NONE, Level.WEAK}
    made = [(await api.ask(REGISTER))["registerActor"]["actor"] for _ in range(2)]
    await api.ask(SEEN, id=made[0]["chittyId"])
    api.transport.texts.clear()
    await eventually(lambda: reads(api) >= 2)
    assert not listening.done()
    api.transport.old_levels = {Level.NONE}

    async with asyncio.timeout(TIMEOUT_SECONDS):
        events = await listening
    causes = [(each["cause"], each["entityId"]) for each in events]
    assert causes == [
        ("registerActor", made[0]["id"]),
        ("registerActor", made[1]["id"]),
        ("recordActorSeen", made[0]["id"]),
    ]


async def test_a_listener_is_told_what_is_too_much_for_the_engine(api: RemoteApi):
    async def refuse() -> None:
        if any("change.sequence" in text for _, text in [*api.transport.texts][-3:]):
            raise EngineLimit("the engine answers at most so much at once")

    api.transport.before_read = refuse
    listening = asyncio.create_task(told(api, "ENGINE_LIMIT"))
    await eventually(lambda: api.service.metrics.subscriptions == 1)
    await api.ask(REGISTER)

    async with asyncio.timeout(TIMEOUT_SECONDS):
        messages = await listening
    (error,) = messages[-1]["payload"]
    assert error["message"] == "the engine answers at most so much at once"
    assert error["extensions"]["code"] == "ENGINE_LIMIT"

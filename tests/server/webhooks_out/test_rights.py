"""A webhook sends what its creator may see at that moment, and nothing once the creator is no admin."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.other_programs.webhook_receiver import receiving
from tests.support.services.outgoing import CREATE, Clock, delivering, names, taken
from tests.support.services.protected_service import ProtectedApi, bearer, protected_api

RESUME = """
    mutation($id: ID!) { resumeWebhook(input: { id: $id }) {
        webhook { status pausedBecause creator { displayName } } errors { code message }
    } }
"""
SHOWN = "{ webhooks { nodes { id status pausedBecause creator { displayName } } } }"
LOSSES = {
    "suspended": "UPDATE actors SET status = 'suspended' WHERE chitty_id = :actor",
    "deleted": "UPDATE actors SET status = 'deleted' WHERE chitty_id = :actor",
    "no admin": """UPDATE actors SET capabilities = '["registry:read"]' WHERE chitty_id = :actor""",
    "unreadable capabilities": """UPDATE actors SET capabilities = '["admin", 1]' WHERE chitty_id = :actor""",
    "gone": "DELETE FROM actors WHERE chitty_id = :actor",
}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[ProtectedApi]:
    """A protected service that delivers nothing itself."""
    async with protected_api(
        tmp_path / "registry.db", private_webhook_targets=True, webhooks_out=False
    ) as api:
        yield api


async def ask(api: ProtectedApi, key: str, query: str, **variables: Any) -> Any:
    """The data of an operation in the name of whoever has the key."""
    answer = await api.client.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={"authorization": bearer(key)},
    )
    assert "errors" not in answer.json(), answer.json()
    return answer.json()["data"]


async def until_paused(api: ProtectedApi, key: str) -> Any:
    """The only webhook, once it is paused."""
    while True:
        (webhook,) = (await ask(api, key, SHOWN))["webhooks"]["nodes"]
        if webhook["status"] == "PAUSED":
            return webhook


@pytest.mark.parametrize("loss", LOSSES)
async def test_lost_rights_pause_it_and_another_admin_takes_it_over(api: ProtectedApi, loss: str):
    creator, key = await api.newcomer("Ada", "admin")
    _, other = await api.newcomer("Grace", "admin")
    with receiving() as receiver:
        async with delivering(api, Clock()) as dispatcher:
            created = (await ask(api, key, CREATE, url=receiver.url))["createWebhook"]
            await api.newcomer("Before")
            await taken(receiver, 1)
            await api.put(LOSSES[loss], actor=creator)
            await api.newcomer("After")
            paused = await until_paused(api, other)
            seen = len(receiver.received)
            resumed = await ask(api, other, RESUME, id=created["webhook"]["id"])
            dispatcher.wake()
            await taken(receiver, 3)

    assert (paused["pausedBecause"], seen) == ("RIGHTS_LOST", 1)
    assert resumed["resumeWebhook"] == {
        "webhook": {
            "status": "ACTIVE",
            "pausedBecause": None,
            "creator": {"displayName": "Grace"},
        },
        "errors": [],
    }
    messages = [each.verified(created["secret"]) for each in receiver.received]
    assert [each["data"]["kind"] for each in messages] == ["ACTOR"] * 3
    last = messages[-1]["data"]["after"]
    assert last["displayName"] == "After"


async def test_private_fields_are_sent_to_an_admin(api: ProtectedApi):
    _, key = await api.newcomer("Ada", "admin")
    with receiving() as receiver:
        async with delivering(api, Clock()):
            created = (await ask(api, key, CREATE, url=receiver.url))["createWebhook"]
            await api.actor("Grace", email="grace@example.org")
            await taken(receiver, 1)

    (message,) = receiver.messages(created["secret"])
    assert message["data"]["after"]["email"] == "grace@example.org"
    assert names(receiver, created["secret"]) == ["Grace"]


async def test_a_webhook_made_in_open_mode_has_the_rights_of_the_server(api: ProtectedApi):
    _, key = await api.newcomer("Ada", "admin")
    with receiving() as receiver:
        await ask(api, key, CREATE, url=receiver.url)
        await api.put("UPDATE outgoing_webhooks SET creator_chitty_id = NULL")
        async with delivering(api, Clock()):
            await api.actor("Grace")
            await taken(receiver, 1)
            shown = await ask(api, key, SHOWN)

    assert shown["webhooks"]["nodes"][0]["creator"] is None

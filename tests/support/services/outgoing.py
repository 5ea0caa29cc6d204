"""Outgoing webhooks of a service, and what delivers for them by a clock that a test sets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from server.webhooks_out.dispatcher import Dispatcher
from server.webhooks_out.sender import Sender
from tests.support.other_programs.webhook_receiver import Receiver
from tests.support.services.api import Api, running

WEBHOOK = """
    id url filter status pausedBecause failedAttempts failingSince nextAttemptAt lastError
    deliveries(first: 100) { nodes { id messageId status attempts responseStatus error excerpt } }
"""
CREATE = f"""
    mutation($url: String!, $filter: ChangeFilter) {{
        createWebhook(input: {{ url: $url, filter: $filter }}) {{
            webhook {{ {WEBHOOK} }} secret errors {{ code path message }}
        }}
    }}
"""
REGISTER = """
    mutation($name: String!) {
        registerActor(input: { actorType: HUMAN, displayName: $name }) { actor { id chittyId } }
    }
"""
WEBHOOKS = f"{{ webhooks {{ totalCount nodes {{ {WEBHOOK} }} }} }}"
CHANGE = """
    mutation { %s(input: { id: "%s" }) { webhook { status } errors { code path message } } }
"""
REPLAY = """
    mutation($id: ID!) {
        replayWebhookDelivery(input: { id: $id }) { delivery { status } errors { code message } }
    }
"""
START = 1_800_000_000.0  # 2027-01-15T08:00:00Z
HOUR, DAY = 3_600.0, 86_400.0
PATIENCE = 60.0


class Clock:
    """Unix time, which only passes when a test says so."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        """The time now."""
        return self.now


def quiet(database: Path, **settings: Any) -> Any:
    """A service that makes webhooks and delivers nothing itself."""
    return running(database, private_webhook_targets=True, webhooks_out=False, **settings)


@asynccontextmanager
async def delivering(
    api: Api, clock: Callable[[], float], seconds: float = PATIENCE
) -> AsyncIterator[Dispatcher]:
    """What delivers for a service, as a worker of its own would; an attempt takes `seconds` at most."""
    sender = Sender(allow_private=True, seconds=seconds)
    dispatcher = Dispatcher(
        api.service.db, api.service.feed, sender, clock=clock, chance=lambda: 0.5
    )
    try:
        async with dispatcher.running():
            yield dispatcher
    finally:
        await sender.close()


async def made(api: Api, url: str, **filters: Any) -> dict[str, Any]:
    """A new webhook: its id, and its secret."""
    created = (await api.ask(CREATE, url=url, filter=filters or None))["createWebhook"]
    assert created["errors"] == [], created
    return {"id": created["webhook"]["id"], "secret": created["secret"]}


async def registered(api: Api, *names: str) -> list[str]:
    """New actors with these names, one after the other; their ChittyIDs."""
    answers = [await api.ask(REGISTER, name=name) for name in names]
    return [each["registerActor"]["actor"]["chittyId"] for each in answers]


async def taken(receiver: Receiver, count: int) -> None:
    """Wait until a receiver has taken so many messages."""
    await asyncio.to_thread(receiver.wait_until, lambda: len(receiver.taken) >= count)


async def asked(receiver: Receiver, count: int) -> None:
    """Wait until so many requests came, whatever was answered."""
    await asyncio.to_thread(receiver.wait_for, count)


def names(receiver: Receiver, secret: str) -> list[str]:
    """The names of the actors in the messages that a receiver took."""
    return [each["data"]["after"]["displayName"] for each in receiver.messages(secret)]


async def webhooks(api: Api) -> list[dict[str, Any]]:
    """All webhooks, with their deliveries."""
    found: list[dict[str, Any]] = (await api.ask(WEBHOOKS))["webhooks"]["nodes"]
    return found


async def until(api: Api, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The only webhook, once something holds of it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            (webhook,) = await webhooks(api)
            if holds(webhook):
                return webhook
            await asyncio.sleep(0.01)


async def changed(api: Api, mutation: str, webhook_id: str) -> None:
    """Pause, resume or delete a webhook."""
    answer = await api.ask(CHANGE % (mutation, webhook_id))
    assert answer[mutation]["errors"] == []

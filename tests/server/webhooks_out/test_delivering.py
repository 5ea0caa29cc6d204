"""Changes reach a webhook, signed, each once and in order, whoever makes them."""

import asyncio
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook

from tests.support.other_programs.webhook_receiver import Reply, receiving
from tests.support.registries.databases import elsewhere
from tests.support.services.api import running
from tests.support.services.outgoing import (
    changed,
    made,
    names,
    registered,
    taken,
    until,
    webhooks,
)

FROM_OUTSIDE = """
    INSERT INTO actors (chitty_id, actor_type, display_name, created_at, updated_at)
    VALUES ('03-1-USA-0001-P-2601-7-15', 'human', 'Outside', '2026-01-01', '2026-01-01')
"""


async def test_changes_arrive_signed_each_once_and_in_order(tmp_path: Path):
    people = [f"Person {number}" for number in range(20)]
    with receiving() as receiver:
        async with running(tmp_path / "registry.db", private_webhook_targets=True) as api:
            await registered(api, "Earlier")
            webhook = await made(api, receiver.url)
            await registered(api, *people)
            await taken(receiver, len(people))

    assert names(receiver, webhook["secret"]) == people
    for each in receiver.received:
        Webhook(webhook["secret"]).verify(each.body, each.headers)
    assert len({each.id for each in receiver.received}) == len(people)
    assert {each.method for each in receiver.received} == {"POST"}
    assert {each.headers["content-type"] for each in receiver.received} == {"application/json"}


async def test_changes_of_another_program_arrive(tmp_path: Path):
    with receiving() as receiver:
        async with running(tmp_path / "registry.db", private_webhook_targets=True) as api:
            webhook = await made(api, receiver.url)
            with elsewhere(tmp_path / "registry.db") as connection:
                connection.execute(FROM_OUTSIDE)
            await taken(receiver, 1)

    assert names(receiver, webhook["secret"]) == ["Outside"]


async def test_one_message_is_on_its_way_to_a_webhook_at_a_time(tmp_path: Path):
    with receiving() as receiver:
        async with running(tmp_path / "registry.db", private_webhook_targets=True) as api:
            await made(api, receiver.url)
            await asyncio.gather(*(registered(api, f"Person {number}") for number in range(20)))
            await taken(receiver, 20)

    assert receiver.most_together == 1


async def test_a_receiver_that_hangs_holds_up_no_other_one(tmp_path: Path):
    people = [f"Person {number}" for number in range(10)]
    with receiving(lambda _: Reply(hangs=True)) as hanging, receiving() as receiver:
        async with running(tmp_path / "registry.db", private_webhook_targets=True) as api:
            await made(api, hanging.url)
            webhook = await made(api, receiver.url)
            await registered(api, *people)
            await taken(receiver, len(people))
            assert len(hanging.received) == 1

    assert names(receiver, webhook["secret"]) == people


async def test_a_paused_webhook_sends_nothing_and_misses_nothing(tmp_path: Path):
    with receiving() as receiver:
        async with running(tmp_path / "registry.db", private_webhook_targets=True) as api:
            webhook = await made(api, receiver.url)
            await registered(api, "Before")
            await taken(receiver, 1)
            await changed(api, "pauseWebhook", webhook["id"])
            await registered(api, "Meanwhile", "And then")
            (paused,) = await webhooks(api)
            assert len(receiver.received) == 1
            await changed(api, "resumeWebhook", webhook["id"])
            await taken(receiver, 3)

    assert (paused["status"], paused["pausedBecause"]) == ("PAUSED", "REQUESTED")
    assert names(receiver, webhook["secret"]) == ["Before", "Meanwhile", "And then"]


async def test_a_deleted_webhook_gets_nothing_more(tmp_path: Path):
    with receiving() as deleted, receiving() as receiver:
        async with running(tmp_path / "registry.db", private_webhook_targets=True) as api:
            webhook = await made(api, deleted.url)
            await made(api, receiver.url)
            await registered(api, "Ada")
            await taken(deleted, 1)
            await changed(api, "deleteWebhook", webhook["id"])
            await registered(api, "Grace")
            await taken(receiver, 2)
            stored = await api.rows(
                "SELECT count(*) FROM outgoing_deliveries WHERE webhook_id = :id", id=webhook["id"]
            )

    assert len(deleted.received) == 1
    assert stored == [(0,)]


async def test_the_last_hundred_deliveries_are_kept(tmp_path: Path):
    with receiving() as receiver:
        async with running(tmp_path / "registry.db", private_webhook_targets=True) as api:
            await made(api, receiver.url)
            await registered(api, *map(str, range(105)))
            await taken(receiver, 105)
            newest = receiver.received[-1].id
            webhook = await until(
                api, lambda each: each["deliveries"]["nodes"][0]["messageId"] == newest
            )
            stored = await api.rows("SELECT count(*) FROM outgoing_deliveries")

    assert stored == [(100,)]
    kept = [each["messageId"] for each in webhook["deliveries"]["nodes"]]
    assert kept == [each.id for each in reversed(receiver.received[-100:])]


AS_QUERIED = """
    { changes(last: 1) { nodes {
        id cursor at operation cause actor { id chittyId displayName }
        kind entityId before after requestId
    } } }
"""
UPDATE = """
    mutation($id: ChittyID!) {
        updateActor(input: { chittyId: $id, email: "ada@example.org" }) { errors { message } }
    }
"""
CREATE_CONTEXT = """
    mutation($owner: ChittyID!) {
        createContext(input: { name: "Work", owner: $owner }) { context { id } errors { message } }
    }
"""


async def test_a_message_has_the_change_as_a_query_shows_it(tmp_path: Path):
    with receiving() as receiver:
        async with running(tmp_path / "registry.db", private_webhook_targets=True) as api:
            (ada,) = await registered(api, "Ada")
            webhook = await made(api, receiver.url)
            await api.ask(UPDATE, id=ada)
            await taken(receiver, 1)
            (queried,) = (await api.ask(AS_QUERIED))["changes"]["nodes"]

    (message,) = receiver.messages(webhook["secret"])
    assert message == {"type": "change.updated", "timestamp": queried["at"], "data": queried}
    assert message["data"]["after"]["email"] == "ada@example.org"
    assert message["data"]["cause"] == "updateActor"


CREATED_ADA, UPDATED_ADA, CREATED_WORK = "CREATED Ada", "UPDATED Ada", "CREATED Work"
ALL = [CREATED_ADA, UPDATED_ADA, CREATED_WORK]
FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ALL),
    ({"kinds": ["ACTOR"]}, [CREATED_ADA, UPDATED_ADA]),
    ({"kinds": ["CONTEXT"]}, [CREATED_WORK]),
    ({"kinds": ["ACTOR", "CONTEXT"], "operations": ["CREATED"]}, [CREATED_ADA, CREATED_WORK]),
    ({"operations": ["UPDATED"]}, [UPDATED_ADA]),
    ({"at": {"gt": "2001-01-01T00:00:00.000Z", "lte": "2999-01-01T00:00:00.000Z"}}, ALL),
    ({"at": {"gt": "2999-01-01T00:00:00.000Z"}}, []),
    ({"at": {"isNull": True}}, []),
    ({"at": {"isNull": False}}, ALL),
    ({"kinds": ["SERVICE"]}, []),
    ({"kinds": []}, []),
    ({"entityId": "bm9uZQ"}, []),
    ({"actor": "03-1-USA-0001-P-2601-7-15"}, []),
]


async def test_a_filter_selects_the_changes(tmp_path: Path):
    with receiving() as receiver:
        async with running(tmp_path / "registry.db", private_webhook_targets=True) as api:
            secrets = [
                (await made(api, f"{receiver.url}/{number}", **filters))["secret"]
                for number, (filters, _) in enumerate(FILTERS)
            ]
            (ada,) = await registered(api, "Ada")
            await api.ask(UPDATE, id=ada)
            await api.ask(CREATE_CONTEXT, owner=ada)
            await taken(receiver, sum(len(expected) for _, expected in FILTERS))
            shown = await webhooks(api)

    told = [
        [
            described(each.verified(secret))
            for each in receiver.taken
            if each.path.endswith(f"/{number}")
        ]
        for number, secret in enumerate(secrets)
    ]
    assert [*zip((filters for filters, _ in FILTERS), told, strict=True)] == FILTERS
    assert {each["url"]: each["filter"] for each in shown} == {
        f"{receiver.url}/{number}": filters or None for number, (filters, _) in enumerate(FILTERS)
    }


def described(message: dict) -> str:
    """A message in two words."""
    data = message["data"]
    named = {"ACTOR": "Ada", "CONTEXT": "Work"}[data["kind"]]
    return f"{data['operation']} {named}"


async def test_a_filter_by_object_selects_its_changes(tmp_path: Path):
    with receiving() as receiver:
        async with running(tmp_path / "registry.db", private_webhook_targets=True) as api:
            first, second = await registered(api, "Ada", "Grace")
            of_grace = (await api.ask("{ actors(first: 2) { nodes { id chittyId } } }"))["actors"]
            (id_,) = [each["id"] for each in of_grace["nodes"] if each["chittyId"] == second]
            webhook = await made(api, receiver.url, entityId=id_)
            for each in (first, second, first):
                await api.ask(UPDATE, id=each)
            await taken(receiver, 1)

    (message,) = receiver.messages(webhook["secret"])
    assert message["data"]["entityId"] == id_


async def test_a_webhook_that_selects_little_passes_over_much(tmp_path: Path):
    with receiving() as receiver:
        async with running(tmp_path / "registry.db", private_webhook_targets=True) as api:
            webhook = await made(api, receiver.url, kinds=["CONTEXT"])
            await api.put(MANY)
            (ada,) = await registered(api, "Ada")
            await api.ask(CREATE_CONTEXT, owner=ada)
            await taken(receiver, 1)
            await until(api, lambda each: bool(each["deliveries"]["nodes"]))
            positions = await api.rows("SELECT position FROM outgoing_webhooks")
            newest = await api.rows("SELECT max(sequence) FROM changes")

    assert [described(each) for each in receiver.messages(webhook["secret"])] == [CREATED_WORK]
    assert positions == newest


MANY = """
    WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers LIMIT 5000)
    INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)
    SELECT 'many-' || number, 'human', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z' FROM numbers
"""

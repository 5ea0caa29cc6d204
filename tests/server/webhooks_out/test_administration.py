"""Admins make, list and change webhooks; the secret is shown once, and nowhere else."""

import asyncio
import json
from pathlib import Path
from typing import Any

from db.history import pruning
from server.webhooks_out.delivery import SETTLE_SECONDS
from tests.support.other_programs.webhook_receiver import receiving
from tests.support.services.outgoing import (
    CREATE,
    PATIENCE,
    Clock,
    changed,
    delivering,
    made,
    quiet,
    registered,
    taken,
    until,
    webhooks,
)
from tests.support.services.protected_service import protected_api

PAGE = """
    query($first: Int, $after: String, $last: Int, $before: String) {
        webhooks(first: $first, after: $after, last: $last, before: $before) {
            totalCount
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
            nodes { id url }
        }
    }
"""
DELIVERIES = """
    query($first: Int, $after: String, $last: Int, $before: String, $status: OutgoingDeliveryStatus) {
        webhooks { nodes { deliveries(
            first: $first, after: $after, last: $last, before: $before, status: $status
        ) {
            totalCount
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
            nodes { id messageId status }
        } } }
    }
"""


def check_pages(ids: list[str], field: str, first: Any, second: Any, back: Any, last: Any) -> None:
    """The pages of two of a list of five: the first, the next one, back from there, and the last."""
    shown = [[each[field] for each in page["nodes"]] for page in (first, second, back, last)]
    assert shown == [ids[:2], ids[2:4], ids[:2], ids[3:]]
    forward = (first, second, last)
    assert [page["pageInfo"]["hasNextPage"] for page in forward] == [True, True, False]
    assert [page["pageInfo"]["hasPreviousPage"] for page in forward] == [False, True, True]


async def test_a_new_webhook_has_a_secret_that_is_shown_once(tmp_path: Path):
    async with quiet(tmp_path / "registry.db") as api:
        created = (await api.ask(CREATE, url="https://example.org/"))["createWebhook"]
        listed = await api.post("{ webhooks { nodes { id } } }")
        asked = await api.post("{ webhooks { nodes { secret } } }")

    assert created["secret"].startswith("whsec_")
    assert len(created["secret"]) == len("whsec_") + 44
    assert created["webhook"]["status"] == "ACTIVE"
    assert created["secret"] not in json.dumps(listed)
    assert "Cannot query field" in json.dumps(asked)


async def test_there_are_at_most_a_hundred(tmp_path: Path):
    async with quiet(tmp_path / "registry.db") as api:
        for number in range(100):
            await made(api, f"https://example.org/{number}")
        one_more = (await api.ask(CREATE, url="https://example.org/"))["createWebhook"]
        first = (await webhooks(api))[0]["id"]
        await changed(api, "deleteWebhook", first)
        again = (await api.ask(CREATE, url="https://example.org/"))["createWebhook"]

    assert one_more["webhook"] is None
    assert [each["code"] for each in one_more["errors"]] == ["LIMIT"]
    assert again["errors"] == []


async def test_a_filter_has_a_bounded_size_and_no_nulls(tmp_path: Path):
    async with quiet(tmp_path / "registry.db") as api:
        answers = [
            (await api.ask(CREATE, url="https://example.org/", filter=filter_))["createWebhook"]
            for filter_ in ({"entityId": "x" * 9_000}, {"kinds": None}, {"at": {"gt": None}})
        ]

    assert [[each["code"] for each in answer["errors"]] for answer in answers] == [["INVALID"]] * 3
    assert answers[1]["errors"][0]["path"] == ["input", "filter", "kinds"]
    assert answers[2]["errors"][0]["path"] == ["input", "filter", "at", "gt"]


async def test_a_mutation_under_an_idempotency_key_says_why_it_takes_none(tmp_path: Path):
    async with quiet(tmp_path / "registry.db") as api:
        answer = await api.client.post(
            "/graphql",
            json={"query": CREATE, "variables": {"url": "https://example.org/"}},
            headers={"idempotency-key": '"one"'},
        )
        kept = await api.rows("SELECT count(*) FROM idempotent_answers")
        found = await webhooks(api)

    (error,) = answer.json()["data"]["createWebhook"]["errors"]
    assert (error["code"], found, kept) == ("INVALID", [], [(0,)])
    assert "no Idempotency-Key" in error["message"]


async def test_pages_of_webhooks_go_both_ways(tmp_path: Path):
    async with quiet(tmp_path / "registry.db") as api:
        ids = [(await made(api, f"https://example.org/{number}"))["id"] for number in range(5)]
        await api.put("UPDATE outgoing_webhooks SET created_at = '2026-01-01T00:00:00.000Z'")
        ids.sort()
        first = (await api.ask(PAGE, first=2))["webhooks"]
        second = (await api.ask(PAGE, first=2, after=first["pageInfo"]["endCursor"]))["webhooks"]
        back = (await api.ask(PAGE, last=2, before=second["pageInfo"]["startCursor"]))["webhooks"]
        last = (await api.ask(PAGE, last=2))["webhooks"]
        damaged = await api.post(PAGE, first=2, after="damaged")
        both = await api.post(PAGE, first=2, last=2)

    check_pages(ids, "id", first, second, back, last)
    assert first["totalCount"] == 5
    assert damaged["errors"][0]["extensions"]["code"] == "BAD_CURSOR"
    assert both["errors"][0]["extensions"]["code"] == "BAD_PAGE"


async def test_pages_of_deliveries_go_both_ways_newest_first(tmp_path: Path):
    with receiving() as receiver:
        async with quiet(tmp_path / "registry.db") as api, delivering(api, Clock()):
            await made(api, receiver.url)
            await registered(api, *map(str, range(5)))
            await taken(receiver, 5)
            newest = receiver.received[-1].id
            await until(api, lambda each: each["deliveries"]["nodes"][0]["messageId"] == newest)

            async def page(**arguments: Any) -> Any:
                (found,) = (await api.ask(DELIVERIES, **arguments))["webhooks"]["nodes"]
                return found["deliveries"]

            first = await page(first=2)
            second = await page(first=2, after=first["pageInfo"]["endCursor"])
            back = await page(last=2, before=second["pageInfo"]["startCursor"])
            last = await page(last=2)
            dead = await page(status="DEAD")
            damaged = await api.post(DELIVERIES, after="damaged")

    ids = [each.id for each in reversed(receiver.received)]

    check_pages(ids, "messageId", first, second, back, last)
    assert (first["totalCount"], dead["totalCount"], dead["nodes"]) == (5, 0, [])
    assert damaged["errors"][0]["extensions"]["code"] == "BAD_CURSOR"


async def test_whoever_is_no_admin_is_refused(tmp_path: Path):
    async with protected_api(tmp_path / "registry.db", webhooks_out=False) as api:
        _, key = await api.newcomer("Ada", "registry:write", "audit:read")
        answer = (await api.show(f"Bearer {key}", query="{ webhooks { totalCount } }")).json()

    assert answer["data"] == {"webhooks": None}
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_ids_tell_no_sequence_numbers(tmp_path: Path):
    with receiving() as receiver:
        async with quiet(tmp_path / "registry.db") as api, delivering(api, Clock()):
            await made(api, receiver.url)
            await registered(api, *map(str, range(10)))
            await taken(receiver, 10)
            (webhook,) = await webhooks(api)

    ids = [each.id for each in receiver.received]
    assert {len(each) for each in ids} == {32}
    assert sorted(ids) != ids
    assert all(each["id"].endswith(each["messageId"]) for each in webhook["deliveries"]["nodes"])


async def test_pruned_changes_pause_it_until_it_is_resumed_with_those_that_are_left(tmp_path: Path):
    with receiving() as receiver:
        async with quiet(tmp_path / "registry.db") as api:
            webhook = await made(api, receiver.url)
            await registered(api, "Ada", "Grace", "Edsger")
            portion = await api.service.db.read(pruning.next_portion("2999-01-01T00:00:00.000Z"))
            await api.service.db.write(pruning.cut(portion))
            async with delivering(api, Clock()) as dispatcher:
                paused = await until(api, lambda each: each["status"] == "PAUSED")
                await changed(api, "resumeWebhook", webhook["id"])
                dispatcher.wake()
                await taken(receiver, 1)

    assert paused["pausedBecause"] == "CHANGES_PRUNED"
    assert len(receiver.received) == 1


async def test_pruned_changes_that_were_not_for_it_do_not_pause_it(tmp_path: Path):
    clock = Clock()
    with receiving() as receiver:
        async with quiet(tmp_path / "registry.db") as api:
            webhook = await made(api, receiver.url, operations=["UPDATED"])
            async with delivering(api, clock) as dispatcher:
                await registered(api, "Ada", "Grace", "Edsger")
                async with asyncio.timeout(PATIENCE):
                    while await api.rows(SETTLED) != [(1,)]:
                        clock.now += SETTLE_SECONDS
                        dispatcher.wake()
                        await asyncio.sleep(0.01)
            portion = await api.service.db.read(pruning.next_portion("2999-01-01T00:00:00.000Z"))
            await api.service.db.write(pruning.cut(portion))
            await api.put("UPDATE actors SET session_count = 1 WHERE display_name = 'Ada'")
            async with delivering(api, clock):
                await taken(receiver, 1)
                (still,) = await webhooks(api)

    assert still["status"] == "ACTIVE"
    (message,) = receiver.messages(webhook["secret"])
    assert message["type"] == "change.updated"


SETTLED = "SELECT position = (SELECT max(sequence) FROM changes) FROM outgoing_webhooks"

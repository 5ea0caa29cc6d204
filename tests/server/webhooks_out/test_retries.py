"""What is not delivered is sent again, in order, over restarts; after a day it is given up."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from tests.support.other_programs.webhook_receiver import Received, Reply, receiving
from tests.support.services.api import Api
from tests.support.services.outgoing import (
    DAY,
    HOUR,
    REPLAY,
    Clock,
    asked,
    changed,
    delivering,
    made,
    names,
    quiet,
    registered,
    taken,
    until,
    webhooks,
)


class Down:
    """A receiver that answers with a status until it is mended."""

    def __init__(self, status: int = 500, **headers: str) -> None:
        self.reply = Reply(status, headers, b"not now")
        self.is_up = False

    def __call__(self, _: Received) -> Reply:
        """The answer."""
        return Reply() if self.is_up else self.reply


async def failed(api: Api, attempts: int) -> dict:
    """The only webhook, once its next change has failed so often."""
    return await until(api, lambda each: each["failedAttempts"] == attempts)


async def test_a_receiver_that_was_down_gets_all_in_order_each_once_by_its_id(tmp_path: Path):
    down, clock = Down(), Clock()
    with receiving(down) as receiver:
        async with quiet(tmp_path / "registry.db") as api, delivering(api, clock) as dispatcher:
            webhook = await made(api, receiver.url)
            await registered(api, "Ada", "Grace", "Edsger")
            await failed(api, 1)
            clock.now += HOUR
            dispatcher.wake()
            await failed(api, 2)
            down.is_up = True
            clock.now += HOUR
            dispatcher.wake()
            await taken(receiver, 3)
            recovered = await until(
                api,
                lambda each: each["deliveries"]["nodes"][0]["messageId"] == receiver.taken[-1].id,
            )

    assert names(receiver, webhook["secret"]) == ["Ada", "Grace", "Edsger"]
    ids = [each.id for each in receiver.received]
    assert ids[0] == ids[1] == ids[2]
    assert len(set(ids)) == 3
    assert recovered["status"] == "ACTIVE"
    newest = recovered["deliveries"]["nodes"]
    assert [(each["status"], each["attempts"]) for each in newest] == [
        ("DELIVERED", 1),
        ("DELIVERED", 1),
        ("DELIVERED", 3),
    ]


async def test_a_failure_is_told_with_its_reason(tmp_path: Path):
    with receiving(Down(503)) as receiver:
        async with quiet(tmp_path / "registry.db") as api, delivering(api, Clock()):
            await made(api, receiver.url)
            await registered(api, "Ada")
            webhook = await failed(api, 1)

    (delivery,) = webhook["deliveries"]["nodes"]
    assert (webhook["status"], webhook["lastError"]) == ("FAILING", "status 503")
    assert webhook["failingSince"] == "2027-01-15T08:00:00.000Z"
    assert delivery["status"] == "FAILING"
    assert (delivery["responseStatus"], delivery["error"], delivery["excerpt"]) == (
        503,
        "status 503",
        "not now",
    )


async def test_delays_double_up_to_a_quarter_of_an_hour(tmp_path: Path):
    clock, delays = Clock(), []
    with receiving(Down()) as receiver:
        async with quiet(tmp_path / "registry.db") as api, delivering(api, clock) as dispatcher:
            await made(api, receiver.url)
            await registered(api, "Ada")
            for attempt in range(1, 12):
                await failed(api, attempt)
                ((due,),) = await api.rows(
                    "SELECT unixepoch(next_attempt_at) FROM outgoing_webhooks"
                )
                delays.append(due - clock.now)
                clock.now = due - 1
                dispatcher.wake()
                clock.now = due
                dispatcher.wake()

    assert delays == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900]


async def test_a_time_that_another_program_damaged_holds_up_no_webhook(tmp_path: Path):
    with receiving() as receiver:
        async with quiet(tmp_path / "registry.db") as api:
            await made(api, receiver.url)
            await made(api, receiver.url)
            await registered(api, "Ada")
            await api.put(
                "UPDATE outgoing_webhooks SET attempts = 1, next_attempt_at = 'soon', lease_until = 'late',"
                " lease_holder = 'nobody'"
            )
            async with delivering(api, Clock()):
                await taken(receiver, 2)

    assert len({each.id for each in receiver.taken}) == 1


async def test_a_restart_neither_forgets_nor_hurries(tmp_path: Path):
    clock = Clock()
    with receiving(Down()) as receiver:
        async with quiet(tmp_path / "registry.db") as api, delivering(api, clock):
            await made(api, receiver.url)
            await registered(api, "Ada")
            before = await failed(api, 1)
        async with quiet(tmp_path / "registry.db") as api, delivering(api, clock) as dispatcher:
            (after,) = await webhooks(api)
            clock.now += 4.9
            dispatcher.wake()
            await asyncio.sleep(0)
            assert len(receiver.received) == 1
            clock.now += 0.2
            dispatcher.wake()
            again = await failed(api, 2)

    assert after == before
    assert again["failingSince"] == before["failingSince"]


SECONDS_UNTIL = {
    "30": 30,
    "0": 5,
    "86400": HOUR,
    "999999999999999999999": HOUR,
    "Fri, 15 Jan 2027 08:10:00 GMT": 600,
    "Fri, 15 Jan 2016 08:10:00 GMT": 5,
    "soon": 5,
    "-5": 5,
    "": 5,
}


async def test_a_receiver_may_ask_for_a_later_attempt(tmp_path: Path):
    clock = Clock()
    cases = [(status, said) for status in (429, 503) for said in SECONDS_UNTIL]

    def reply(got: Received) -> Reply:
        status, said = cases[int(got.path.rpartition("/")[2])]
        return Reply(status, {"retry-after": said}, b"not now")

    with receiving(reply) as receiver:
        async with quiet(tmp_path / "registry.db") as api, delivering(api, clock):
            numbers = {
                (await made(api, f"{receiver.url}/{number}"))["id"]: number
                for number in range(len(cases))
            }
            await registered(api, "Ada")
            await until_stored(
                api, "SELECT count(*) FROM outgoing_webhooks WHERE attempts = 1", len(cases)
            )
            due = await api.rows(
                "SELECT webhook_id, unixepoch(next_attempt_at) FROM outgoing_webhooks"
            )

    assert {cases[numbers[webhook_id]]: at - clock.now for webhook_id, at in due} == {
        (status, said): SECONDS_UNTIL[said] for status, said in cases
    }


async def test_a_receiver_that_is_gone_pauses_the_webhook(tmp_path: Path):
    gone = Down(410)
    with receiving(gone) as receiver:
        async with quiet(tmp_path / "registry.db") as api, delivering(api, Clock()) as dispatcher:
            webhook = await made(api, receiver.url)
            await registered(api, "Ada", "Grace")
            paused = await until(api, lambda each: each["status"] == "PAUSED")
            gone.is_up = True
            await changed(api, "resumeWebhook", webhook["id"])
            dispatcher.wake()
            await taken(receiver, 2)

    assert (paused["pausedBecause"], paused["nextAttemptAt"]) == ("GONE", None)
    assert names(receiver, webhook["secret"]) == ["Ada", "Grace"]


async def test_an_update_of_the_url_sends_what_failed_there_at_once(tmp_path: Path):
    update = """
        mutation($id: ID!, $url: String!) {
            updateWebhook(input: { id: $id, url: $url }) { webhook { status url } errors { message } }
        }
    """
    with receiving(Down()) as wrong, receiving() as right:
        async with quiet(tmp_path / "registry.db") as api, delivering(api, Clock()) as dispatcher:
            webhook = await made(api, wrong.url)
            await registered(api, "Ada")
            await failed(api, 1)
            updated = await api.ask(update, id=webhook["id"], url=right.url)
            dispatcher.wake()
            await taken(right, 1)

    assert updated["updateWebhook"]["webhook"] == {"status": "ACTIVE", "url": right.url}
    assert right.received[0].id == wrong.received[0].id


async def given_up(api: Api, clock: Clock, wake: Callable[[], None]) -> dict:
    """The webhook after its next change has failed for a day."""
    await failed(api, 1)
    for hours in (23, 2):
        clock.now += hours * HOUR
        wake()
        if hours == 23:
            await failed(api, 2)
    return await until(
        api, lambda each: any(one["status"] == "DEAD" for one in each["deliveries"]["nodes"])
    )


async def test_after_a_day_a_change_is_given_up_and_the_next_one_proceeds(tmp_path: Path):
    clock = Clock()

    def takes_grace_only(got: Received) -> Reply:
        return Reply(204 if b"Grace" in got.body else 500)

    with receiving(takes_grace_only) as receiver:
        async with quiet(tmp_path / "registry.db") as api, delivering(api, clock) as dispatcher:
            webhook = await made(api, receiver.url)
            await registered(api, "Ada", "Grace")
            await given_up(api, clock, dispatcher.wake)
            await taken(receiver, 1)
            after = await until(api, lambda each: len(each["deliveries"]["nodes"]) == 2)

    assert names(receiver, webhook["secret"]) == ["Grace"]
    assert [(each["status"], each["attempts"]) for each in after["deliveries"]["nodes"]] == [
        ("DELIVERED", 1),
        ("DEAD", 3),
    ]
    assert after["status"] == "ACTIVE"


async def test_a_dead_letter_can_be_replayed_with_its_old_id(tmp_path: Path):
    down, clock = Down(), Clock()
    with receiving(down) as receiver:
        async with quiet(tmp_path / "registry.db") as api, delivering(api, clock) as dispatcher:
            webhook = await made(api, receiver.url)
            await registered(api, "Ada")
            dead = await given_up(api, clock, dispatcher.wake)
            (letter,) = dead["deliveries"]["nodes"]
            still = await api.ask(REPLAY, id=letter["id"])
            dispatcher.wake()
            await until(
                api, lambda each: [one["attempts"] for one in each["deliveries"]["nodes"]] == [4]
            )
            (again,) = (await webhooks(api))[0]["deliveries"]["nodes"]
            down.is_up = True
            await api.ask(REPLAY, id=letter["id"])
            dispatcher.wake()
            await taken(receiver, 1)
            after = await until(
                api, lambda each: each["deliveries"]["nodes"][0]["status"] == "DELIVERED"
            )
            refused = await api.ask(REPLAY, id=letter["id"])

    assert still["replayWebhookDelivery"]["delivery"] == {"status": "REPLAYING"}
    assert again["status"] == "DEAD"
    assert {each.id for each in receiver.received} == {letter["messageId"]}
    assert names(receiver, webhook["secret"]) == ["Ada"]
    assert after["deliveries"]["nodes"][0]["attempts"] == 5
    assert [each["code"] for each in refused["replayWebhookDelivery"]["errors"]] == ["CONFLICT"]


async def test_a_thousand_dead_letters_are_kept(tmp_path: Path):
    clock = Clock()
    with receiving(Down()) as receiver:
        async with quiet(tmp_path / "registry.db") as api, delivering(api, clock) as dispatcher:
            await registered(api, *map(str, range(3)))
            webhook = await made(api, receiver.url)
            await api.put(OLD_LETTERS, id=webhook["id"])
            await registered(api, "Ada")
            await until_stored(api, "SELECT attempts FROM outgoing_webhooks", 1)
            clock.now += DAY
            dispatcher.wake()
            await until_stored(api, "SELECT attempts FROM outgoing_webhooks", 0)
            kept = await api.rows("SELECT min(sequence), count(*) FROM outgoing_deliveries")
            newest = await api.rows("SELECT max(sequence) FROM changes")

    assert kept == [(-998, 1_000)]
    assert newest == [(4,)]


async def until_stored(api: Api, sql: str, value: int) -> None:
    """Wait until a statement finds a value."""
    while await api.rows(sql) != [(value,)]:  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(0.01)


OLD_LETTERS = """
    WITH RECURSIVE numbers (number) AS (SELECT 0 UNION ALL SELECT number - 1 FROM numbers LIMIT 1000)
    INSERT INTO outgoing_deliveries (
        webhook_id, sequence, status, attempts, first_attempt_at, last_attempt_at
    )
    SELECT :id, number, 'dead', 1, '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z' FROM numbers
"""


async def test_a_clock_that_is_set_back_stops_nothing(tmp_path: Path):
    down, clock = Down(), Clock()
    with receiving(down) as receiver:
        async with quiet(tmp_path / "registry.db") as api, delivering(api, clock) as dispatcher:
            webhook = await made(api, receiver.url)
            await registered(api, "Ada")
            await failed(api, 1)
            down.is_up = True
            clock.now -= DAY
            dispatcher.wake()
            await taken(receiver, 1)

    assert names(receiver, webhook["secret"]) == ["Ada"]


async def test_a_receiver_that_hangs_fails_in_time_and_is_asked_again(tmp_path: Path):
    def hangs_once(got: Received) -> Reply:
        return Reply(hangs=len(receiver.received) == 1)

    clock = Clock()
    with receiving(hangs_once) as receiver:
        async with (
            quiet(tmp_path / "registry.db") as api,
            delivering(api, clock, seconds=0.3) as dispatcher,
        ):
            await made(api, receiver.url)
            await registered(api, "Ada")
            webhook = await failed(api, 1)
            clock.now += HOUR
            dispatcher.wake()
            await asked(receiver, 2)
            await taken(receiver, 1)

    assert webhook["lastError"] == "no response within 0.3 s"


async def test_a_receiver_that_cannot_be_reached_is_a_failure(tmp_path: Path):
    with receiving() as receiver:
        url = receiver.url
    async with quiet(tmp_path / "registry.db") as api, delivering(api, Clock()):
        await made(api, url)
        await registered(api, "Ada")
        webhook = await failed(api, 1)

    assert webhook["lastError"].startswith("ConnectError")


async def test_a_change_that_cannot_be_read_is_given_up_and_the_next_one_proceeds(tmp_path: Path):
    with receiving() as receiver:
        async with quiet(tmp_path / "registry.db") as api, delivering(api, Clock()):
            webhook = await made(api, receiver.url)
            await api.put(OF_NOTHING)
            await registered(api, "Ada")
            await taken(receiver, 1)
            after = await until(api, lambda each: len(each["deliveries"]["nodes"]) == 2)

    assert names(receiver, webhook["secret"]) == ["Ada"]
    dead = after["deliveries"]["nodes"][1]
    assert dead["status"] == "DEAD"
    assert dead["error"].startswith("the change: ")


OF_NOTHING = """
    INSERT INTO changes (sequence, at, cause, kind, key, operation, is_private)
    SELECT coalesce(max(sequence), 0) + 1, '2026-01-01T00:00:00.000Z', 'external', 'nothing', 'a', 'created',
        FALSE
    FROM changes
"""

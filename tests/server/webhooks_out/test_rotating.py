"""An admin gives a webhook a new secret: the one before signs too for a day, or ends at once."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from db.model.outgoing_webhooks import SigningSecrets
from server.webhooks_out import signatures
from tests.support.other_programs.webhook_receiver import Received, Reply, receiving
from tests.support.services.api import Api
from tests.support.services.outgoing import (
    Clock,
    asked,
    changed,
    delivering,
    made,
    quiet,
    registered,
    taken,
    until,
)

ROTATE = """
    mutation($id: ID!, $endPrevious: Boolean) {
        rotateWebhookSecret(input: { id: $id, endPrevious: $endPrevious }) {
            webhook { id status failedAttempts } secret errors { code path message }
        }
    }
"""


async def rotated(api: Api, webhook: dict[str, Any], *, end_previous: bool = False) -> str:
    """The new secret of a webhook."""
    answer = await api.ask(ROTATE, id=webhook["id"], endPrevious=end_previous)
    assert answer["rotateWebhookSecret"]["errors"] == []
    return str(answer["rotateWebhookSecret"]["secret"])


def verifies(secret: str, received: Received) -> bool:
    """Whether a receiver with this secret takes a message."""
    try:
        Webhook(secret).verify(received.body, received.headers)
    except WebhookVerificationError:
        return False
    return True


def clock_at(seconds_from_now: float) -> Callable[[], float]:
    clock = Clock()
    clock.now = time.time() + seconds_from_now
    return clock


async def test_both_secrets_sign_for_a_day(tmp_path: Path):
    with receiving() as receiver:
        async with quiet(tmp_path / "registry.db") as api:
            webhook = await made(api, receiver.url)
            newer = await rotated(api, webhook)
            await registered(api, "Ada")
            async with delivering(api, clock_at(0)):
                await taken(receiver, 1)
            await registered(api, "Grace")
            async with delivering(api, clock_at(24 * 3_600 + 60)):
                await taken(receiver, 2)

    during, after = receiver.received
    assert newer.startswith("whsec_")
    assert newer != webhook["secret"]
    assert verifies(newer, during)
    assert verifies(webhook["secret"], during)
    signed = SigningSecrets(newer), after.id, int(after.headers["webhook-timestamp"]), after.body
    assert after.headers["webhook-signature"] == signatures.headers(*signed)["webhook-signature"]


async def test_a_secret_that_others_know_ends_at_once(tmp_path: Path):
    with receiving() as receiver:
        async with quiet(tmp_path / "registry.db") as api:
            webhook = await made(api, receiver.url)
            newer = await rotated(api, webhook, end_previous=True)
            await registered(api, "Ada")
            async with delivering(api, time.time):
                await taken(receiver, 1)

    assert verifies(newer, receiver.received[0])
    assert not verifies(webhook["secret"], receiver.received[0])


async def test_of_many_secrets_the_last_two_sign(tmp_path: Path):
    with receiving() as receiver:
        async with quiet(tmp_path / "registry.db") as api:
            webhook = await made(api, receiver.url)
            secrets = [webhook["secret"], *[await rotated(api, webhook) for _ in range(3)]]
            await registered(api, "Ada")
            async with delivering(api, time.time):
                await taken(receiver, 1)

    assert [verifies(each, receiver.received[0]) for each in secrets] == [False, False, True, True]


async def test_what_failed_before_is_sent_at_once_with_the_new_secret(tmp_path: Path):
    known: list[str] = []

    def answer(received: Received) -> Reply:
        return Reply(204 if any(verifies(each, received) for each in known) else 401)

    with receiving(answer) as receiver:
        async with quiet(tmp_path / "registry.db") as api, delivering(api, time.time):
            webhook = await made(api, receiver.url)
            await registered(api, "Ada")
            await asked(receiver, 1)
            await until(api, lambda each: each["failedAttempts"] == 1)
            known.append(await rotated(api, webhook))
            await taken(receiver, 1)
            found = await until(api, lambda each: each["status"] == "ACTIVE")

    assert found["failedAttempts"] == 0


async def test_a_paused_webhook_stays_paused(tmp_path: Path):
    async with quiet(tmp_path / "registry.db") as api:
        webhook = await made(api, "https://example.org/")
        await changed(api, "pauseWebhook", webhook["id"])
        await rotated(api, webhook)
        found = await until(api, lambda each: each["status"] == "PAUSED")

    assert found["pausedBecause"] == "REQUESTED"


async def test_it_takes_the_id_of_a_webhook_and_no_idempotency_key(tmp_path: Path):
    async with quiet(tmp_path / "registry.db") as api:
        webhook = await made(api, "https://example.org/")
        unknown = await api.ask(ROTATE, id="wh_none")
        keyed = await api.client.post(
            "/graphql",
            json={"query": ROTATE, "variables": {"id": webhook["id"]}},
            headers={"idempotency-key": '"one"'},
        )
        (stored,) = await api.rows("SELECT secret FROM outgoing_webhooks")

    (problem,) = unknown["rotateWebhookSecret"]["errors"]
    assert (problem["code"], problem["path"]) == ("NOT_FOUND", ["input", "id"])
    assert "no Idempotency-Key" in json.dumps(keyed.json())
    assert stored == (webhook["secret"],)


@pytest.mark.parametrize(
    ("stored", "time_", "valid"),
    [
        ("whsec_a", 0, ["whsec_a"]),
        ("whsec_b whsec_a 100", 99, ["whsec_b", "whsec_a"]),
        ("whsec_b whsec_a 100", 100, ["whsec_b"]),
    ],
)
def test_the_secret_before_ends_at_its_time(stored: str, time_: int, valid: list[str]):
    assert SigningSecrets.of(stored).valid_at(time_) == valid

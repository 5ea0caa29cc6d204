"""Reads outgoing webhooks: for those who administer them, and for the workers that deliver."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db.change_log import NEWEST
from db.model.outgoing_webhooks import (
    OutgoingDelivery,
    OutgoingWebhook,
    SigningSecrets,
    columns,
    paused_because,
)
from db.model.retention import LAST_PRUNED, NEWEST_CHANGE, NEWEST_ERASURE
from db.program import Program, Statement, Value, json_list
from db.security.api_keys import Identity

_SHOWN = columns(OutgoingWebhook)
_ALL = f"SELECT {_SHOWN} FROM outgoing_webhooks ORDER BY created_at, webhook_id"
_OPEN = f"""
    SELECT {columns(OutgoingWebhook, "webhook")}, webhook.lease_holder, webhook.lease_until,
        EXISTS (
            SELECT 1 FROM outgoing_deliveries AS waiting
            WHERE waiting.webhook_id = webhook.webhook_id AND waiting.status = 'replaying'
        ) AS has_replays
    FROM outgoing_webhooks AS webhook
    WHERE {paused_because("webhook")} IS NULL
"""
_STATE = f"""
    SELECT {columns(OutgoingWebhook, "webhook")}, webhook.secret,
        creator.chitty_id AS creator_id, creator.status AS creator_status, creator.capabilities,
        {LAST_PRUNED} AS pruned,
        {NEWEST_CHANGE} AS newest,
        {NEWEST_ERASURE} AS erasures,
        (
            SELECT min(waiting.sequence) FROM outgoing_deliveries AS waiting
            WHERE waiting.webhook_id = webhook.webhook_id AND waiting.status = 'replaying'
        ) AS replay
    FROM outgoing_webhooks AS webhook
        LEFT JOIN actors AS creator ON creator.chitty_id = webhook.creator_chitty_id
    WHERE webhook.webhook_id = :webhook_id
"""
# Rows of each parent by an index, newest change first.
_DELIVERIES = f"""
    SELECT {columns(OutgoingDelivery, "delivery")}
    FROM json_each(:webhooks) AS parent CROSS JOIN outgoing_deliveries AS delivery
        ON delivery.webhook_id = parent.value AND delivery.sequence IN (
            SELECT one.sequence FROM outgoing_deliveries AS one
            WHERE one.webhook_id = parent.value AND {{condition}}
            ORDER BY one.sequence {{direction}} LIMIT :limit
        )
    ORDER BY delivery.webhook_id, delivery.sequence {{direction}}
"""
_COUNTS = """
    SELECT parent.value, (
        SELECT count(*) FROM outgoing_deliveries AS one
        WHERE one.webhook_id = parent.value AND {condition}
    ) AS deliveries
    FROM json_each(:webhooks) AS parent
"""
_FIGURES = f"""
    SELECT count(*) AS webhooks, coalesce(sum({paused_because()} IS NOT NULL), 0) AS paused,
        coalesce(sum({paused_because()} IS NULL AND attempts > 0), 0) AS failing,
        (
            SELECT count(*) FROM outgoing_webhooks AS each
                CROSS JOIN outgoing_deliveries AS delivery
                ON delivery.webhook_id = each.webhook_id AND delivery.status = 'dead'
        ) AS dead,
        (
            SELECT min(change.at) FROM outgoing_webhooks AS each
                CROSS JOIN outgoing_deliveries AS delivery
                ON delivery.webhook_id = each.webhook_id AND delivery.status = 'failing'
                JOIN changes AS change ON change.sequence = delivery.sequence
            WHERE {paused_because("each")} IS NULL AND each.attempts > 0
        ) AS waiting_since
    FROM outgoing_webhooks
"""


@dataclass(frozen=True, slots=True)
class OpenWebhook:
    """A webhook that is not paused, and who delivers for it."""

    webhook: OutgoingWebhook
    lease_holder: str | None
    lease_until: str | None
    has_replays: bool


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """What the next attempt of a webhook needs; changes are retained after `pruned` up to `newest`.

    `identity` is None if the creator is no actor (any more); `erasures` is the number of the newest erasure;
    `replay` is the sequence of a dead letter.
    """

    webhook: OutgoingWebhook
    secrets: SigningSecrets
    identity: Identity | None
    pruned: int
    newest: int
    erasures: int
    replay: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """`waiting_since` is the instant of the oldest change that a failing webhook waits to deliver."""

    webhooks: int
    paused: int
    failing: int
    dead: int
    waiting_since: str | None


@dataclass(frozen=True, slots=True)
class DeliveryRange:
    """Deliveries between two sequences, with one status if given: the first `limit`, newest first.

    `backward` takes the last ones instead, and has them oldest first.
    """

    limit: int
    backward: bool = False
    older_than: int | None = None
    newer_than: int | None = None
    status: str | None = None


def all_webhooks() -> Program[list[OutgoingWebhook]]:
    """All, oldest first: there are not many."""
    (rows,) = yield [Statement(_ALL)]
    return [OutgoingWebhook.of(row) for row in rows]


def open_webhooks() -> Program[tuple[int, list[OpenWebhook]]]:
    """The sequence of the newest change, and the webhooks that are not paused."""
    ((newest,),), rows = yield [Statement(NEWEST), Statement(_OPEN)]
    found: list[OpenWebhook] = []
    for row in rows:
        *webhook, holder, until, has_replays = row
        found.append(
            OpenWebhook(
                OutgoingWebhook.of(tuple(webhook)),
                lease_holder=None if holder is None else str(holder),
                lease_until=None if until is None else str(until),
                has_replays=bool(has_replays),
            )
        )
    return int(newest or 0), found


def delivery_state(webhook_id: str) -> Program[DeliveryState | None]:
    """None if the webhook is gone."""
    (rows,) = yield [Statement(_STATE, {"webhook_id": webhook_id})]
    if not rows:
        return None
    *webhook, secret, creator, status, capabilities, pruned, newest, erasures, replay = rows[0]
    identity = None
    if creator is not None:
        identity = Identity(str(creator), str(status), str(capabilities))
    numbers: Any = (pruned, newest, erasures, replay)
    secrets = SigningSecrets.of(str(secret))
    return DeliveryState(OutgoingWebhook.of(tuple(webhook)), secrets, identity, *numbers)


def deliveries(
    webhooks: Sequence[Value], wanted: DeliveryRange
) -> Program[dict[str, list[OutgoingDelivery]]]:
    direction = "ASC" if wanted.backward else "DESC"
    sql = _DELIVERIES.format(condition=_condition(wanted), direction=direction)
    bind = {**_bind(webhooks, wanted), "limit": wanted.limit}
    (rows,) = yield [Statement(sql, bind)]
    found: dict[str, list[OutgoingDelivery]] = {}
    for row in rows:
        delivery = OutgoingDelivery.of(row)
        found.setdefault(delivery.webhook_id, []).append(delivery)
    return found


def delivery_counts(webhooks: Sequence[Value], wanted: DeliveryRange) -> Program[dict[str, int]]:
    (rows,) = yield [
        Statement(_COUNTS.format(condition=_condition(wanted)), _bind(webhooks, wanted))
    ]
    return {str(webhook): int(count or 0) for webhook, count in rows}


def figures() -> Program[Figures]:
    ((row,),) = yield [Statement(_FIGURES)]
    counted: Any = row
    return Figures(*counted)


def _condition(wanted: DeliveryRange) -> str:
    parts = ["TRUE"]
    if wanted.status is not None:
        parts.append("one.status = :status")
    if wanted.older_than is not None:
        parts.append("one.sequence < :older_than")
    if wanted.newer_than is not None:
        parts.append("one.sequence > :newer_than")
    return " AND ".join(parts)


def _bind(webhooks: Sequence[Value], wanted: DeliveryRange) -> dict[str, Value]:
    bounds: dict[str, Value] = {
        "status": wanted.status,
        "older_than": wanted.older_than,
        "newer_than": wanted.newer_than,
    }
    given = {name: value for name, value in bounds.items() if value is not None}
    return {"webhooks": json_list(webhooks), **given}

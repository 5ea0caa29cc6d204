"""Webhook deliveries: each is stored once, and its facts are applied in the same batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from db.commands import installation_facts, pending_installations
from db.commands.installation_facts import DELIVERY, NEXT_RECEIPT, Fact
from db.commands.pending_installations import Claim, ClaimTerm
from db.model.tables import INSTALLATIONS, Installation
from db.program import Program, Rows, Statement, Value

RETURNED = "outcome, times"
OF_DELIVERY = "webhook_deliveries WHERE body_sha256 = :body_sha256 AND event = :event"
RECEIVE = f"""
    INSERT INTO webhook_deliveries (
        body_sha256, event, payload_sha256, delivery_id, action, installation_id, outcome,
        received_at, last_received_at, times, receipt
    )
    VALUES (
        :body_sha256, :event, :payload_sha256, :delivery_id, :action, :installation_id, :outcome,
        :now, :now, 1, coalesce({DELIVERY.receipt}, {NEXT_RECEIPT})
    )
    ON CONFLICT (body_sha256, event) DO UPDATE
    SET outcome = excluded.outcome, payload_sha256 = excluded.payload_sha256,
        last_received_at = excluded.last_received_at, times = times + 1
"""
CONCLUDE = """
    UPDATE webhook_deliveries SET outcome = CASE
        WHEN EXISTS (SELECT 1 FROM installations WHERE installation_id = :installation_id)
            THEN :outcome
        WHEN EXISTS (SELECT 1 FROM waiting_installations WHERE installation_id = :installation_id)
            THEN 'waiting'
        ELSE 'stored'
    END
    WHERE body_sha256 = :body_sha256 AND event = :event
"""


class Outcome(Enum):
    """The values are stored, and sent in responses."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"  # only in the response: stored as applied
    WAITING = "waiting"
    STORED = "stored"
    MISMATCHED = "mismatched"
    PONG = "pong"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery as received. Its signature covers neither the event's name nor the delivery id.

    `payload_sha256` is the same for the same JSON in other bytes, as files have it that were formatted.
    """

    body_sha256: str
    payload_sha256: str
    event: str
    delivery_id: str
    action: str | None
    installation_id: int | None
    received_at: str


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """`claim` is of the installation for which the caller, and nobody else, must mint a ChittyID."""

    outcome: Outcome
    times: int
    installation: Installation | None = None
    claim: Claim | None = None


def store(
    delivery: Delivery, outcome: Outcome, facts: Sequence[Fact], *, claim: ClaimTerm
) -> Program[StoredDelivery]:
    """Store a delivery and its facts, and apply them if the installation has a ChittyID."""
    # A repeated delivery is applied again, which changes nothing: its id and event are not signed,
    # so the first one may have been forged to block the true one.
    bind: dict[str, Value] = {
        "body_sha256": delivery.body_sha256,
        "payload_sha256": delivery.payload_sha256,
        "event": delivery.event,
        "delivery_id": delivery.delivery_id,
        "action": delivery.action,
        "installation_id": delivery.installation_id,
        "outcome": outcome.value,
        "now": delivery.received_at,
        "new_chitty_id": None,
        "installed_at": None,
        **claim.bind,
    }
    if not facts:
        (rows,) = yield [Statement(RECEIVE, bind, returning=RETURNED, of=OF_DELIVERY)]
        return _stored(rows, [], [])
    # First the delivery, which tells the facts when it was received first.
    _, _, changed, claimed, rows = yield [
        Statement(RECEIVE, bind),
        installation_facts.store(facts, bind, DELIVERY),
        installation_facts.write_row(bind),
        pending_installations.add(bind),
        Statement(CONCLUDE, bind, returning=RETURNED, of=OF_DELIVERY),
    ]
    return _stored(rows, changed, claimed)


def _stored(rows: Rows, changed: Rows, claimed: Rows) -> StoredDelivery:
    ((stored, times),) = rows
    outcome = Outcome(stored)
    if outcome is Outcome.APPLIED and not changed:
        outcome = Outcome.UNCHANGED
    assert isinstance(times, int)  # noqa: S101 - the column counts
    row = INSTALLATIONS.of(changed[0]) if changed else None
    return StoredDelivery(outcome, times, row, Claim.of(claimed))

"""Webhook deliveries: each is stored once, and its facts are applied in the same batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from db.commands import installation_facts
from db.commands.installation_facts import Fact
from db.model.tables import INSTALLATIONS, Installation
from db.program import Program, Rows, Statement, Value

OF_DELIVERY = "webhook_deliveries WHERE body_sha256 = :body_sha256 AND event = :event"
STORE = """
    INSERT INTO webhook_deliveries (
        body_sha256, event, delivery_id, action, installation_id, outcome,
        received_at, last_received_at, times
    )
    VALUES (
        :body_sha256, :event, :delivery_id, :action, :installation_id,
        CASE
            WHEN :outcome <> 'applied' OR EXISTS (
                SELECT 1 FROM installations WHERE installation_id = :installation_id
            ) THEN :outcome
            WHEN EXISTS (
                SELECT 1 FROM waiting_installations WHERE installation_id = :installation_id
            ) THEN 'waiting'
            ELSE 'stored'
        END,
        :now, :now, 1
    )
    ON CONFLICT (body_sha256, event) DO UPDATE
    SET outcome = excluded.outcome, last_received_at = excluded.last_received_at, times = times + 1
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
    """One delivery as received. Its signature covers neither the event's name nor the delivery id."""

    body_sha256: str
    event: str
    delivery_id: str
    action: str | None
    installation_id: int | None
    received_at: str


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """`claimed` is the installation for which the caller, and nobody else, must mint a ChittyID."""

    outcome: Outcome
    times: int
    installation: Installation | None = None
    claimed: int | None = None


def store(
    delivery: Delivery, outcome: Outcome, facts: Sequence[Fact], *, claimed_until: str
) -> Program[StoredDelivery]:
    """Store a delivery and its facts, and apply them if the installation has a ChittyID."""
    # A repeated delivery is applied again, which changes nothing: its id and event are not signed,
    # so the first one may have been forged to block the true one.
    bind: dict[str, Value] = {
        "body_sha256": delivery.body_sha256,
        "event": delivery.event,
        "delivery_id": delivery.delivery_id,
        "action": delivery.action,
        "installation_id": delivery.installation_id,
        "outcome": outcome.value,
        "now": delivery.received_at,
        "new_chitty_id": None,
        "installed_at": None,
        "claimed_until": claimed_until,
    }
    applying = [
        installation_facts.store(facts, bind, at=installation_facts.FIRST_RECEIVED),
        installation_facts.write_row(bind),
        installation_facts.add_pending(bind),
    ]
    storing = Statement(STORE, bind, returning="outcome, times", of=OF_DELIVERY)
    results = yield [*(applying if facts else []), storing]
    return _stored(delivery, results)


def _stored(delivery: Delivery, results: list[Rows]) -> StoredDelivery:
    *applied, [(stored, times)] = results
    _, changed, claimed = applied or ([], [], [])
    outcome = Outcome(stored)
    if outcome is Outcome.APPLIED and not changed:
        outcome = Outcome.UNCHANGED
    assert isinstance(times, int)  # noqa: S101 - the column counts
    row = INSTALLATIONS.of(changed[0]) if changed else None
    return StoredDelivery(outcome, times, row, delivery.installation_id if claimed else None)

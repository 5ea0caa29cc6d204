"""The webhook deliveries: each kept once, what it tells applied whole, in one batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from db.commands import installation_facts
from db.commands.installation_facts import Fact
from db.model.tables import INSTALLATIONS, Installation
from db.program import Program, Rows, Statement, Value

KEPT = "webhook_deliveries WHERE body_sha256 = :body_sha256 AND event = :event"
KEEP = """
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
    """What became of a delivery: the member's value is what is stored and answered."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"  # only answered: stored as applied
    WAITING = "waiting"
    STORED = "stored"
    MISMATCHED = "mismatched"
    PONG = "pong"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery, as it came; the event's name and the id are not covered by its signature."""

    body_sha256: str
    event: str
    delivery_id: str
    action: str | None
    installation_id: int | None
    received_at: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of a delivery: how often it has come, and the row where it changed one.

    `claimed` is the installation for which the caller, and nobody else, is to have a ChittyID minted.
    """

    outcome: Outcome
    times: int
    installation: Installation | None = None
    claimed: int | None = None


def keep(
    delivery: Delivery, outcome: Outcome, told: Sequence[Fact], *, claimed_until: str
) -> Program[Kept]:
    """Keep a delivery and apply the facts it tells, as far as its installation has a ChittyID.

    One that has none waits for it, claimed by the caller until that instant: see `db.waiting`.
    A delivery that has come before is applied again: it makes no difference, whereas its id and
    event, which are not signed, may have been forged to keep the true one out.
    """
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
        installation_facts.merge(told, bind, at=installation_facts.FIRST_RECEIVED),
        installation_facts.project(bind),
        installation_facts.wait(bind),
    ]
    keeping = Statement(KEEP, bind, returning="outcome, times", of=KEPT)
    results = yield [*(applying if told else []), keeping]
    return _kept(delivery, results)


def _kept(delivery: Delivery, results: list[Rows]) -> Kept:
    *applied, [(stored, times)] = results
    _, changed, claimed = applied or ([], [], [])
    outcome = Outcome(stored)
    if outcome is Outcome.APPLIED and not changed:
        outcome = Outcome.UNCHANGED
    assert isinstance(times, int)  # noqa: S101 - the column counts
    row = INSTALLATIONS.of(changed[0]) if changed else None
    return Kept(outcome, times, row, delivery.installation_id if claimed else None)

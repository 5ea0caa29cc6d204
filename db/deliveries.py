"""The webhook deliveries: each kept once, applied whole, in one batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from db import facts
from db.facts import Fact
from db.program import Program, Rows, Statement, Value
from db.tables import INSTALLATIONS, Installation

KEEP = """
    INSERT INTO webhook_deliveries (
        body_sha256, event, delivery_id, action, installation_id, outcome,
        received_at, last_received_at, times
    )
    VALUES (
        :body_sha256, :event, :delivery_id, :action, :installation_id,
        iif(:outcome <> 'applied' OR EXISTS (
            SELECT 1 FROM installations WHERE installation_id = :installation_id
        ), :outcome, 'stored'),
        :now, :now, 1
    )
    ON CONFLICT (body_sha256, event) DO UPDATE
    SET outcome = excluded.outcome, last_received_at = excluded.last_received_at, times = times + 1
    RETURNING outcome, times
"""


class Outcome(Enum):
    """What became of a delivery: the member's value is what is stored and answered."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"  # only answered: stored as applied
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
    """What was kept of a delivery: how often it has come, and the row where it changed one."""

    outcome: Outcome
    times: int
    installation: Installation | None = None


def keep(
    delivery: Delivery, outcome: Outcome, told: Sequence[Fact], *, new_chitty_id: str
) -> Program[Kept]:
    """Keep a delivery and apply the facts it tells; `new_chitty_id` is for a row that has none.

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
        "new_chitty_id": new_chitty_id,
        "installed_at": None,
    }
    applying = [facts.merge(told, bind, at=facts.FIRST_RECEIVED), facts.project(bind)]
    results = yield [*(applying if told else []), Statement(KEEP, bind)]
    return _kept(results)


def _kept(results: list[Rows]) -> Kept:
    *applied, [(stored, times)] = results
    changed = applied[-1] if applied else []
    outcome = Outcome(stored)
    if outcome is Outcome.APPLIED and not changed:
        outcome = Outcome.UNCHANGED
    assert isinstance(times, int)  # noqa: S101 - the column counts
    return Kept(outcome, times, INSTALLATIONS.of(changed[0]) if changed else None)

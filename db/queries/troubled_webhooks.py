"""The outgoing webhooks that are paused or fail, for `chittygraph status` and `doctor`."""

from dataclasses import dataclass
from typing import Any

from db.model.outgoing_webhooks import PauseReason, paused_because
from db.program import Program, Statement

SHOWN = 10


@dataclass(frozen=True, slots=True)
class TroubledWebhook:
    """`paused_because` is None if it fails; `error` is what the last attempt led to."""

    webhook_id: str
    paused_because: str | None
    since: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Troubles:
    """How many webhooks there are, how many are paused or fail, the first of these, and the dead letters."""

    webhooks: int
    paused: int
    failing: int
    dead_letters: int
    first: tuple[TroubledWebhook, ...]


COUNT = f"""
    SELECT count(*) AS webhooks, coalesce(sum({paused_because()} IS NOT NULL), 0) AS paused,
        coalesce(sum({paused_because()} IS NULL AND attempts > 0), 0) AS failing,
        (SELECT count(*) FROM outgoing_deliveries WHERE status = 'dead') AS dead
    FROM outgoing_webhooks
"""
# Those that an admin paused come last.
FIRST = f"""
    SELECT webhook_id, {paused_because()} AS reason, coalesce(paused_at, failing_since) AS since, last_error
    FROM outgoing_webhooks
    WHERE {paused_because()} IS NOT NULL OR attempts > 0
    ORDER BY {paused_because()} IS '{PauseReason.REQUESTED.value}', created_at, webhook_id LIMIT :shown
"""


def find() -> Program[Troubles]:
    found: list[Any] = yield [Statement(COUNT), Statement(FIRST, {"shown": SHOWN})]
    (counts,), rows = found
    webhooks, paused, failing, dead_letters = counts
    first = tuple(TroubledWebhook(*row) for row in rows)
    return Troubles(webhooks, paused, failing, dead_letters, first)

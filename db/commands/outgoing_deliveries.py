"""Programs with which a worker delivers: it leases a webhook, and records what became of an attempt.

Each statement writes only while the worker holds the lease and the webhook stands where the attempt began,
so that a worker whose lease ran out records nothing after another one has. The server itself writes them,
with the rights of nobody.
"""

from dataclasses import dataclass

from db.model.outgoing_webhooks import DeliveryStatus, PauseReason, paused_because
from db.model.retention import NEWEST_ERASURE
from db.program import Program, Statement, Value

MOST_DELIVERED = 100
MOST_DEAD = 1_000

_ROW = "outgoing_webhooks WHERE webhook_id = :webhook_id"
# A lease whose end is further off than any lease lasts was given before the clock was set back.
_FREE = """(
          lease_holder IS NULL OR lease_holder = :holder OR lease_until <= :now OR lease_until > :latest
      )"""
_LEASE = f"""
    UPDATE outgoing_webhooks SET lease_holder = :holder, lease_until = :until
    WHERE webhook_id = :webhook_id AND {paused_because()} IS NULL
      AND position = :position AND updated_at = :updated_at AND {_FREE}
"""
_LEASED = f"{_ROW} AND lease_holder = :holder AND lease_until = :until"
_RELEASE = "UPDATE outgoing_webhooks SET lease_holder = NULL, lease_until = NULL"
_RELEASE_ALL = f"{_RELEASE} WHERE lease_holder = :holder"
_HELD = f"EXISTS (SELECT 1 FROM {_ROW} AND lease_holder = :holder AND position = :was)"
# A receiver may repeat what it was sent. If a person was erased since that was read, its words are not kept.
_ERROR = f"""
    CASE WHEN {NEWEST_ERASURE} <= :erasures THEN :error
        WHEN :error IS NOT NULL THEN 'a person was erased meanwhile, so what was answered is not kept'
    END
"""
_EXCERPT = f"iif({NEWEST_ERASURE} <= :erasures, :excerpt, NULL)"
# A delivery that was dead and is sent again counts on.
_DELIVERY = f"""
    INSERT INTO outgoing_deliveries (
        webhook_id, sequence, status, attempts, first_attempt_at, last_attempt_at, response_status, error,
        excerpt, milliseconds
    )
    SELECT :webhook_id, :sequence, :status, 1, :now, :now, :response_status, {_ERROR}, {_EXCERPT},
        :milliseconds
    WHERE {_HELD}
    ON CONFLICT (webhook_id, sequence) DO UPDATE
    SET status = excluded.status, attempts = attempts + 1, last_attempt_at = excluded.last_attempt_at,
        response_status = excluded.response_status, error = excluded.error, excerpt = excluded.excerpt,
        milliseconds = excluded.milliseconds
"""
_REMOVE_OLDEST = f"""
    DELETE FROM outgoing_deliveries
    WHERE webhook_id = :webhook_id AND status = :status AND {_HELD} AND sequence <= (
        SELECT oldest.sequence FROM outgoing_deliveries AS oldest
        WHERE oldest.webhook_id = :webhook_id AND oldest.status = :status
        ORDER BY oldest.sequence DESC LIMIT 1 OFFSET :kept
    )
"""
_STATE = f"""
    UPDATE outgoing_webhooks
    SET position = :position, attempts = :attempts, failing_since = :failing_since,
        next_attempt_at = :next_attempt_at, last_attempt_at = :now, last_error = {_ERROR},
        last_success_at = iif(:is_success, :now, last_success_at),
        paused_because = coalesce(paused_because, :paused_because),
        paused_at = iif(:paused_because IS NULL, paused_at, coalesce(paused_at, :now)),
        lease_until = :until
    WHERE webhook_id = :webhook_id AND lease_holder = :holder AND position = :was
"""
# What is sent again leaves the webhook where it stands, but for the lease.
_REPLAYED = """
    UPDATE outgoing_webhooks
    SET last_attempt_at = :now, last_success_at = iif(:is_success, :now, last_success_at),
        lease_until = :until
    WHERE webhook_id = :webhook_id AND lease_holder = :holder AND position = :was
"""
_SKIP = f"""
    UPDATE outgoing_webhooks SET position = :position
    WHERE webhook_id = :webhook_id AND position = :was AND updated_at = :updated_at AND {_FREE}
"""
_PAUSE = """
    UPDATE outgoing_webhooks SET paused_because = :reason, paused_at = :now
    WHERE webhook_id = :webhook_id AND paused_because IS NULL AND updated_at = :updated_at
"""
_ENDED = """
    UPDATE outgoing_deliveries SET status = 'dead', error = :error, last_attempt_at = :now
    WHERE webhook_id = :webhook_id AND sequence = :sequence AND status = 'replaying'
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """It lasts from `now` to `until`; none that is being held ends after `latest`. Canonical instants."""

    webhook_id: str
    holder: str
    now: str
    until: str
    latest: str

    @property
    def bind(self) -> dict[str, Value]:
        return {
            "webhook_id": self.webhook_id,
            "holder": self.holder,
            "now": self.now,
            "until": self.until,
            "latest": self.latest,
        }


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one attempt; `error` is None if the receiver took the change.

    `erasures` is the number of the newest erasure when the change was read.
    """

    sequence: int
    status: DeliveryStatus
    milliseconds: int
    erasures: int
    response_status: int | None = None
    error: str | None = None
    excerpt: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a webhook after an attempt; `was` is the position at which it began."""

    was: int
    position: int
    attempts: int = 0
    failing_since: str | None = None
    next_attempt_at: str | None = None
    paused_because: PauseReason | None = None


def lease(lease: Lease, position: int, updated_at: str) -> Program[bool]:
    """Take or prolong a lease, if the webhook is as it was read; whether that was possible."""
    bind: dict[str, Value] = {**lease.bind, "position": position, "updated_at": updated_at}
    (leased,) = yield [Statement(_LEASE, bind, returning="webhook_id", of=_LEASED)]
    return bool(leased)


def release_all(holder: str) -> Program[None]:
    yield [Statement(_RELEASE_ALL, {"holder": holder})]


def record(lease: Lease, result: Result, progress: Progress) -> Program[bool]:
    """Record an attempt; whether the lease still held. If it did not, nothing is written."""
    state: dict[str, Value] = {
        "position": progress.position,
        "attempts": progress.attempts,
        "failing_since": progress.failing_since,
        "next_attempt_at": progress.next_attempt_at,
        "paused_because": progress.paused_because and progress.paused_because.value,
    }
    return _recorded({**_bind(lease, result, progress.was), **state}, _STATE)


def record_replay(lease: Lease, result: Result, position: int) -> Program[bool]:
    """Like `record`, of a delivery that was dead; `position` is the webhook's own."""
    return _recorded(_bind(lease, result, position), _REPLAYED)


def skip(lease: Lease, updated_at: str, was: int, position: int) -> Program[None]:
    """Settle the changes up to `position`, of which the filter selects none, unless another one delivers."""
    bind: dict[str, Value] = {
        **lease.bind,
        "updated_at": updated_at,
        "was": was,
        "position": position,
    }
    yield [Statement(_SKIP, bind)]


def pause(webhook_id: str, updated_at: str, reason: PauseReason, now: str) -> Program[bool]:
    """Pause a webhook if it is as it was read; whether it was."""
    bind = {"webhook_id": webhook_id, "updated_at": updated_at, "reason": reason.value, "now": now}
    of = f"{_ROW} AND paused_because = :reason AND paused_at = :now"
    (paused,) = yield [Statement(_PAUSE, bind, returning="webhook_id", of=of)]
    return bool(paused)


def end_replay(webhook_id: str, sequence: int, error: str, now: str) -> Program[None]:
    """Leave a delivery dead that cannot be sent again."""
    bind: dict[str, Value] = {
        "webhook_id": webhook_id,
        "sequence": sequence,
        "error": error,
        "now": now,
    }
    yield [Statement(_ENDED, bind)]


def _bind(lease: Lease, result: Result, was: int) -> dict[str, Value]:
    is_dead = result.status is DeliveryStatus.DEAD
    return {
        **lease.bind,
        "sequence": result.sequence,
        "status": result.status.value,
        "response_status": result.response_status,
        "error": result.error,
        "erasures": result.erasures,
        "excerpt": result.excerpt,
        "milliseconds": result.milliseconds,
        "is_success": int(result.status is DeliveryStatus.DELIVERED),
        "kept": MOST_DEAD if is_dead else MOST_DELIVERED,
        "was": was,
    }


def _recorded(bind: dict[str, Value], state: str) -> Program[bool]:
    of = f"{_ROW} AND lease_holder = :holder AND lease_until = :until"
    _, _, written = yield [
        Statement(_DELIVERY, bind),
        Statement(_REMOVE_OLDEST, bind),
        Statement(state, bind, returning="webhook_id", of=of),
    ]
    return bool(written)

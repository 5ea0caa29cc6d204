"""Outgoing webhooks and what became of their deliveries, as they are stored."""

from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from db.program import Values


class WebhookStatus(Enum):
    """Follows from the row: it is not stored."""

    ACTIVE = "active"
    FAILING = "failing"
    PAUSED = "paused"


class PauseReason(Enum):
    """The values are stored, but for `CANNOT_SIGN`, which follows from the row."""

    REQUESTED = "requested"
    RIGHTS_LOST = "rights_lost"
    GONE = "gone"
    CHANGES_PRUNED = "changes_pruned"
    CANNOT_SIGN = "cannot_sign"  # it came from a dump, which leaves secrets out


class DeliveryStatus(Enum):
    """The values are stored."""

    DELIVERED = "delivered"
    FAILING = "failing"
    DEAD = "dead"
    REPLAYING = "replaying"


@dataclass(frozen=True, slots=True)
class OutgoingWebhook:
    """All of a webhook but its secret and its lease; `position` is a sequence and never shown.

    `attempts` counts those of the change that is next. Instants are canonical texts.
    """

    webhook_id: str
    url: str
    filter: str
    creator_chitty_id: str | None
    created_at: str
    updated_at: str
    paused_because: str | None
    paused_at: str | None
    position: int
    attempts: int
    failing_since: str | None
    next_attempt_at: str | None
    last_attempt_at: str | None
    last_success_at: str | None
    last_error: str | None

    @classmethod
    def of(cls, values: Values) -> "OutgoingWebhook":
        stored: Any = values
        return cls(*stored)

    @property
    def status(self) -> WebhookStatus:
        if self.paused_because is not None:
            return WebhookStatus.PAUSED
        return WebhookStatus.FAILING if self.attempts else WebhookStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class OutgoingDelivery:
    """What became of one change at one webhook; `sequence` is the change's and never shown."""

    webhook_id: str
    sequence: int
    status: str
    attempts: int
    first_attempt_at: str
    last_attempt_at: str
    response_status: int | None
    error: str | None
    excerpt: str | None
    milliseconds: int | None

    @classmethod
    def of(cls, values: Values) -> "OutgoingDelivery":
        stored: Any = values
        return cls(*stored)


@dataclass(frozen=True, slots=True)
class SigningSecrets:
    """What signs a webhook's messages: the newest secret and, until a time in Unix seconds, the one before.

    They are stored as one text, separated by spaces; an empty one stands for a secret that is missing.
    """

    newest: str
    previous: str | None = None
    until: int = 0

    @classmethod
    def of(cls, stored: str) -> "SigningSecrets":
        newest, *before = stored.split(" ")
        return cls(newest, before[0], int(before[1])) if len(before) == 2 else cls(newest)

    def valid_at(self, time: int) -> list[str]:
        return [
            self.newest,
            *([self.previous] if self.previous is not None and time < self.until else []),
        ]


def paused_because(table: str = "") -> str:
    """SQL for why a webhook is paused; NULL if it is not."""
    prefix = f"{table}." if table else ""
    missing = PauseReason.CANNOT_SIGN.value
    return f"iif({prefix}secret = '', '{missing}', {prefix}paused_because)"


def columns(row: type[OutgoingWebhook] | type[OutgoingDelivery], table: str = "") -> str:
    """SQL for the columns that make a row."""
    prefix = f"{table}." if table else ""
    computed = {"paused_because": f"{paused_because(table)} AS paused_because"}
    return ", ".join(computed.get(each.name, f"{prefix}{each.name}") for each in fields(row))

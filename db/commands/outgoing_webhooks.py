"""Programs with which admins make, change and remove outgoing webhooks."""

from collections.abc import Mapping
from dataclasses import dataclass

from db.commands.statements import refusal
from db.errors import ErrorCode
from db.model import instants
from db.model.outgoing_webhooks import OutgoingDelivery, OutgoingWebhook, PauseReason, columns
from db.model.retention import LAST_PRUNED, NEWEST_CHANGE
from db.program import Program, Statement, Value
from db.security.revalidation import STILL_AUTHORIZED

MOST_WEBHOOKS = 100

_SHOWN = columns(OutgoingWebhook)
_ROW = "outgoing_webhooks WHERE webhook_id = :webhook_id"
# A change of what is sent, or where to, gives the next change its time anew.
_AFRESH = "attempts = 0, failing_since = NULL, next_attempt_at = NULL, last_error = NULL"
_CREATE = f"""
    INSERT INTO outgoing_webhooks (
        webhook_id, url, filter, secret, creator_chitty_id, created_at, updated_at, position
    )
    SELECT :webhook_id, :url, :filter, :secret, :creator, :now, :now,
        {NEWEST_CHANGE}
    WHERE {STILL_AUTHORIZED} AND (SELECT count(*) FROM outgoing_webhooks) < :most
"""
_CHANGE = f"""
    UPDATE outgoing_webhooks SET {{changes}}, updated_at = {instants.LATER}
    WHERE webhook_id = :webhook_id AND {STILL_AUTHORIZED}
"""
_RESUME = _CHANGE.format(
    changes=f"""creator_chitty_id = iif(
            paused_because = '{PauseReason.RIGHTS_LOST.value}', :resumer, creator_chitty_id
        ),
        position = max(position, {LAST_PRUNED}),
        paused_because = NULL, paused_at = NULL, {_AFRESH}"""
)
_PAUSE = f"""
    UPDATE outgoing_webhooks
    SET paused_because = coalesce(paused_because, :reason), paused_at = coalesce(paused_at, :now),
        updated_at = {instants.LATER}
    WHERE webhook_id = :webhook_id AND {STILL_AUTHORIZED}
"""
# What signed until now goes on to sign for a while, if it is wanted and there is any.
_PREVIOUS = "substr(secret, 1, instr(secret || ' ', ' ') - 1)"
_ROTATE = _CHANGE.format(
    changes=f"""secret = iif(
            secret = '' OR :until IS NULL, :secret, :secret || ' ' || {_PREVIOUS} || ' ' || :until
        ), {_AFRESH}"""
)
_DELETE_DELIVERIES = f"""
    DELETE FROM outgoing_deliveries WHERE webhook_id = :webhook_id AND {STILL_AUTHORIZED}
"""
_DELETE = f"""
    DELETE FROM outgoing_webhooks WHERE webhook_id = :webhook_id AND {STILL_AUTHORIZED}
"""
_REPLAY = f"""
    UPDATE outgoing_deliveries SET status = 'replaying'
    WHERE webhook_id = :webhook_id AND sequence = :sequence AND status IN ('dead', 'replaying')
      AND {STILL_AUTHORIZED}
"""
_DELIVERY = "outgoing_deliveries WHERE webhook_id = :webhook_id AND sequence = :sequence"
_DELIVERY_STATUS = f"SELECT status FROM {_DELIVERY}"


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """`filter` is JSON; `creator` is None in open mode."""

    webhook_id: str
    url: str
    filter: str
    secret: str
    creator: str | None


def create(new: NewWebhook) -> Program[OutgoingWebhook]:
    """The webhook gets every change after this one. Raises Refused with LIMIT if there are too many."""
    bind: dict[str, Value] = {
        "webhook_id": new.webhook_id,
        "url": new.url,
        "filter": new.filter,
        "secret": new.secret,
        "creator": new.creator,
        "now": instants.now(),
        "most": MOST_WEBHOOKS,
    }
    (created,) = yield [Statement(_CREATE, bind, returning=_SHOWN, of=_ROW)]
    if created:
        return OutgoingWebhook.of(created[0])
    message = f"there are {MOST_WEBHOOKS} webhooks, which is the most: delete one first"
    raise refusal(ErrorCode.LIMIT, "url", message)


def update(webhook_id: str, changes: Mapping[str, Value]) -> Program[OutgoingWebhook]:
    """Change `url` or `filter`, for all changes from the next one on; raises Refused with NOT_FOUND."""
    settings = ", ".join([*(f"{name} = :{name}" for name in changes), _AFRESH])
    return _changed(_CHANGE.format(changes=settings), {"webhook_id": webhook_id, **changes})


def pause(webhook_id: str, reason: str) -> Program[OutgoingWebhook]:
    """What is on its way is still delivered. Raises Refused with NOT_FOUND."""
    return _changed(_PAUSE, {"webhook_id": webhook_id, "reason": reason})


def resume(webhook_id: str, resumer: str | None) -> Program[OutgoingWebhook]:
    """Deliver from where it stopped, or from the oldest change that is still kept.

    If its creator lost the right to see the changes, it reads them for the `resumer` from now on. Raises
    Refused with NOT_FOUND.
    """
    return _changed(_RESUME, {"webhook_id": webhook_id, "resumer": resumer})


def rotate_secret(webhook_id: str, secret: str, until: int | None) -> Program[OutgoingWebhook]:
    """Sign with this secret and, until a time in Unix seconds if given, with the one before, too.

    Raises Refused with NOT_FOUND.
    """
    return _changed(_ROTATE, {"webhook_id": webhook_id, "secret": secret, "until": until})


def delete(webhook_id: str) -> Program[OutgoingWebhook]:
    """Remove a webhook with its deliveries; raises Refused with NOT_FOUND."""
    bind: dict[str, Value] = {"webhook_id": webhook_id}
    found, _, _ = yield [
        Statement(f"SELECT {_SHOWN} FROM {_ROW}", bind),
        Statement(_DELETE_DELIVERIES, bind),
        Statement(_DELETE, bind),
    ]
    if not found:
        raise _unknown(webhook_id)
    return OutgoingWebhook.of(found[0])


def replay(webhook_id: str, sequence: int) -> Program[OutgoingDelivery]:
    """Have a dead letter sent once more; raises Refused with NOT_FOUND or CONFLICT."""
    bind: dict[str, Value] = {"webhook_id": webhook_id, "sequence": sequence}
    replayed, found = yield [
        Statement(_REPLAY, bind, returning=columns(OutgoingDelivery), of=_DELIVERY),
        Statement(_DELIVERY_STATUS, bind),
    ]
    if replayed:
        return OutgoingDelivery.of(replayed[0])
    if not found:
        raise refusal(
            ErrorCode.NOT_FOUND, "id", "there is no such delivery: it may be removed by now"
        )
    message = f"the delivery is {found[0][0]!s}: only dead ones can be replayed"
    raise refusal(ErrorCode.CONFLICT, "id", message)


def _changed(sql: str, bind: Mapping[str, Value]) -> Program[OutgoingWebhook]:
    written = Statement(sql, {"now": instants.now(), **bind}, returning=_SHOWN, of=_ROW)
    (changed,) = yield [written]
    if not changed:
        raise _unknown(str(bind["webhook_id"]))
    return OutgoingWebhook.of(changed[0])


def _unknown(webhook_id: str) -> Exception:
    return refusal(ErrorCode.NOT_FOUND, "id", f"there is no webhook {webhook_id}")

"""Programs that write actors."""

from collections.abc import Mapping, Sequence
from typing import Any

from db.commands import statements
from db.commands.statements import UNCHANGED
from db.errors import ErrorCode, Problem, Refused
from db.model import instants
from db.model.chitty_id import normalised_in_sql, spellings_in_sql
from db.model.column_types import INT64_MAX
from db.model.enums import ActorStatus, SourceType
from db.model.tables import ACTORS, CONTEXTS, Actor
from db.precondition import clear, problems
from db.program import Program, Statement, Value
from db.security.delegation import EXCEEDED, GRANTED, LAST_ADMIN, STRIPPED_OF_ADMIN, Delegation
from db.security.revalidation import STILL_AUTHORIZED
from db.security.row_security import by_key, changeable

UNLIMITED = Delegation()
# A token names an actor by principal or ChittyID, with did:chitty: or without: so no actor's principal may be
# another's ChittyID in either form.
PRINCIPAL_TAKEN_BY_ANOTHER = f"""EXISTS (
        SELECT 1 FROM actors AS other
        WHERE (other.chitty_auth_principal_id = :chitty_auth_principal_id
               OR other.chitty_id = {normalised_in_sql(":chitty_auth_principal_id")})
          AND other.chitty_id <> :chitty_id
    )"""
ID_TAKEN = f"""({statements.ID_TAKEN} OR EXISTS (
        SELECT 1 FROM actors AS other
        WHERE other.chitty_auth_principal_id IN {spellings_in_sql(":chitty_id")}
    ))"""


def status_of(bind: str) -> str:
    return f"(SELECT known.status FROM {by_key(ACTORS, 'known', f':{bind}')})"


def owner_problem(field: str, owner: str, status: Value) -> Problem | None:
    if status is None:
        return Problem(ErrorCode.NOT_FOUND, (field,), f"there is no actor {owner}")
    if status != ActorStatus.ACTIVE.value:
        message = f"{owner} is {status!s}: name an active actor, or reinstate this one first"
        return Problem(ErrorCode.CONFLICT, (field,), message)
    return None


INSERT = statements.insert(ACTORS, f"NOT {ID_TAKEN} AND NOT {PRINCIPAL_TAKEN_BY_ANOTHER}")
WHY_NOT_INSERTED = f"""
    SELECT {ID_TAKEN} AS id_taken, {PRINCIPAL_TAKEN_BY_ANOTHER} AS principal_taken
"""
NEW = statements.new_row(
    ACTORS, {"capabilities": [], "session_count": 0, "status": ActorStatus.ACTIVE}
)


def insert(values: Mapping[str, Any]) -> Program[Actor]:
    """Store a new, active actor; raises Refused with ALREADY_EXISTS if its ChittyID or principal is taken."""
    now = instants.now()
    bind = {**NEW, **statements.binds(values), "created_at": now, "updated_at": now}
    written, explained = yield [
        statements.returning_row(ACTORS, INSERT, bind),
        Statement(WHY_NOT_INSERTED, bind, explains=True),
    ]
    if written:
        return ACTORS.of(written[0])
    ((id_taken, principal_taken),) = explained
    errors = []
    if id_taken:
        errors.append(statements.id_taken_problem(values["chitty_id"]))
    if principal_taken:
        errors.append(_principal_taken())
    raise Refused(errors)


def update(
    chitty_id: str,
    changes: Mapping[str, Any],
    if_updated_at: str | None = None,
    delegation: Delegation = UNLIMITED,
) -> Program[Actor]:
    """Set the changed columns, if they differ.

    Raises Refused with NOT_FOUND, CONFLICT (deleted, changed since `if_updated_at`, or the last admin),
    FORBIDDEN (beyond `delegation`) or ALREADY_EXISTS (principal).
    """
    required = [GRANTED, STRIPPED_OF_ADMIN] if "capabilities" in changes else []
    condition = (
        f"{statements.differs(ACTORS, changes)} AND status <> 'deleted'"
        f" AND NOT {PRINCIPAL_TAKEN_BY_ANOTHER} AND {UNCHANGED} AND {clear(required)}"
    )
    write = statements.update(ACTORS, statements.assignments(ACTORS, changes), condition)
    bind = {"chitty_auth_principal_id": None, **statements.binds(changes), **delegation.bind}
    asking = statements.why_not_written(
        ACTORS, PRINCIPAL_TAKEN_BY_ANOTHER, *[each.sql for each in required]
    )
    actor, answers = yield from statements.write_or_explain(
        ACTORS, [write], asking, bind | statements.reference(chitty_id, if_updated_at)
    )
    if answers is None:
        return actor
    _refuse_deleted(actor)
    principal_taken, *reasons = answers
    errors = [_principal_taken()] if principal_taken else []
    _refuse(errors + problems(required, reasons))
    return actor


END_PRECONDITIONS = [EXCEEDED, LAST_ADMIN]
SUSPEND = statements.update(
    ACTORS,
    "status = 'suspended'",
    f"status = 'active' AND {UNCHANGED} AND {clear(END_PRECONDITIONS)}",
)
WHY_NOT_SUSPENDED = statements.why_not_written(ACTORS, *[each.sql for each in END_PRECONDITIONS])
REINSTATE = statements.update(
    ACTORS, "status = 'active'", f"status <> 'active' AND {UNCHANGED} AND {clear([EXCEEDED])}"
)
WHY_NOT_REINSTATED = statements.why_not_written(ACTORS, EXCEEDED.sql)


def suspend(
    chitty_id: str, if_updated_at: str | None = None, delegation: Delegation = UNLIMITED
) -> Program[Actor]:
    """Raises Refused with NOT_FOUND, CONFLICT (deleted, last admin) or FORBIDDEN (beyond `delegation`)."""
    bind = statements.reference(chitty_id, if_updated_at) | delegation.bind
    actor, reasons = yield from statements.write_or_explain(
        ACTORS, [SUSPEND], WHY_NOT_SUSPENDED, bind
    )
    _refuse_deleted(actor)
    if reasons is not None:
        _refuse(problems(END_PRECONDITIONS, reasons))
    return actor


def reinstate(
    chitty_id: str, if_updated_at: str | None = None, delegation: Delegation = UNLIMITED
) -> Program[Actor]:
    """Raises Refused with NOT_FOUND, CONFLICT or FORBIDDEN (beyond `delegation`)."""
    bind = statements.reference(chitty_id, if_updated_at) | delegation.bind
    actor, reasons = yield from statements.write_or_explain(
        ACTORS, [REINSTATE], WHY_NOT_REINSTATED, bind
    )
    if reasons is not None:
        _refuse(problems([EXCEEDED], reasons))
    return actor


OWNED = f"""(
        SELECT count(*) FROM {CONTEXTS.seen} AS owned
        WHERE owned.owner_chitty_id = :chitty_id AND owned.status <> 'deleted'
    )"""
MAY_DELETE = f"""EXISTS (
        SELECT 1 FROM actors
        WHERE chitty_id = :chitty_id AND {changeable(ACTORS, "actors")}
          AND status <> 'deleted' AND {UNCHANGED}
          AND {clear(END_PRECONDITIONS)}
          AND CASE WHEN :transfer_contexts_to IS NULL THEN {OWNED} = 0
              ELSE :transfer_contexts_to <> :chitty_id
               AND coalesce({status_of("transfer_contexts_to")} = 'active', FALSE) END
    )"""
TRANSFER_CONTEXTS = f"""
    UPDATE contexts
    SET owner_chitty_id = :transfer_contexts_to, updated_at = {instants.LATER}
    WHERE owner_chitty_id = CASE WHEN {STILL_AUTHORIZED} AND {MAY_DELETE} THEN :chitty_id END
      AND status <> 'deleted' AND :transfer_contexts_to IS NOT NULL
"""
DISCONNECT = statements.disconnect_all(SourceType.ACTOR, MAY_DELETE)
DELETE = statements.update(ACTORS, "status = 'deleted'", MAY_DELETE)
WHY_NOT_DELETED = statements.why_not_written(
    ACTORS,
    OWNED,
    status_of("transfer_contexts_to"),
    *[each.sql for each in END_PRECONDITIONS],
)


def delete(
    chitty_id: str,
    if_updated_at: str | None = None,
    delegation: Delegation = UNLIMITED,
    *,
    transfer_contexts_to: str | None = None,
) -> Program[Actor]:
    """Delete an actor softly, hand its contexts over and disconnect its own connections.

    Raises Refused with NOT_FOUND or CONFLICT (the actor or the new owner), FORBIDDEN (beyond `delegation`),
    or IN_USE if contexts would have no owner.
    """
    bind = statements.reference(chitty_id, if_updated_at) | delegation.bind
    bind["transfer_contexts_to"] = transfer_contexts_to
    actor, answers = yield from statements.write_or_explain(
        ACTORS, [TRANSFER_CONTEXTS, DISCONNECT, DELETE], WHY_NOT_DELETED, bind
    )
    if answers is None or actor.status == ActorStatus.DELETED.value:
        return actor
    owned, status, *reasons = answers
    _refuse(problems(END_PRECONDITIONS, reasons))
    if transfer_contexts_to is None:
        message = (
            f"{chitty_id} still owns contexts, {owned!s} not counting deleted ones:"
            " hand them to another actor with transferContextsTo, or delete them first"
        )
        raise statements.refusal(ErrorCode.IN_USE, "chitty_id", message)
    problem = owner_problem("transfer_contexts_to", transfer_contexts_to, status)
    raise Refused([problem] if problem else [])


RECORD_SEEN = statements.update(
    ACTORS,
    f"""
        last_seen_at = {instants.latest("last_seen_at")},
        session_count = min(coalesce(session_count, 0), {INT64_MAX} - :new_session) + :new_session
    """,
    "status <> 'deleted'",
)
WHY_NOT_RECORDED_SEEN = statements.why_not_written(ACTORS)


def record_seen(chitty_id: str, *, new_session: bool) -> Program[Actor]:
    """Record that an actor was active now; raises Refused with NOT_FOUND, or CONFLICT if it is deleted."""
    bind = statements.reference(chitty_id) | {"new_session": int(new_session)}
    actor, _ = yield from statements.write_or_explain(
        ACTORS, [RECORD_SEEN], WHY_NOT_RECORDED_SEEN, bind
    )
    _refuse_deleted(actor)
    return actor


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise Refused(problems)


def _refuse_deleted(actor: Actor) -> None:
    if actor.status == ActorStatus.DELETED.value:
        message = f"{actor.chitty_id} is deleted: reinstate it first"
        raise statements.refusal(ErrorCode.CONFLICT, "chitty_id", message)


def _principal_taken() -> Problem:
    field = "chitty_auth_principal_id"
    return Problem(ErrorCode.ALREADY_EXISTS, (field,), "another actor already has this")

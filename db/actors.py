"""Programs that write actors."""

from collections.abc import Mapping
from typing import Any

from db import clock, rules
from db.enums import ActorStatus, SourceType
from db.errors import ErrorCode, Problem, Refused
from db.kinds import INT64_MAX
from db.program import Program, Statement, Value
from db.rules import UNCHANGED
from db.tables import ACTORS, Actor

PRINCIPAL_TAKEN = """EXISTS (
        SELECT 1 FROM actors AS other
        WHERE other.chitty_auth_principal_id = :chitty_auth_principal_id
    )"""
PRINCIPAL_TAKEN_BY_ANOTHER = """EXISTS (
        SELECT 1 FROM actors AS other
        WHERE other.chitty_auth_principal_id = :chitty_auth_principal_id
          AND other.chitty_id <> :chitty_id
    )"""


def status_of(bind: str) -> str:
    """SQL for the status of the actor whose ChittyID is bound by this name; NULL for none."""
    return f"(SELECT known.status FROM actors AS known WHERE known.chitty_id = :{bind})"


def owner_problem(field: str, owner: str, status: Value) -> Problem | None:
    """What keeps an actor with this status from being given contexts, if anything does."""
    if status is None:
        return Problem(ErrorCode.NOT_FOUND, (field,), f"there is no actor {owner}")
    if status != ActorStatus.ACTIVE.value:
        message = f"{owner} is {status!s}: name an active actor, or reinstate this one first"
        return Problem(ErrorCode.CONFLICT, (field,), message)
    return None


INSERT = rules.insert(ACTORS, f"NOT {rules.ID_TAKEN} AND NOT {PRINCIPAL_TAKEN}")
WHY_NOT_INSERTED = f"SELECT {rules.ID_TAKEN} AS id_taken, {PRINCIPAL_TAKEN} AS principal_taken"


def insert(values: Mapping[str, Any]) -> Program[Actor]:
    """Store a new, active actor with these columns.

    Raises Refused with ALREADY_EXISTS where its ChittyID or its principal is taken.
    """
    now = clock.now()
    start = {"capabilities": [], "session_count": 0, "status": ActorStatus.ACTIVE}
    bind = rules.new_row(ACTORS, {**start, **values, "created_at": now, "updated_at": now})
    written, [(id_taken, principal_taken)] = yield [
        Statement(INSERT, bind),
        Statement(WHY_NOT_INSERTED, bind),
    ]
    if written:
        return ACTORS.of(written[0])
    problems = []
    if id_taken:
        problems.append(rules.id_taken(values["chitty_id"]))
    if principal_taken:
        problems.append(_principal_taken())
    raise Refused(problems)


WHY_NOT_UPDATED = rules.why(ACTORS, PRINCIPAL_TAKEN_BY_ANOTHER)


def update(
    chitty_id: str, changes: Mapping[str, Any], if_updated_at: str | None = None
) -> Program[Actor]:
    """Set the changed columns; nothing is written where they are so already.

    Raises Refused with NOT_FOUND, with CONFLICT where the actor is deleted or has changed since
    `if_updated_at`, and with ALREADY_EXISTS where another actor has the principal.
    """
    condition = (
        f"{rules.differs(ACTORS, changes)} AND status <> 'deleted'"
        f" AND NOT {PRINCIPAL_TAKEN_BY_ANOTHER} AND {UNCHANGED}"
    )
    write = rules.update(ACTORS, rules.assignments(ACTORS, changes), condition)
    bind = {"chitty_auth_principal_id": None, **rules.binds(changes)}
    actor, answers = yield from rules.attempt(
        ACTORS, [write], WHY_NOT_UPDATED, bind | rules.reference(chitty_id, if_updated_at)
    )
    if answers is None:
        return actor
    _refuse_deleted(actor)
    (principal_taken,) = answers
    if principal_taken:
        raise Refused([_principal_taken()])
    return actor


SUSPEND = rules.update(ACTORS, "status = 'suspended'", f"status = 'active' AND {UNCHANGED}")
REINSTATE = rules.update(ACTORS, "status = 'active'", f"status <> 'active' AND {UNCHANGED}")
WHY_NOT = rules.why(ACTORS)


def suspend(chitty_id: str, if_updated_at: str | None = None) -> Program[Actor]:
    """Suspend an active actor; raises Refused with NOT_FOUND, and CONFLICT where it is deleted."""
    bind = rules.reference(chitty_id, if_updated_at)
    actor, _ = yield from rules.attempt(ACTORS, [SUSPEND], WHY_NOT, bind)
    _refuse_deleted(actor)
    return actor


def reinstate(chitty_id: str, if_updated_at: str | None = None) -> Program[Actor]:
    """Bring a suspended or deleted actor back; raises Refused with NOT_FOUND or CONFLICT."""
    bind = rules.reference(chitty_id, if_updated_at)
    actor, _ = yield from rules.attempt(ACTORS, [REINSTATE], WHY_NOT, bind)
    return actor


OWNED = """(
        SELECT count(*) FROM contexts AS owned
        WHERE owned.owner_chitty_id = :chitty_id AND owned.status <> 'deleted'
    )"""
MAY_DELETE = f"""EXISTS (
        SELECT 1 FROM actors
        WHERE chitty_id = :chitty_id AND status <> 'deleted' AND {UNCHANGED}
          AND CASE WHEN :transfer_contexts_to IS NULL THEN {OWNED} = 0
              ELSE :transfer_contexts_to <> :chitty_id
               AND coalesce({status_of("transfer_contexts_to")} = 'active', FALSE) END
    )"""
HAND_OVER = f"""
    UPDATE contexts
    SET owner_chitty_id = :transfer_contexts_to, updated_at = {clock.LATER}
    WHERE owner_chitty_id = :chitty_id AND status <> 'deleted'
      AND :transfer_contexts_to IS NOT NULL AND {MAY_DELETE}
"""
DISCONNECT = rules.disconnect_all(SourceType.ACTOR, MAY_DELETE)
DELETE = rules.update(ACTORS, "status = 'deleted'", MAY_DELETE)
WHY_NOT_DELETED = rules.why(ACTORS, OWNED, status_of("transfer_contexts_to"))


def delete(
    chitty_id: str, if_updated_at: str | None = None, *, transfer_contexts_to: str | None = None
) -> Program[Actor]:
    """Delete an actor softly: its contexts are handed over, its own connections disconnected.

    Raises Refused with NOT_FOUND or CONFLICT for the actor or the one to transfer to (which must be
    another), and with IN_USE where contexts would be left without an owner.
    """
    bind = rules.reference(chitty_id, if_updated_at)
    bind["transfer_contexts_to"] = transfer_contexts_to
    actor, answers = yield from rules.attempt(
        ACTORS, [HAND_OVER, DISCONNECT, DELETE], WHY_NOT_DELETED, bind
    )
    if answers is None or actor.status == ActorStatus.DELETED.value:
        return actor
    owned, status = answers
    if transfer_contexts_to is None:
        message = (
            f"{chitty_id} still owns contexts, {owned!s} not counting deleted ones:"
            " hand them to another actor with transferContextsTo, or delete them first"
        )
        raise rules.refused(ErrorCode.IN_USE, "chitty_id", message)
    problem = owner_problem("transfer_contexts_to", transfer_contexts_to, status)
    raise Refused([problem] if problem else [])


SEEN = rules.update(
    ACTORS,
    f"""
        last_seen_at = {clock.latest("last_seen_at")},
        session_count = min(coalesce(session_count, 0), {INT64_MAX} - :new_session) + :new_session
    """,
    "status <> 'deleted'",
)


def record_seen(chitty_id: str, *, new_session: bool) -> Program[Actor]:
    """Note that an actor was there just now, and count a new session.

    Raises Refused with NOT_FOUND, and with CONFLICT where the actor is deleted.
    """
    bind = rules.reference(chitty_id) | {"new_session": int(new_session)}
    actor, _ = yield from rules.attempt(ACTORS, [SEEN], WHY_NOT, bind)
    _refuse_deleted(actor)
    return actor


def _refuse_deleted(actor: Actor) -> None:
    if actor.status == ActorStatus.DELETED.value:
        message = f"{actor.chitty_id} is deleted: reinstate it first"
        raise rules.refused(ErrorCode.CONFLICT, "chitty_id", message)


def _principal_taken() -> Problem:
    field = "chitty_auth_principal_id"
    return Problem(ErrorCode.ALREADY_EXISTS, (field,), "another actor has this principal already")

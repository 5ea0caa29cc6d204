"""Programs that write contexts."""

from collections.abc import Mapping
from typing import Any

from db.commands import statements
from db.commands.actors import owner_problem, status_of
from db.commands.statements import UNCHANGED
from db.errors import ErrorCode, Problem, Refused
from db.model import instants
from db.model.enums import ActorStatus, ContextStatus, SourceType
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, Context
from db.program import Program, Statement
from db.security.row_security import by_key, changeable

NAME_TAKEN = "EXISTS (SELECT 1 FROM contexts AS other WHERE other.name = :name)"
NAME_TAKEN_BY_ANOTHER = """EXISTS (
        SELECT 1 FROM contexts AS other
        WHERE other.name = :name AND other.chitty_id <> :chitty_id
    )"""
OWNER_STATUS = status_of("owner_chitty_id")
OWNER_IS_FOREIGN = f"""EXISTS (
        SELECT 1 FROM {by_key(ACTORS, "owner", ":owner_chitty_id")}
            AND NOT {changeable(ACTORS, "owner")}
    )"""

# Connections whose context is gone: whoever got its ChittyID would get these connections too.
ORPHANS = f"""EXISTS (
        SELECT 1 FROM connections AS other
        WHERE other.source_chitty_id = :chitty_id AND NOT {changeable(CONNECTIONS, "other")}
    )"""
ID_TAKEN = f"({statements.ID_TAKEN} OR {ORPHANS})"

INSERT = statements.insert(
    CONTEXTS,
    f"NOT {ID_TAKEN} AND NOT {NAME_TAKEN} AND NOT {OWNER_IS_FOREIGN}"
    f" AND coalesce({OWNER_STATUS} = 'active', FALSE)",
)
WHY_NOT_INSERTED = f"""
    SELECT {ID_TAKEN} AS id_taken, {NAME_TAKEN} AS name_taken, {OWNER_STATUS} AS owner_status,
        {OWNER_IS_FOREIGN} AS owner_is_foreign
"""
NEW = statements.new_row(
    CONTEXTS, {"data": [], "systems": [], "tools": [], "status": ContextStatus.ACTIVE}
)


def insert(values: Mapping[str, Any]) -> Program[Context]:
    """Raises Refused with ALREADY_EXISTS (ChittyID or name), or NOT_FOUND, FORBIDDEN or CONFLICT (owner)."""
    now = instants.now()
    bind = {**NEW, **statements.binds(values), "created_at": now, "updated_at": now}
    written, explained = yield [
        statements.returning_row(CONTEXTS, INSERT, bind),
        Statement(WHY_NOT_INSERTED, bind, explains=True),
    ]
    if written:
        return CONTEXTS.of(written[0])
    ((id_taken, name_taken, owner_status, owner_is_foreign),) = explained
    problems = [
        statements.id_taken_problem(values["chitty_id"]) if id_taken else None,
        _name_taken(values["name"]) if name_taken else None,
        _foreign_owner(values["owner_chitty_id"])
        if owner_is_foreign
        else owner_problem("owner", values["owner_chitty_id"], owner_status),
    ]
    raise Refused([problem for problem in problems if problem])


WHY_NOT_UPDATED = statements.why_not_written(CONTEXTS, NAME_TAKEN_BY_ANOTHER)


def update(
    chitty_id: str, changes: Mapping[str, Any], if_updated_at: str | None = None
) -> Program[Context]:
    """Raises Refused with NOT_FOUND, CONFLICT (deleted, changed since `if_updated_at`) or ALREADY_EXISTS."""
    condition = (
        f"{statements.differs(CONTEXTS, changes)} AND status <> 'deleted'"
        f" AND NOT {NAME_TAKEN_BY_ANOTHER} AND {UNCHANGED}"
    )
    write = statements.update(CONTEXTS, statements.assignments(CONTEXTS, changes), condition)
    bind = {
        "name": None,
        **statements.binds(changes),
        **statements.reference(chitty_id, if_updated_at),
    }
    context, answers = yield from statements.write_or_explain(
        CONTEXTS, [write], WHY_NOT_UPDATED, bind
    )
    if answers is None:
        return context
    if context.status == ContextStatus.DELETED.value:
        message = f"{chitty_id} is deleted: restore it first"
        raise statements.refusal(ErrorCode.CONFLICT, "chitty_id", message)
    (name_taken,) = answers
    if name_taken:
        raise Refused([_name_taken(changes["name"])])
    return context


NEW_OWNER_STATUS = status_of("new_owner")
TRANSFER = statements.update(
    CONTEXTS,
    "owner_chitty_id = :new_owner",
    f"owner_chitty_id <> :new_owner AND {UNCHANGED}"
    f" AND coalesce({NEW_OWNER_STATUS} = 'active', FALSE)",
)
WHY_NOT_TRANSFERRED = statements.why_not_written(CONTEXTS, NEW_OWNER_STATUS)


def transfer(chitty_id: str, new_owner: str, if_updated_at: str | None = None) -> Program[Context]:
    """Give a context to an active actor; raises Refused with NOT_FOUND or CONFLICT for either."""
    # A deleted context can change hands too, so that its new owner can restore it.
    bind = statements.reference(chitty_id, if_updated_at) | {"new_owner": new_owner}
    context, answers = yield from statements.write_or_explain(
        CONTEXTS, [TRANSFER], WHY_NOT_TRANSFERRED, bind
    )
    if answers is None or context.owner_chitty_id == new_owner:
        return context
    problem = owner_problem("new_owner", new_owner, answers[0])
    raise Refused([problem] if problem else [])


MAY_DELETE = f"""EXISTS (
        SELECT 1 FROM contexts
        WHERE chitty_id = :chitty_id AND {changeable(CONTEXTS, "contexts")}
          AND status <> 'deleted' AND {UNCHANGED}
    )"""
DISCONNECT = statements.disconnect_all(SourceType.CONTEXT, MAY_DELETE)
DELETE = statements.update(CONTEXTS, "status = 'deleted', deleted_at = :now", MAY_DELETE)
WHY_NOT_DELETED = statements.why_not_written(CONTEXTS)


def delete(chitty_id: str, if_updated_at: str | None = None) -> Program[Context]:
    """Delete a context softly and disconnect its connections; raises Refused with NOT_FOUND or CONFLICT."""
    # Its name stays in use.
    bind = statements.reference(chitty_id, if_updated_at)
    context, _ = yield from statements.write_or_explain(
        CONTEXTS, [DISCONNECT, DELETE], WHY_NOT_DELETED, bind
    )
    return context


PRESENT_OWNER_STATUS = (
    f"(SELECT owner.status FROM {ACTORS.seen} AS owner WHERE owner.chitty_id = owner_chitty_id)"
)
RESTORE = statements.update(
    CONTEXTS,
    "status = 'active', deleted_at = NULL",
    f"status = 'deleted' AND {UNCHANGED} AND coalesce({PRESENT_OWNER_STATUS} <> 'deleted', FALSE)",
)
WHY_NOT_RESTORED = statements.why_not_written(CONTEXTS, PRESENT_OWNER_STATUS)


def restore(chitty_id: str, if_updated_at: str | None = None) -> Program[Context]:
    """Restore a context, not its connections; raises Refused with NOT_FOUND, or CONFLICT for the owner."""
    bind = statements.reference(chitty_id, if_updated_at)
    context, answers = yield from statements.write_or_explain(
        CONTEXTS, [RESTORE], WHY_NOT_RESTORED, bind
    )
    if answers is None or context.status != ContextStatus.DELETED.value:
        return context
    state = "is deleted" if answers[0] == ActorStatus.DELETED.value else "does not exist"
    message = (
        f"its owner {context.owner_chitty_id} {state}:"
        " reinstate that actor or transfer the context to another first"
    )
    raise statements.refusal(ErrorCode.CONFLICT, "chitty_id", message)


def _foreign_owner(owner: str) -> Problem:
    return Problem(ErrorCode.FORBIDDEN, ("owner",), f"{owner} is not yours to create contexts for")


def _name_taken(name: str) -> Problem:
    message = f"a context named {name!r} already exists; deleted contexts keep their names"
    return Problem(ErrorCode.ALREADY_EXISTS, ("name",), message)

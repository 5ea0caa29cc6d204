"""Preconditions of connections, each declared once: its SQL, and the problem if it is not met."""

from collections.abc import Callable

from db.errors import ErrorCode, Problem
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS
from db.precondition import Precondition
from db.security.row_security import by_key, changeable

# By the first two words of a reason; the rest is the name that {} stands for.
MESSAGES = {
    "source unknown": "there is no context or actor {}",
    "actor foreign": "actor {} is not yours to open connections for",
    "context foreign": "context {} is not yours to open connections for",
    "actor suspended": "actor {} is suspended: reinstate it first",
    "actor deleted": "actor {} is deleted: reinstate it first",
    "context inactive": "context {} is inactive: activate it first",
    "context deleted": "context {} is deleted: restore it first",
    "owner suspended": "the owner of context {} is suspended: reinstate it or transfer the context",
    "owner deleted": "the owner of context {} is deleted: reinstate it or transfer the context",
    "owner unknown": "the owner of context {} is unknown: transfer it to an active actor first",
    "installation unknown": "there is no installation {}",
    "installation suspended": "installation {} is suspended: unsuspend it first",
    "installation uninstalled": "installation {} was uninstalled: install the app again first",
}
_CODES = {
    "source unknown": ErrorCode.NOT_FOUND,
    "installation unknown": ErrorCode.NOT_FOUND,
    "actor foreign": ErrorCode.FORBIDDEN,
    "context foreign": ErrorCode.FORBIDDEN,
}


def usable_source(source: str, field: str) -> Precondition:
    """`source` is SQL for the ChittyID of a source that may open connections."""
    sql = f"""nullif(coalesce(
        (
            SELECT CASE
                WHEN NOT {changeable(CONTEXTS, "context")} THEN 'context foreign'
                WHEN context.status <> 'active' THEN 'context ' || context.status
                WHEN owner.status = 'active' THEN 'usable'
                ELSE 'owner ' || coalesce(owner.status, 'unknown') END
            FROM {CONTEXTS.seen} AS context
            LEFT JOIN {ACTORS.seen} AS owner ON owner.chitty_id = context.owner_chitty_id
            WHERE context.chitty_id = {source}
        ),
        (
            SELECT CASE
                WHEN NOT {changeable(ACTORS, "actor")} THEN 'actor foreign'
                WHEN actor.status = 'active' THEN 'usable'
                ELSE 'actor ' || actor.status END
            FROM {by_key(ACTORS, "actor", source)}
        ),
        'source unknown'
    ), 'usable') || ' ' || {source}"""
    return Precondition(sql, _explainer(field))


def usable_installation(installation: str, field: str) -> Precondition:
    """`installation` is SQL for the id of one that connections can use, or NULL."""
    sql = f"""nullif(coalesce(
        (
            SELECT CASE
                WHEN known.uninstalled_at IS NOT NULL THEN 'installation uninstalled'
                WHEN known.suspended_at IS NOT NULL THEN 'installation suspended'
                ELSE 'usable' END
            FROM {by_key(INSTALLATIONS, "known", installation)}
        ),
        'installation unknown'
    ), 'usable') || ' ' || {installation}"""
    return Precondition(sql, _explainer(field))


def present_installation(installation: str, field: str) -> Precondition:
    """The installation was not removed; it may be suspended, since that can end."""
    sql = f"""(
        SELECT 'installation uninstalled ' || gone.installation_id
        FROM {by_key(INSTALLATIONS, "gone", installation)} AND gone.uninstalled_at IS NOT NULL
    )"""
    return Precondition(sql, _explainer(field))


def active_duplicate(
    source: str, service: str, endpoint: str, code: ErrorCode, field: str
) -> Precondition:
    """No other active connection has this source, service and endpoint, each of them SQL."""
    # NULL is an endpoint too. Connections that the viewer does not see count.
    sql = f"""(
        SELECT other.target_service
            || coalesce(' at ' || nullif(other.target_endpoint, ''), ' without an endpoint')
        FROM {CONNECTIONS.name} AS other
        WHERE other.source_chitty_id = {source} AND other.target_service = {service}
          AND coalesce(other.target_endpoint, '') = coalesce({endpoint}, '')
          AND other.status = 'active' AND other.connection_id <> :connection_id
        LIMIT 1
    )"""
    message = "the same source already has an active connection to {}: disconnect that one first"
    return Precondition(sql, lambda place: Problem(code, (field,), message.format(place)))


def _explainer(field: str) -> Callable[[str], Problem]:
    def explain(reason: str) -> Problem:
        thing, state, name = reason.split(" ", 2)
        message = MESSAGES.get(f"{thing} {state}", f"{thing} {{}} is {state}")
        return Problem(
            _CODES.get(f"{thing} {state}", ErrorCode.CONFLICT), (field,), message.format(name)
        )

    return explain

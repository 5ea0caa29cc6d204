"""Programs that record the health and the use of connections."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from db.commands import connections, preconditions
from db.errors import ErrorCode, Problem, Refused
from db.model import instants
from db.model.column_types import INT32_MAX, INT64_MAX
from db.model.instants import LATER
from db.model.tables import CONNECTIONS, Connection
from db.precondition import Precondition
from db.program import Program, Statement
from db.security.revalidation import STILL_AUTHORIZED
from db.security.row_security import returned

# A viewer who may report at all may do so for every connection that it sees.
VISIBLE = f"""EXISTS (
        SELECT 1 FROM {CONNECTIONS.seen} AS seen
        WHERE seen.connection_id = connections.connection_id
    )"""

LAST_CHECK = instants.as_instant("connections.last_health_check")
CHECKED = f"coalesce(:checked_at, {instants.latest('connections.last_health_check')})"

ERRORS = f"min(coalesce(error_count, 0) + 1, {INT32_MAX})"
HEALTHY = f"""status = CASE status WHEN 'failed' THEN 'active' ELSE status END,
            error_count = 0, last_error = NULL,
            last_health_check = {CHECKED}"""
UNHEALTHY = f"""status = CASE
                WHEN status = 'active' AND {ERRORS} >= :threshold THEN 'failed' ELSE status END,
            error_count = {ERRORS}, last_error = coalesce(:error, last_error),
            last_health_check = {CHECKED}"""

IS_LATEST = Precondition(
    f"CASE WHEN {LAST_CHECK} > :checked_at THEN {LAST_CHECK} END",
    lambda last: Problem(
        ErrorCode.CONFLICT,
        ("checked_at",),
        f"this check is older than the last one, of {last}",
    ),
)
DUPLICATE = preconditions.active_duplicate(
    connections.SOURCE,
    connections.SERVICE,
    connections.ENDPOINT,
    ErrorCode.CONFLICT,
    "connection_id",
).when("connections.status = 'failed'")


def report(
    connection_id: str, *, healthy: bool, error: str | None, checked_at: str | None, threshold: int
) -> Program[Connection]:
    """Record a health check of `checked_at` or now: after `threshold` errors in a row a connection fails.

    Raises Refused with NOT_FOUND or CONFLICT (disconnected, checked later, or an active duplicate).
    """
    # A healthy check makes a failed connection active again, unless that would be an active
    # duplicate.
    check = {"error": error, "checked_at": checked_at, "threshold": threshold}
    return connections.change(
        connections.reference(connection_id) | check,
        changes=HEALTHY if healthy else UNHEALTHY,
        differs="TRUE",
        required=[connections.NOT_DISCONNECTED, IS_LATEST, *([DUPLICATE] if healthy else [])],
        allowed=VISIBLE,
    )


@dataclass(frozen=True, slots=True)
class Usage:
    connection_id: str
    requests: int


# Uses that cannot be counted, by their place in the list.
UNUSABLE = f"""
    SELECT use.key, connection.status
    FROM json_each(:uses) AS use
    LEFT JOIN {CONNECTIONS.seen} AS connection ON connection.connection_id = use.value ->> 0
    WHERE connection.connection_id IS NULL OR connection.status = 'disconnected'
    ORDER BY use.key
"""
COUNTED = (
    "connections WHERE connections.connection_id IN (SELECT value ->> 0 FROM json_each(:uses))"
)
COUNT = f"""
    WITH used AS (
        SELECT value ->> 0 AS used_id, sum(value ->> 1) AS requests
        FROM json_each(:uses) GROUP BY used_id
    )
    UPDATE connections
    SET request_count = CASE
            WHEN coalesce(request_count, 0) > {INT64_MAX} - used.requests THEN {INT64_MAX}
            ELSE coalesce(request_count, 0) + used.requests END,
        last_used_at = {instants.latest("connections.last_used_at")},
        updated_at = {LATER}
    FROM used
    WHERE connections.connection_id = used.used_id AND {STILL_AUTHORIZED}
      AND NOT EXISTS ({UNUSABLE})
"""


def count_uses(uses: Sequence[Usage]) -> Program[list[Connection]]:
    """Count the requests, all or none, and return the connections, each once.

    Raises Refused with NOT_FOUND or CONFLICT at each failing place.
    """
    uses_json = json.dumps([[use.connection_id, use.requests] for use in uses])
    written, unusable = yield [
        Statement(
            COUNT,
            {"uses": uses_json, "now": instants.now()},
            returning=returned(CONNECTIONS),
            of=COUNTED,
        ),
        Statement(UNUSABLE, {"uses": uses_json}, explains=True),
    ]
    if not written and unusable:
        raise Refused(
            [_unusable(int(str(place)), status is None, uses) for place, status in unusable]
        )
    return [CONNECTIONS.of(row) for row in written]


def _unusable(place: int, is_unknown: bool, uses: Sequence[Usage]) -> Problem:
    path, key = (str(place), "connection_id"), uses[place].connection_id
    if is_unknown:
        return Problem(ErrorCode.NOT_FOUND, path, f"there is no connection {key}")
    message = f"connection {key} is disconnected: reconnect it first"
    return Problem(ErrorCode.CONFLICT, path, message)

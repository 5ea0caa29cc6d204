"""Programs that note how connections fare: reports of their health, and their use."""

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

# Whoever may report at all does so for every connection that it sees.
SEEN = f"""EXISTS (
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

OUTDATED = Precondition(
    f"CASE WHEN {LAST_CHECK} > :checked_at THEN {LAST_CHECK} END",
    lambda last: Problem(
        ErrorCode.CONFLICT,
        ("checked_at",),
        f"this check is older than the last one known, of {last}",
    ),
)
TWIN = preconditions.active_twin(
    connections.SOURCE,
    connections.SERVICE,
    connections.ENDPOINT,
    ErrorCode.CONFLICT,
    "connection_id",
).when("connections.status = 'failed'")


def report(
    connection_id: str, *, healthy: bool, error: str | None, checked_at: str | None, threshold: int
) -> Program[Connection]:
    """Note a check of a connection, made at `checked_at` or now; errors are counted in a row.

    An active one fails when as many errors as `threshold` have been counted, and a failed one that
    is healthy again becomes active. Raises Refused with NOT_FOUND, and with CONFLICT where it is
    disconnected, was checked later than that, or would become active beside a twin.
    """
    told = {"error": error, "checked_at": checked_at, "threshold": threshold}
    return connections.revise(
        connections.reference(connection_id) | told,
        changes=HEALTHY if healthy else UNHEALTHY,
        differs="TRUE",
        in_the_way=[connections.DISCONNECTED, OUTDATED, *([TWIN] if healthy else [])],
        may=SEEN,
    )


@dataclass(frozen=True, slots=True)
class Use:
    """So many requests made through one connection."""

    connection_id: str
    requests: int


# What cannot be counted, by its place in the list.
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


def count_uses(uses: Sequence[Use]) -> Program[list[Connection]]:
    """Add up what was requested and return the connections in the order of `uses`; all or nothing.

    Raises Refused with NOT_FOUND or CONFLICT, at its place, for each unknown or disconnected one.
    """
    packed = json.dumps([[use.connection_id, use.requests] for use in uses])
    written, unusable = yield [
        Statement(
            COUNT,
            {"uses": packed, "now": instants.now()},
            returning=returned(CONNECTIONS),
            of=COUNTED,
        ),
        Statement(UNUSABLE, {"uses": packed}),
    ]
    if unusable:
        raise Refused(
            [_unusable(int(str(place)), status is None, uses) for place, status in unusable]
        )
    counted = {row.connection_id: row for row in map(CONNECTIONS.of, written)}
    return [counted[use.connection_id] for use in uses]


def _unusable(place: int, is_unknown: bool, uses: Sequence[Use]) -> Problem:
    path, found = (str(place), "connection_id"), uses[place].connection_id
    if is_unknown:
        return Problem(ErrorCode.NOT_FOUND, path, f"there is no connection {found}")
    message = f"connection {found} is disconnected: reconnect it first"
    return Problem(ErrorCode.CONFLICT, path, message)

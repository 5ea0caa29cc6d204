"""The limits of cursors of changes: a page after or before one that is outside them would have a gap."""

import json

from db.errors import BadRequest
from db.model.retention import LAST_PRUNED, NEWEST_CHANGE
from db.program import Program, Statement, Value

# One JSON text, as every statement of a plan gives.
LIMITS = Statement(f"SELECT json_array({LAST_PRUNED}, {NEWEST_CHANGE})")


def limits() -> Program[str]:
    """The sequence numbers of the last change that was cut off and of the newest, for `check_cursors`."""
    (((text,),),) = yield [LIMITS]
    return str(text)


def check_cursors(after: Value, before: Value, limits: str) -> None:
    """Raise BadRequest if one of these sequence numbers, of genuine cursors, is outside the limits."""
    pruned, newest = json.loads(limits)
    if any(isinstance(cursor, int) and cursor > newest for cursor in (after, before)):
        raise BadRequest(
            "BAD_CURSOR",
            "the cursor is of a change that this registry does not have, as after a restore of an earlier"
            " backup: start from the first page",
        )
    if isinstance(after, int) and after < pruned:
        raise BadRequest(
            "BAD_CURSOR",
            "changes after the cursor have been pruned: start from the first page, with the oldest that is"
            " retained",
        )

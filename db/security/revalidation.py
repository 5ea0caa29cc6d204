"""Every statement that writes for a viewer checks that the viewer still holds what it held.

A request may wait long between the check of its credential and its write: for the rest of its body, for
a ChittyID, for other writes. Meanwhile its actor may have been suspended, may have lost a capability, or
its key may have been revoked. Engines that are asked over HTTP commit a batch before its rows are here,
so that the condition stands in each statement (`STILL_AUTHORIZED`) and not in Python after the batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from db.errors import ErrorCode, Problem, Refused
from db.model.tables import ACTORS
from db.program import Program, Statement, Value
from db.security.delegation import capabilities_in

T = TypeVar("T")

STILL_AUTHORIZED = "still_authorized()"
"""SQL, in a statement that RowSecurity translates: the viewer may still write.

It is a condition of every statement of a mutation that writes.
"""

# `:viewer_capabilities` is the stored text as it was; most of the time it has not changed.
CONDITION = f"""EXISTS (
        SELECT 1 FROM {ACTORS.name} AS asking
        WHERE asking.chitty_id = :viewer AND asking.status = 'active'
          AND (
              :viewer_key IS NULL OR EXISTS (
                  SELECT 1 FROM api_keys AS shown
                  WHERE shown.key_id = :viewer_key AND shown.revoked_at IS NULL
              )
          )
          AND (
              asking.capabilities IS :viewer_capabilities OR NOT EXISTS (
                  SELECT 1 FROM json_each(:viewer_granted_by) AS one
                  WHERE NOT EXISTS (
                      SELECT value FROM json_each(one.value)
                      INTERSECT {capabilities_in("asking.capabilities")}
                  )
              )
          )
    )"""


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a viewer held when its request began.

    `stored` is the text of its capabilities. `granted_by` is JSON: for each capability that it held, the
    list of those that grant it, which are itself and those that include it. `key_id` is the API key that it
    sent, if it sent one.
    """

    stored: str | None = None
    granted_by: str = "[]"
    key_id: str | None = None

    @property
    def bind(self) -> Mapping[str, Value]:
        """What CONDITION reads besides `:viewer`."""
        return {
            "viewer_capabilities": self.stored,
            "viewer_granted_by": self.granted_by,
            "viewer_key": self.key_id,
        }


def raising_if_lost(program: Program[T]) -> Program[T]:
    """The same Program, which raises Refused with FORBIDDEN if the viewer is not authorized any more.

    Its statements, which carry STILL_AUTHORIZED, have written nothing then.
    """
    batch = next(program)
    ((authorized,),), *found = yield [Statement(f"SELECT {STILL_AUTHORIZED}"), *batch]
    if not authorized:
        message = "you lost a capability while this request ran: send it again"
        raise Refused([Problem(ErrorCode.FORBIDDEN, (), message)])
    try:
        while True:
            found = yield program.send(found)
    except StopIteration as stop:
        result: T = stop.value
        return result

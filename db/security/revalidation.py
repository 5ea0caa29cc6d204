"""Every statement that writes for a viewer checks that the viewer still has its rights.

A request may wait long after its credential was checked: for its body, a ChittyID or other writes. Meanwhile
its actor may be suspended or lose a capability, or its key may be revoked. An engine reached over HTTP
commits a batch before Python sees its rows, so the check stands in each statement (`STILL_AUTHORIZED`).
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
    """What a viewer held when its request began: `stored` is the text of its capabilities."""

    stored: str | None = None
    # JSON: for each capability that it held, the list of those that grant it.
    granted_by: str = "[]"
    key_id: str | None = None

    @property
    def bind(self) -> Mapping[str, Value]:
        return {
            "viewer_capabilities": self.stored,
            "viewer_granted_by": self.granted_by,
            "viewer_key": self.key_id,
        }


def raising_if_lost(program: Program[T]) -> Program[T]:
    """Raise Refused with FORBIDDEN if the viewer lost its rights; the batch has written nothing then."""
    batch = next(program)
    ((authorized,),), *rows = yield [Statement(f"SELECT {STILL_AUTHORIZED}"), *batch]
    if not authorized:
        message = "you lost rights while this request ran: send it again"
        raise Refused([Problem(ErrorCode.FORBIDDEN, (), message)])
    try:
        while True:
            rows = yield program.send(rows)
    except StopIteration as stop:
        result: T = stop.value
        return result

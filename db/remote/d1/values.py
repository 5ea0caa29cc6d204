"""Values as they travel to D1 and back, in JSON: only those that arrive as they were sent."""

import json
from typing import Any

from db.errors import EngineLimit, ErrorCode, Problem, Refused
from db.program import Rows, Value, Values
from db.remote.d1.limits import ENGINE, LARGEST_INTEGER, VALUE_BYTES
from db.remote.d1.statements import Prepared
from db.remote.transport import Bound


class InexactInteger(Exception):
    """A number of an answer that may be another one than the stored number."""

    def __init__(self, value: int) -> None:
        super().__init__(
            f"{ENGINE} gives integers beyond 2^53 inexactly: a value near {value} cannot be read"
        )


def parameters(bound: Bound, prepared: Prepared, *, write: bool) -> list[str]:
    """The JSON text of the values that the statement has names for.

    Raises EngineLimit for what D1 cannot hold, or Refused for an integer that is to be written.
    """
    if not prepared.names:
        return []
    values = {name: _checked(bound.bind[name], write=write) for name in prepared.names}
    text = json.dumps(values, ensure_ascii=False)
    # No character takes more than four bytes.
    if len(text) > VALUE_BYTES // 4 and len(text.encode(errors="replace")) > VALUE_BYTES:
        raise EngineLimit(f"{ENGINE} takes at most {VALUE_BYTES:,} bytes of values in a statement")
    return [text]


def _checked(value: Value, *, write: bool) -> Value:
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, bytes):
        raise EngineLimit(f"{ENGINE} takes no BLOBs here")
    if isinstance(value, float) and value - value != 0:
        raise EngineLimit(f"{ENGINE} takes no infinite numbers")
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        message = f"{value} is beyond 2^53 - 1, up to which {ENGINE} keeps integers exactly"
        if write:
            raise Refused([Problem(ErrorCode.INVALID, (), message)])
        raise EngineLimit(message)
    return value


def rows_of(results: Any) -> list[Rows]:
    """The rows of each statement of an answer; raises InexactInteger."""
    return [[_row(row) for row in rows] for rows in results]


def _row(row: list[Any]) -> Values:
    for place, value in enumerate(row):
        kind = type(value)
        if kind is int:
            if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
                raise InexactInteger(value)
        elif kind is dict:
            row[place] = bytes.fromhex(value["blob"])
    return tuple(row)
